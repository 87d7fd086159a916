"""Merging the schemas of two sides, before any document: what fields there are to be.

FiftyOne refuses to load a top-level field that no schema declares, and one that a schema declares
with another type. So whatever is decided here holds for every document: :class:`Fields` says how
the documents of each side are to be read, and which fields are taken from one side as a whole.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import bson

from ..dataset.schema import db_key, type_of
from ..diff import schema as declarations
from ..mongo.database import Document
from ..rawbson import equality, layout
from .conflicts import ConflictKind, Take
from .elements import one_sided, value
from .inner import InnerField
from .judge import Element, Judge, encoded
from .values import Values

_OTHER = {Take.OURS: Take.THEIRS, Take.THEIRS: Take.OURS}
_ABOUT = ("description", "info", "read_only")

FieldDocuments = dict[str, Document]


@dataclass
class Fields:
    """How the documents of each side become documents of the merged schema."""

    base: dict[str, str] = field(default_factory=dict)
    """New names of top-level fields, by those that the base has."""
    ours: dict[str, str] = field(default_factory=dict)
    theirs: dict[str, str] = field(default_factory=dict)
    whole: dict[str, Take] = field(default_factory=dict)
    """Fields of which one side's values are taken in every document."""
    contested: dict[str, Take] = field(default_factory=dict)
    """Of those, the ones that are in conflict if this side has changed any value."""
    kinds: dict[str, ConflictKind] = field(default_factory=dict)
    """What kind of conflict that would be."""
    names: dict[str, str] = field(default_factory=dict)
    """What fields are called, by how they are called in documents, as all others here are."""
    told: dict[str, str] = field(default_factory=dict)
    """What fields are called in conflicts whose new name is in conflict itself, or which have
    another name in documents."""
    inner: dict[str, InnerField] = field(default_factory=dict)
    """Fields inside others that one side has deleted, by their paths."""
    sets: frozenset[str] = frozenset()
    """Fields whose lists have no order."""

    @property
    def changes_ours(self) -> bool:
        """Whether documents of the target change that nobody has edited."""
        # Those that are decided are looked at as they were while they were not
        sides = (*self.whole.values(), *map(_OTHER.get, self.contested.values()))
        return (
            bool(self.ours)
            or Take.THEIRS in sides
            or any(each.changes_ours for each in self.inner.values())
        )


@dataclass
class MergedFields:
    """A merged list of fields."""

    documents: list[Document]
    fields: Fields


