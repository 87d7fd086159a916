"""The duplication backend: every snapshot is a full copy inside MongoDB.

Simple, and the quickest to open: the copy is what is opened. Costs a copy's time and space for
each snapshot, whatever changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from itertools import groupby
from typing import Any, ClassVar

import bson
import numpy as np
from bson import ObjectId
from pymongo.database import Database

from ..catalog.record import SnapshotRecord
from ..dataset.parts import Documents, Head, Part, State
from ..dataset.sample_state import SampleState, own_documents, told
from ..manifest.manifest import Manifest
from ..mongo import fence
from ..mongo.collections import all_collections, master_name, owned_collections
from ..mongo.database import Document, data_size
from ..mongo.together import Question, ask
from ..progress import Progress, silent
from ..rawbson.ids import Ids, Keys
from . import scan
from .base import Backend, Beside, Captured, whole_collection
from .collections import copy_all, create, list_indexes, patch, settle
from .consistent_copy import capture, copy_and_read
from .delta.reconstruct import reconstruct
from .existing import damaged, existing, forget


class DuplicationBackend(Backend):
    """Keeps every snapshot as collections of its own, which no dataset document points at."""

    name: ClassVar[str] = "duplication"

    def capture(
        self,
        record: SnapshotRecord,
        head: Head,
        progress: Progress = silent,
        *,
        trust_timestamps: bool = False,
    ) -> Captured:
        """Copies the dataset into collections of the snapshot's own."""
        masters = _Masters(self.database, record.id)
        moment = capture(head, masters, progress)
        # Most datasets have no runs or workspaces: no collection is made for those
        parts = [
            part
            for part, manifest in moment.manifests.items()
            if manifest or part.is_own_collection
        ]
        return Captured(
            moment.manifests,
            storage=_storage(parts, list_indexes(moment.change_token.state)),
            **moment.facts(),
        )

    def ingest(
        self,
        record: SnapshotRecord,
        staged: State,
        indexes: Mapping[Part, list[Document]],
        progress: Progress = silent,
    ) -> dict[str, Any]:
        """Keeps the collections, under the names of masters."""
        masters = _Masters(self.database, record.id)
        for part, documents in staged.items():
            masters.take_over(part, documents)
        return _storage(list(staged), indexes)

    def takes_in_beside(self, record: SnapshotRecord, *, is_earlier: bool) -> bool:
        """Returns True: a copy can be made of any other one."""
        return True

    def ingest_beside(
        self,
        record: SnapshotRecord,
        beside: Beside,
        staged: State,
        manifests: Mapping[Part, Manifest],
        indexes: Mapping[Part, list[Document]],
    ) -> dict[str, Any]:
        """Copies the other snapshot inside the server, and then what differs."""
        masters, others = _Masters(self.database, record.id), self.state(beside.record)
        parts = [part for part, each in manifests.items() if each or part.is_own_collection]
        for part in parts:
            if part not in staged:
                masters.copy_whole(part, others[part])
            elif not part.is_own_collection:
                masters.take_over(part, staged[part])
            else:
                changed, removed = staged[part].ids(), beside.removed.get(part, Ids().keys)
                masters.copy_whole(part, others[part])
                masters.patch(part, staged[part], changed, list(Ids(removed)))
                masters.put_in_order(part, manifests[part].in_order())
        for documents in staged.values():
            documents.collection.drop()
        return _storage(parts, indexes)

    def is_materialised(self, record: SnapshotRecord) -> bool:
        """Returns True: a copy is as readable as can be."""
        return True

    def state(self, record: SnapshotRecord, progress: Progress = silent) -> State:
        """Returns the copy."""
        remains = self._remains(record)
        missing = [part for part in record.storage["parts"] if Part(part) not in remains]
        if missing:
            raise damaged(record.name, missing)
        return remains

    def remains(self, record: SnapshotRecord) -> State:
        """Returns what is left of the copy."""
        remains = self._remains(record)
        return {part: remains[part] for part in remains if not part.is_own_collection}

    def sample_states(
        self, records: Sequence[SnapshotRecord], sample_id: ObjectId
    ) -> Iterator[SampleState]:
        """Asks all copies at once."""
        questions: dict[tuple[ObjectId, Part], Question] = {}
        for record in records:
            for part, pipeline in own_documents(sample_id).items():
                if part.value in record.storage["parts"]:
                    questions[record.id, part] = (master_name(record.id, part), pipeline)
        answers = groupby(ask(self.database, questions), lambda answer: answer[0][0])
        of_snapshot, found = next(answers, (None, iter(())))
        there: Collection[str] | None = None
        for record in records:
            state = SampleState(None)
            if of_snapshot == record.id:
                state = told(((part, document.raw) for (_, part), document in found))
                of_snapshot, found = next(answers, (None, iter(())))
            if not state.is_whole(record.storage["parts"]):
                # Unless the copy is gone
                there = there or all_collections(self.database)
                parts = record.storage["parts"]
                if gone := [p for p in parts if master_name(record.id, Part(p)) not in there]:
                    raise damaged(record.name, gone)
            yield state

    def read(
        self, record: SnapshotRecord, part: Part, progress: Progress = silent
    ) -> list[Manifest]:
        """Reads the copy."""
        documents = self._remains(record).get(part)
        return [] if documents is None else [Manifest.read(documents)]

    def _remains(self, record: SnapshotRecord) -> State:
        masters = _Masters(self.database, record.id)
        names = {part: master_name(record.id, part) for part in map(Part, record.storage["parts"])}
        there = existing(record.dataset_id, names.values(), lambda: all_collections(self.database))
        return {part: masters.copied(part) for part, name in names.items() if name in there}

    def indexes(self, record: SnapshotRecord, part: Part) -> list[Document]:
        """Returns the indexes that were captured."""
        stored = record.storage["indexes"].get(part.value, [])
        return [bson.decode(index) for index in stored]

    def size_bytes(self, record: SnapshotRecord) -> int:
        """Returns the size of the copy."""
        names = [master_name(record.id, part) for part in record.storage["parts"]]
        return data_size(self.database, names)

    def discard(self, snapshot_id: ObjectId) -> None:
        """Drops the copy."""
        prefix = master_name(snapshot_id, "")
        found = {
            name: description
            for name, description in owned_collections(self.database, snapshot_id).items()
            if name.startswith(prefix)
        }
        # Others may have brought the snapshot back, under the same names: what is there while
        # the lease is held is none of theirs
        fence.check(self.database)
        for name, description in found.items():
            fence.drop(self.database, name, description)
        forget()


