"""What both sides have added that may be in each other's way: one file, one group slice."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator

from bson import ObjectId

from ..errors import InvalidRequestError
from ..rawbson import equality, layout
from ..rawbson.ids import Keys, common, distinct, lacking
from . import documents
from .conflicts import Conflict, ConflictKind, Place, Take
from .judge import Decide, Judge, encoded
from .scope import WHOLE, Scope
from .triple import PartTriple, in_chunks

_AT_ONCE = 1000

Slot = tuple[ObjectId, str]
"""A slice of a group."""


class Additions:
    """Finds samples that both sides have added for the same file, or to the same group slice.

    Args:
        samples: the samples of the three versions
        group_field: the field that says which group a sample is in, if the dataset has groups
        decide: tells how conflicts were decided
        scope: what of the branch is merged
    """

    def __init__(
        self,
        samples: PartTriple,
        group_field: str | None,
        decide: Decide,
        scope: Scope = WHOLE,
    ) -> None:
        self._samples, self._group_field, self._decide = samples, group_field, decide
        self.conflicts: list[Conflict] = []
        self.dropped: dict[Take, set[ObjectId]] = {Take.OURS: set(), Take.THEIRS: set()}
        """Added samples that are not to be, by the side that has added them."""
        self.placed: dict[ObjectId, Take] = {}
        """Samples that one side has moved to another place in groups and that are not to be there,
        with the side whose place counts."""
        self.combined: dict[ObjectId, ObjectId] = {}
        """Samples of the target, with those of the branch that they are combined with."""
        self.notes: list[str] = []
        """What was decided without asking."""
        base, ours, theirs = samples.manifests
        new_here = lacking(theirs.keys, lacking(base.keys, ours.keys))
        new_there = scope.adds(lacking(ours.keys, lacking(base.keys, theirs.keys)))
        moved_here, moved_there = self._common(samples.by_ours), self._common(samples.by_theirs)
        if scope.fields is None or group_field in scope.fields:
            moved_there = scope.among(moved_there)
        else:
            moved_there = moved_there[:0]
        if len(new_here) and len(new_there):
            self._find_same_media(new_here, new_there)
        self._note_files("target", 1, moved_here, new_there)
        if scope.fields is None or "filepath" in scope.fields:
            given_there = scope.among(self._common(samples.by_theirs))
            self._note_files("branch", 2, given_there, new_here)
        if group_field is not None:
            mine = distinct(new_here, moved_here)
            self._find_slots(mine, distinct(new_there, moved_there))

    def check_slices(self, gone: Collection[str]) -> None:
        """Refuses samples that one side put into slices that the other one has not any more.

        Args:
            gone: slices that are not to be

        Raises:
            InvalidRequestError: if there are any
        """
        sides = ("target", self._samples.by_ours), ("branch", self._samples.by_theirs)
        for number, (name, touched) in enumerate(sides, 1):
            keys = common(self._samples.manifests[number].keys, touched)
            for id_, base, document in self._read(keys, number) if gone else ():
                slot = self._slot(document)
                if slot is not None and slot[1] in gone and slot != self._slot(base):
                    raise InvalidRequestError(
                        f"The {name} put samples into slice '{slot[1]}', such as {id_}, and the "
                        "other side deleted or renamed that slice. Do the same there, or put them "
                        "elsewhere, and merge again."
                    )

    def _common(self, touched: Keys) -> Keys:
        for manifest in self._samples.manifests:
            touched = common(manifest.keys, touched)
        return touched

    def _find_same_media(self, here: Keys, there: Keys) -> None:
        paths: dict[str, list[tuple[ObjectId, bytes]]] = defaultdict(list)
        for id_, _, document in self._read(there, 2):
            paths[_path(document)].append((id_, document))
        for id_, _, ours in self._read(here, 1):
            for other, theirs in paths.pop(_path(ours), ()):
                self._settle(ConflictKind.SAME_MEDIA, "filepath", id_, other, ours, theirs)

    def _note_files(self, side: str, number: int, moved: Keys, added: Keys) -> None:
        """Notes samples that one side gave a file of which the other side added a sample."""
        if not len(moved) or not len(added):
            return
        new = {_path(document) for _, _, document in self._read(added, 3 - number)}
        count = sum(
            base is not None and _path(document) in new and _path(document) != _path(base)
            for _, base, document in self._read(moved, number)
        )
        if count:
            self.notes.append(
                f"The {side} gave {count:,} of the samples that there were a file of which the "
                "other side has added a sample: both stay"
            )

    def _find_slots(self, here: Keys, there: Keys) -> None:
        slots: dict[Slot, tuple[ObjectId, bool, bytes]] = {}
        for id_, base, document in self._read(there, 2):
            slot = self._slot(document)
            if slot is not None and slot != self._slot(base):
                slots[slot] = id_, base is not None, document
        if not slots:
            return
        for id_, base, ours in self._read(here, 1):
            slot = self._slot(ours)
            if slot is None or slot == self._slot(base) or slot not in slots:
                continue
            other, is_moved, theirs = slots[slot]
            if other == id_ or self._is_settled(id_, other):
                continue
            path = str(self._group_field)
            moved = base is not None, is_moved
            self._settle(ConflictKind.GROUP_SLOT, path, id_, other, ours, theirs, moved)

    def _is_settled(self, here: ObjectId, there: ObjectId) -> bool:
        return here in self.dropped[Take.OURS] or there in self.dropped[Take.THEIRS]

    def _settle(
        self,
        kind: ConflictKind,
        path: str,
        here: ObjectId,
        there: ObjectId,
        ours: bytes,
        theirs: bytes,
        moved: tuple[bool, bool] = (False, False),
    ) -> None:
        judge = Judge(Place(here), self._decide)
        sides = documents.told(ours), documents.told(theirs)
        judge.settle(kind, path, None, *sides, both=lambda: encoded(True))
        self.conflicts += judge.conflicts
        decided = judge.conflicts[0].resolution or Take.OURS.value
        if decided == Take.COMBINE.value:
            self.combined[here] = there
        if decided in (Take.OURS.value, Take.COMBINE.value):
            self._give_way(there, Take.THEIRS, Take.OURS, is_moved=moved[1])
        elif decided == Take.THEIRS.value:
            self._give_way(here, Take.OURS, Take.THEIRS, is_moved=moved[0])

    def _give_way(self, id_: ObjectId, by: Take, to: Take, *, is_moved: bool) -> None:
        """Notes a sample that gives way: it is not added, or stays where it was."""
        if is_moved:
            self.placed[id_] = to
        else:
            self.dropped[by].add(id_)

    def _slot(self, document: bytes | None) -> Slot | None:
        if document is None:
            return None
        group = equality.decode(layout.fields(document).get(str(self._group_field)))
        if not isinstance(group, dict) or group.get("_id") is None:
            return None
        return group["_id"], str(group.get("name"))

    def _read(self, keys: Keys, number: int) -> Iterator[tuple[ObjectId, bytes | None, bytes]]:
        """Yields the samples of a side as they were and are."""
        self._samples.want(keys)
        for some in in_chunks(keys, _AT_ONCE):
            found = self._samples.fetch(some)
            for key, document in found[number].items():
                yield ObjectId(key), found[0].get(key), document


def _path(document: bytes) -> str:
    return repr(equality.decode(layout.fields(document).get("filepath")))