class SchemaMerge:
    """Merges the fields of samples, or of frames.

    Args:
        judge: settles conflicts
        prefix: what the paths of the fields begin with: nothing, or ``frames.``
        restored: how fields were decided that one side deleted and the other one changed
    """

    def __init__(self, judge: Judge, prefix: str, restored: Mapping[str, Take]) -> None:
        self._judge, self._prefix, self._restored = judge, prefix, restored

    def merge(
        self,
        base: list[Document] | None,
        ours: list[Document] | None,
        theirs: list[Document] | None,
    ) -> MergedFields:
        """Merges.

        Args:
            base: the fields as they were declared
            ours: the fields of the target
            theirs: the fields of the branch

        Returns:
            the merged fields, and how documents follow
        """
        fields = Fields()
        was, here, there = map(by_name, (base, ours, theirs))
        renamed = self._rename(fields, was, here, there)
        was, here, there = map(_translated, (was, here, there), renamed)
        # What both have deleted is no edit of either
        gone = was.keys() - here.keys() - there.keys()
        fields.whole.update(dict.fromkeys((db_key(was[name]) for name in gone), Take.OURS))
        merged: list[Document] = []
        for name in dict.fromkeys([*here, *there]):
            found = self._merge_field(fields, name, was.get(name), here.get(name), there.get(name))
            key = db_key(here.get(name) or there[name])
            fields.names[key] = name
            if key != name:
                fields.told.setdefault(key, name)
            if found is not None:
                merged.append(found)
        fields.sets = frozenset(
            db_key(each) for each in merged if str(each.get("ftype")).endswith(".SetField")
        )
        return MergedFields(merged, fields)

    def _rename(
        self,
        fields: Fields,
        was: FieldDocuments,
        here: FieldDocuments,
        there: FieldDocuments,
    ) -> tuple[FieldDocuments, FieldDocuments, FieldDocuments]:
        """Finds renamed fields, and returns for each side what its fields are declared as now."""
        renamed: tuple[FieldDocuments, FieldDocuments, FieldDocuments] = ({}, {}, {})
        ours, theirs = (renames(was, side) for side in (here, there))
        for old in sorted(ours.keys() | theirs.keys()):
            mine = ours.get(old, old if old in here else None)
            other = theirs.get(old, old if old in there else None)
            if (old in ours and mine in there and mine != other) or (
                old in theirs and other in here and mine != other
            ):
                # The name stands for another field on the other side: one is gone, one is new
                continue
            name = str(mine if old in ours else other)
            is_told = False
            if old in ours and old in theirs and mine != other:
                sides = (encoded(old), encoded(mine), encoded(other))
                kind = ConflictKind.SCHEMA_RENAME
                settled = self._judge.settle(kind, self._prefix + old, *sides)
                name = str(other if settled == sides[2] else mine)
                is_told = True
            declared = here[name] if name == mine else there[name]
            key = db_key(declared)
            if is_told:
                fields.told[key] = old
            fields.base[db_key(was[old])] = key
            renamed[0][old] = declared
            if mine is not None and mine != name:
                fields.ours[db_key(here[mine])] = key
                renamed[1][mine] = declared
            if other is not None and other != name:
                fields.theirs[db_key(there[other])] = key
                renamed[2][other] = declared
        return renamed

    def _merge_field(
        self,
        fields: Fields,
        name: str,
        was: Document | None,
        here: Document | None,
        there: Document | None,
    ) -> Document | None:
        path = self._prefix + name
        if here is None or there is None:
            only = here or there
            assert only is not None
            if was is None:
                return only
            deleted_by = Take.OURS if here is None else Take.THEIRS
            other = Take.THEIRS if here is None else Take.OURS
            key = db_key(only)
            fields.contested[key] = other
            fields.kinds[key] = ConflictKind.SCHEMA_DROPPED_MODIFIED
            fields.whole[key] = self._restored.get(path, deleted_by)
            return None if fields.whole[key] is deleted_by else only
        if type_of(here) == type_of(there):
            return self._merge_declaration(fields, path, was, here, there)
        return self._other_types(fields, path, was, here, there)

    def _other_types(
        self, fields: Fields, path: str, was: Document | None, here: Document, there: Document
    ) -> Document:
        """Takes a field of two types from one side, with all its values."""
        key = db_key(here)
        former = None if was is None else type_of(was)
        if former in (type_of(here), type_of(there)):
            # One side has made it anew, so that values of the other one would not fit
            anew = Take.OURS if former == type_of(there) else Take.THEIRS
            fields.contested[key] = Take.THEIRS if anew is Take.OURS else Take.OURS
            fields.kinds[key] = ConflictKind.SCHEMA_TYPE
            fields.whole[key] = self._restored.get(path, anew)
        else:
            sides = tuple(
                encoded(None if each is None else type_of(each)) for each in (was, here, there)
            )
            settled = self._judge.settle(ConflictKind.SCHEMA_TYPE, path, *sides)
            fields.whole[key] = Take.THEIRS if settled == sides[2] else Take.OURS
        return here if fields.whole[key] is Take.OURS else there

    def _merge_declaration(
        self, fields: Fields, path: str, was: Document | None, here: Document, there: Document
    ) -> Document:
        merged = dict(here)
        values = Values(self._judge)
        for key in _ABOUT:
            base, ours, theirs = (_element(side, key) for side in (was, here, there))
            merged[key] = _decoded(values.merge(f"{path}.{key}", base, ours, theirs))
            if merged[key] is None and key not in here:
                del merged[key]
        inner = self._merge_inner(fields, path, was, here, there)
        if inner or "fields" in here:
            merged["fields"] = inner
        return merged

    def _merge_inner(
        self, fields: Fields, path: str, was: Document | None, here: Document, there: Document
    ) -> list[Document]:
        """Merges the fields inside an embedded document, whose values FiftyOne loads anyway."""
        sides = (by_name((side or {}).get("fields")) for side in (was, here, there))
        former, ours, theirs = sides
        merged = []
        for name in dict.fromkeys([*ours, *theirs]):
            inner = f"{path}.{name}"
            mine, other = ours.get(name), theirs.get(name)
            if mine is None or other is None:
                if name not in former or self._is_restored(fields, inner, mine is None):
                    merged.append(mine or other or {})
                continue
            if type_of(mine) == type_of(other):
                merged.append(
                    self._merge_declaration(fields, inner, former.get(name), mine, other)
                )
                continue
            elements = tuple(
                encoded(None if each is None else type_of(each))
                for each in (former.get(name), mine, other)
            )
            found = one_sided(*elements)
            settled = (
                self._judge.settle(ConflictKind.SCHEMA_TYPE, inner, *elements)
                if found is None
                else found.value
            )
            merged.append(other if settled == elements[2] else mine)
        return merged

    def _is_restored(self, fields: Fields, path: str, by_ours: bool) -> bool:
        """Notes a field inside another one that one side has deleted; tells whether it stays."""
        deleted_by, other = (Take.OURS, Take.THEIRS) if by_ours else (Take.THEIRS, Take.OURS)
        key = path.removeprefix(self._prefix)
        is_restored = self._restored.get(path, deleted_by) is other
        fields.inner[key] = InnerField(deleted_by, is_restored)
        fields.contested[key] = other
        fields.kinds[key] = ConflictKind.SCHEMA_DROPPED_MODIFIED
        return is_restored


