"""Which of the branch's changes a merge is about: all of them, some fields, or some samples.

What else the branch has changed counts as not changed. So a part of a merge is the merge of
another branch: one that is the base, with some of what the branch has made of it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from bson import ObjectId

from ..dataset.schema import FRAMES_PREFIX, db_key, type_of
from ..errors import InvalidRequestError
from ..mongo.database import Document
from ..rawbson import layout
from ..rawbson.ids import Ids, Keys, common
from . import documents
from .elements import NULLS
from .schema import by_name, renames

_OF_FIELDS = ("classes", "mask_targets", "skeletons", "label_schemas")
"""What says, by fields, what their values mean. It comes with them."""

_OF_FRAME_FIELDS = "frame_label_schemas"

_OF_SAMPLES = (
    *_OF_FIELDS,
    _OF_FRAME_FIELDS,
    "default_classes",
    "default_mask_targets",
    "default_skeleton",
    "camera_intrinsics",
    "static_transforms",
    "group_field",
    "group_media_types",
    "default_group_slice",
)
"""What samples need to mean what they mean on the branch."""

NOT_TO_CHOOSE = frozenset({"id", "created_at", "last_modified_at", "frame_number"})
"""Fields that make a document that document, or that FiftyOne maintains."""


@dataclass(frozen=True)
class Scope:
    """What somebody wants of a branch."""

    fields: tuple[str, ...] | None = None
    """Top-level fields, those of frames with the prefix ``frames.``; None for all."""
    samples: Keys | None = None
    """Samples, sorted; None for all."""

    @property
    def samples_hash(self) -> str | None:
        """A hash of the wanted samples; None for all."""
        if self.samples is None:
            return None
        return hashlib.sha256(self.samples.tobytes()).hexdigest()

    @property
    def is_whole(self) -> bool:
        """Whether that is everything."""
        return self.fields is None and self.samples is None

    def among(self, keys: Keys) -> Keys:
        """Returns those of sorted samples that are wanted."""
        return keys if self.samples is None else common(self.samples, keys)

    def has(self, id_: ObjectId) -> bool:
        """Returns whether a sample is wanted."""
        return self._wanted is None or id_.binary in self._wanted

    @cached_property
    def _wanted(self) -> frozenset[bytes] | None:
        return None if self.samples is None else frozenset(Ids(self.samples).binaries())

    def adds(self, keys: Keys) -> Keys:
        """Returns those of sorted samples, which the branch has added, that are wanted."""
        return keys[:0] if self.fields is not None else self.among(keys)


WHOLE = Scope()


@dataclass
class PartialFields:
    """What comes of the fields of samples, or of frames."""

    declared: list[Document]
    """The fields of the base, with what comes."""
    renamed: dict[str, str] = field(default_factory=dict)
    """What fields of the branch are called here, where they keep their former names."""
    chosen: frozenset[str] | None = None
    """The keys whose values come; None for all."""
    gone: frozenset[str] = frozenset()
    """Keys of the base that go."""
    moved: dict[str, str] = field(default_factory=dict)
    """Of those, the ones whose values stay under another key in what the branch has deleted."""
    kept: frozenset[str] = frozenset()
    """Keys of the base that stay, though the branch lacks them."""

    def document(self, base: bytes | None, theirs: bytes | None) -> bytes | None:
        """Returns what comes of a document.

        Args:
            base: the document as it was
            theirs: the document as the branch has it

        Returns:
            the base, with what comes
        """
        if theirs is None:
            return None if self.chosen is None or base is None else self._untouched(base)
        there = layout.fields(documents.renamed(theirs, self.renamed))
        was = {} if base is None else layout.fields(base)
        if self.chosen is None:
            there |= {key: was[key] for key in self.kept if key in was}
            return layout.document(there)
        if base is None:
            if all(there.get(key) in (None, *NULLS) for key in self.chosen):
                return None
            return layout.document(
                {
                    key: item
                    for key, item in there.items()
                    if key in self.chosen or key in documents.OWN
                }
            )
        left_out = self.chosen | self.gone
        stays = {key: item for key, item in was.items() if key not in left_out}
        comes = {key: item for key, item in there.items() if key in self.chosen}
        return layout.document({**stays, **comes})

    def _untouched(self, base: bytes) -> bytes:
        """Returns a document that the branch has deleted, which is none of its fields."""
        fields = layout.fields(base)
        if not any(key in fields for key in self.gone):
            return base
        return layout.document(
            {
                self.moved.get(key, key): item
                for key, item in fields.items()
                if key not in self.gone or key in self.moved
            }
        )


@dataclass
class Partial:
    """The branch as it would be if only what is wanted had been done there.

    Args:
        scope: what is wanted
        base: the dataset document of the version that both sides began with
        ours: that of the target
        theirs: that of the branch

    Raises:
        InvalidRequestError: if there is no such field, or a field of some samples has a type that
            the other samples do not have
    """

    scope: Scope
    base: Document
    ours: Document
    theirs: Document
    notes: list[str] = field(default_factory=list, init=False)
    """What does not come, though somebody may think so."""

    def __post_init__(self) -> None:
        found = {
            prefix: _Level(self, key, prefix)
            for key, prefix in (("sample_fields", ""), ("frame_fields", FRAMES_PREFIX))
        }
        if self.scope.fields is not None:
            known = {name for level in found.values() for name in level.known}
            for name in self.scope.fields:
                _check(name, known)
        self.samples = found[""].partial()
        self.frames = found[FRAMES_PREFIX].partial()

    @cached_property
    def document(self) -> Document:
        """The dataset document."""
        made = {
            **self.base,
            "sample_fields": self.samples.declared,
            "frame_fields": self.frames.declared,
            "media_type": self.theirs.get("media_type"),
        }
        fields = self.scope.fields
        if fields is None:
            return made | {key: self.theirs.get(key) for key in _OF_SAMPLES}
        for key in _OF_FIELDS:
            made[key] = _by_field(self.base.get(key), self.theirs.get(key), fields)
        of_frames = tuple(
            name.removeprefix(FRAMES_PREFIX) for name in fields if name.startswith(FRAMES_PREFIX)
        )
        key = _OF_FRAME_FIELDS
        made[key] = _by_field(self.base.get(key), self.theirs.get(key), of_frames)
        return made


class _Pair(NamedTuple):
    """A field as it is called in the base and on the branch; None where it is not."""

    old: str | None
    new: str | None


class _Level:
    """The fields of samples, or of frames, of three versions."""

    def __init__(self, whole: Partial, key: str, prefix: str) -> None:
        self._whole, self._prefix = whole, prefix
        sides = whole.base, whole.ours, whole.theirs
        self._was, self._here, self._there = (by_name(side.get(key)) for side in sides)
        self._renames = renames(self._was, self._there)
        self._former = {new: old for old, new in self._renames.items()}
        self._ours = {new: old for old, new in renames(self._was, self._here).items()}

    @property
    def known(self) -> set[str]:
        """What fields can be called, with the prefix."""
        return {self._prefix + name for name in (*self._was, *self._there, *self._ours)}

    def partial(self) -> PartialFields:
        """Returns what comes."""
        scope = self._whole.scope
        pairs = self._all() if scope.fields is None else self._chosen(scope.fields)
        if scope.samples is None:
            return self._of_all_samples(pairs)
        return self._of_some_samples(pairs, scope.fields is None)

    def _all(self) -> list[_Pair]:
        old = [_Pair(name, self._now(name)) for name in self._was]
        new = [_Pair(None, name) for name in self._there]
        return old + [pair for pair in new if pair.new not in {each.new for each in old}]

    def _chosen(self, fields: tuple[str, ...]) -> list[_Pair]:
        found: dict[_Pair, None] = {}
        for path in fields:
            if path.startswith(FRAMES_PREFIX) != bool(self._prefix):
                continue
            name = path.removeprefix(self._prefix)
            if name not in self._there:
                name = self._ours.get(name, name)
            old = self._former.get(name, name)
            if old in self._was:
                found[_Pair(old, self._now(old))] = None
            else:
                found[_Pair(None, name)] = None
        return list(found)

    def _now(self, old: str) -> str | None:
        """Returns what the branch calls a field of the base, if it has it."""
        new = self._renames.get(old, old)
        return new if new in self._there and self._former.get(new, new) == old else None

    def _of_all_samples(self, pairs: list[_Pair]) -> PartialFields:
        """Returns the chosen fields as the branch has them, by the names that it gives them."""
        taken = {pair.new for pair in pairs}
        declared: list[Document] = []
        for name, each in self._was.items():
            pair = next((pair for pair in pairs if pair.old == name), None)
            if pair is None and name not in taken:
                declared.append(each)
            elif pair is not None and pair.new is not None:
                # The time at which it was declared is what a renamed field is known by
                declared.append({**self._there[pair.new], "created_at": each.get("created_at")})
        declared += [
            self._there[pair.new] for pair in pairs if pair.old is None and pair.new is not None
        ]
        return PartialFields(
            declared,
            chosen=frozenset(db_key(self._there[pair.new]) for pair in pairs if pair.new),
            gone=frozenset(db_key(self._was[pair.old]) for pair in pairs if pair.old),
            moved={
                db_key(self._was[pair.old]): db_key(self._there[pair.new])
                for pair in pairs
                if pair.old and pair.new and self._has_same_type(pair.old, pair.new)
            },
        )

    def _of_some_samples(self, pairs: list[_Pair], is_all: bool) -> PartialFields:
        """Returns the fields of the base, and new ones: all samples have the same fields."""
        found = PartialFields(list(self._was.values()))
        places = {name: place for place, name in enumerate(self._was)}
        kept: set[str] = set()
        chosen: set[str] = set()
        for pair in pairs:
            if pair.new is None:
                assert pair.old is not None
                kept.add(db_key(self._was[pair.old]))
                self._note(pair.old, "has deleted")
                continue
            there = self._there[pair.new]
            was = None if pair.old is None else self._was[pair.old]
            self._check_type(pair.old or pair.new, was, there)
            if pair.old is None or was is None:
                found.declared.append(there)
                chosen.add(db_key(there))
                continue
            found.declared[places[pair.old]] = _with_new(was, there)
            chosen.add(db_key(was))
            if pair.new != pair.old:
                found.renamed[db_key(there)] = db_key(was)
                self._note(pair.old, "has renamed")
        found.kept = frozenset(kept)
        found.chosen = None if is_all else frozenset(chosen)
        return found

    def _has_same_type(self, old: str, new: str) -> bool:
        return _type(self._was[old]) == _type(self._there[new])

    def _note(self, name: str, what: str) -> None:
        self._whole.notes.append(
            f"The branch {what} the field '{self._prefix}{name}': that does not come with some "
            "samples, but with all or with the field"
        )

    def _check_type(self, name: str, was: Document | None, there: Document) -> None:
        former = was or self._here.get(name)
        if former is not None and _type(former) != _type(there):
            raise InvalidRequestError(
                f"The field '{self._prefix}{name}' has another type on the branch, which some "
                "samples cannot have alone. Merge it in all samples, without view=, or choose "
                "other fields with fields=[...]"
            )


def _type(declared: Document) -> list[Any]:
    return type_of({**declared, "db_field": None})


def _with_new(was: Document, there: Document) -> Document:
    """Returns a declaration with what the branch has declared inside of the field."""
    inner, others = by_name(was.get("fields")), by_name(there.get("fields"))
    merged = [_with_new(each, others.get(name, each)) for name, each in inner.items()]
    merged += [each for name, each in others.items() if name not in inner]
    return {**was, "fields": merged} if merged else was


def _by_field(base: Any, theirs: Any, fields: Collection[str]) -> Any:
    """Returns what is said by fields, with what the branch says of some."""
    if not isinstance(base or {}, Mapping) or not isinstance(theirs or {}, Mapping):
        return base
    was, there = dict(base or {}), dict(theirs or {})
    stays = {path: item for path, item in was.items() if not _is_in(path, fields)}
    return stays | {path: item for path, item in there.items() if _is_in(path, fields)}


def _is_in(path: str, fields: Collection[str]) -> bool:
    return any(path == name or path.startswith(f"{name}.") for name in fields)


def can_be_chosen(name: str) -> bool:
    """Returns whether a field can be merged by itself: not what FiftyOne keeps for itself."""
    return name not in NOT_TO_CHOOSE and not name.startswith("_")


def _check(name: str, known: set[str]) -> None:
    free = {each for each in known if can_be_chosen(each.removeprefix(FRAMES_PREFIX))}
    if name in free:
        return
    if name in known:
        raise InvalidRequestError(f"The field '{name}' is each document's own and never merged")
    whole = next((other for other in known if name.startswith(f"{other}.")), None)
    hint = (
        f"merge '{whole}', which it is part of"
        if whole
        else "there are: " + ", ".join(sorted(free))
    )
    raise InvalidRequestError(f"There is no top-level field '{name}' to merge; {hint}")