class _Masters:
    """The collections of one snapshot, as the target of a capture."""

    def __init__(self, database: Database[Document], snapshot_id: ObjectId) -> None:
        self._database = database
        self._snapshot_id = snapshot_id

    def copied(self, part: Part) -> Documents:
        return whole_collection(self._database[master_name(self._snapshot_id, part)])

    def read(self, part: Part, documents: Documents) -> Manifest:
        return Manifest.read(documents)

    def copy(self, part: Part, documents: Documents, content: Manifest | None = None) -> Manifest:
        return copy_and_read(documents, part, self.copy_whole, content)

    def copy_whole(self, part: Part, documents: Documents) -> None:
        copy_all(part, documents, self._database, master_name(self._snapshot_id, part))

    def take_over(self, part: Part, documents: Documents) -> None:
        settle(part, documents.collection, master_name(self._snapshot_id, part))

    def put_in_order(self, part: Part, wanted: Keys) -> None:
        """Makes a part hold exactly some of its documents, in the order given."""
        patched = self.copied(part).collection
        if np.array_equal(scan.natural(patched, np.sort(wanted)), wanted):
            return
        name = master_name(self._snapshot_id, f"{part.value}.ordered")
        reconstruct(patched, [], wanted, create(part, self._database, name), silent)
        fence.check(self._database)
        self._database[name].rename(patched.name, dropTarget=True)

    def patch(
        self, part: Part, documents: Documents, changed: list[ObjectId], removed: list[ObjectId]
    ) -> None:
        patch(self.copied(part).collection, documents, changed, removed)


def _storage(parts: list[Part], indexes: Mapping[Part, list[Document]]) -> dict[str, Any]:
    return {
        "parts": [part.value for part in parts],
        # As BSON, because their dotted keys are awkward in documents
        "indexes": {
            part.value: [bson.encode(index) for index in found] for part, found in indexes.items()
        },
    }