def renames(was: FieldDocuments, side: FieldDocuments) -> dict[str, str]:
    """Returns the new names of fields that a side has renamed, by the old ones."""
    before, after = (dict(declarations.declared(list(fields.values()))) for fields in (was, side))
    found = {old: new for new, old in declarations.renamed(before, after).items()}
    return found or _renames_in_a_clone(was, side) or _renames_since_a_clone(was, side)


def _renames_in_a_clone(was: FieldDocuments, side: FieldDocuments) -> dict[str, str]:
    """Finds renamed fields where the time at which fields were declared is that of a clone.

    FiftyOne declares all fields of a clone anew, at one time: that of the fields that are still
    called the same (fiftyone/core/dataset.py, ``_clone_dataset_or_view``).
    """
    times = Counter(str(side[name].get("created_at")) for name in was.keys() & side.keys())
    known = {str(each.get("created_at")) for each in was.values()}
    # Loading declares some again, such as what is inside of metadata
    cloned_at = times.most_common(1)[0][0] if times else "None"
    if cloned_at in known or cloned_at == "None":
        return {}
    new = [name for name in side if name not in was and str(side[name]["created_at"]) == cloned_at]
    return _matched(was, side, [name for name in was if name not in side], new)


def _renames_since_a_clone(was: FieldDocuments, side: FieldDocuments) -> dict[str, str]:
    """Finds renamed fields of a dataset whose base is a snapshot of a clone of it.

    A field that the base lacks, and that was declared before the clone was made, was there then,
    under another name: those of the base were declared anew by the clone, all at one time.
    """
    times = Counter(each["created_at"] for each in was.values() if each.get("created_at"))
    cloned_at, number = times.most_common(1)[0] if times else (None, 0)
    if cloned_at is None or number < len(was) // 2 + 1:
        return {}
    common = [side[name].get("created_at") for name in was if name in side]
    if cloned_at in common:
        # It is the same dataset, or the clone: fields are known by their own times
        return {}
    gone = [name for name in was if name not in side and was[name]["created_at"] == cloned_at]
    new = [
        name
        for name, each in side.items()
        if name not in was and each.get("created_at") and each["created_at"] < cloned_at
    ]
    return _matched(was, side, gone, new)


def _matched(
    was: FieldDocuments, side: FieldDocuments, gone: list[str], new: list[str]
) -> dict[str, str]:
    """Returns which new field is which former one, where only one of each fits the other."""
    found: dict[str, str] = {}
    for old in gone:
        fitting = [name for name in new if type_of(side[name])[:3] == type_of(was[old])[:3]]
        rivals = [name for name in gone if type_of(was[name])[:3] == type_of(was[old])[:3]]
        if len(fitting) == 1 and len(rivals) == 1:
            found[old] = fitting[0]
    return found


def _translated(side: FieldDocuments, renamed: FieldDocuments) -> FieldDocuments:
    found: FieldDocuments = {}
    for name, each in side.items():
        new = {key: renamed.get(name, each).get(key) for key in ("name", "db_field")}
        found[str(new["name"])] = {**each, **new} if name in renamed else each
    return found


def by_name(fields: list[Document] | None) -> FieldDocuments:
    """Returns declarations by the names of their fields."""
    return {str(each["name"]): each for each in fields or ()}


def _element(document: Document | None, key: str) -> Element:
    return None if document is None else value(layout.fields(bson.encode(document)), key)


def _decoded(element: Element) -> Any:
    return equality.decode(element)
