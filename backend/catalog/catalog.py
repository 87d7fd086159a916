"""The catalog: the record of every snapshot."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from enum import Enum
from typing import Any, TypeAlias

from bson import ObjectId
from pymongo import ReturnDocument
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from ..errors import DuplicateNameError, SnapshotNotFoundError
from ..mongo import fence
from ..mongo.collections import CATALOG, DATASETS
from ..mongo.database import Document
from ..results.times import zoned
from .names import no_snapshot, taken
from .queries import NAMED, counting, same_slug, usable
from .record import (
    FORMAT_VERSION,
    Archive,
    DatasetSnapshot,
    SampleChangeSummary,
    SnapshotRecord,
    SnapshotState,
    check_format,
)

Records: TypeAlias = list[SnapshotRecord]
Identifiers: TypeAlias = list[ObjectId]

_MOVED_BY = "moved_by"
"""In a stored record, the operation that is moving the snapshot to or from an archive."""

_FORGOTTEN_BY = "forgotten_by"
"""In what we remember of a dataset, who is just about to delete that."""

_FIELDS = frozenset(item.name for item in fields(SnapshotRecord)) - {"id"}


@dataclass(frozen=True)
class Catalog:
    """Reads and writes snapshot records.

    Args:
        database: the database
    """

    database: Database[Document]

    def add(self, record: SnapshotRecord) -> None:
        """Adds a record, which reserves its name.

        Args:
            record: the record

        Raises:
            DuplicateNameError: if the dataset has a snapshot of that name or slug
        """
        try:
            fence.put(self.database[CATALOG], record.to_document())
        except DuplicateKeyError as error:
            self.check_name(record.dataset_id, record.name)
            raise DuplicateNameError(f"A snapshot named '{record.name}' already exists") from error

    def check_name(self, dataset_id: ObjectId, name: str, renamed: ObjectId | None = None) -> None:
        """Checks that a name is free.

        Args:
            dataset_id: the dataset
            name: a valid name
            renamed (None): a snapshot that may have the name already

        Raises:
            DuplicateNameError: if it is taken
        """
        query = same_slug(dataset_id, name, renamed)
        found = self.database[CATALOG].find_one(query, {"name": 1})
        if found is not None:
            raise DuplicateNameError(taken(name, found["name"]))

    def check_return(self, record: SnapshotRecord) -> None:
        """Checks that a snapshot can come back from the trash.

        Args:
            record: the snapshot

        Raises:
            DuplicateNameError: if another one has its name by now
        """
        try:
            self.check_name(record.dataset_id, record.name, renamed=record.id)
        except DuplicateNameError as error:
            raise DuplicateNameError(
                f"Snapshot '{record.name}' cannot come back from the trash while another one has "
                f"its name; rename that one first. {error}"
            ) from error

    def find(self, dataset_id: ObjectId, name: str) -> SnapshotRecord | None:
        """Returns a snapshot that can be used.

        Args:
            dataset_id: the dataset
            name: the snapshot's name

        Returns:
            the record, or None if there is no such snapshot
        """
        document = self.database[CATALOG].find_one(usable(dataset_id, name))
        return SnapshotRecord.from_document(document) if document else None

    def get(self, dataset_id: ObjectId, name: str, dataset_name: str) -> SnapshotRecord:
        """Returns a snapshot that must exist.

        Args:
            dataset_id: the dataset
            name: the snapshot's name
            dataset_name: the dataset's name, for the error

        Returns:
            the record

        Raises:
            SnapshotNotFoundError: if there is no such snapshot
        """
        record = self.find(dataset_id, name)
        if record is None:
            known = [other.name for other in self.list(dataset_id)]
            said = no_snapshot(dataset_name, name, known)
            if any(other.name == name for other in self.list_trashed(dataset_id)):
                said += ". One of that name is in the trash, and can be restored"
            raise SnapshotNotFoundError(said)
        return record

    def name_of(
        self, snapshot: str | DatasetSnapshot, dataset_id: ObjectId, dataset_name: str
    ) -> str:
        """Returns the name that a snapshot has now, which may have been renamed.

        Args:
            snapshot: its name, or what was told of it
            dataset_id: the dataset
            dataset_name: the dataset's name, for the error

        Returns:
            the name; the last one known if it is deleted

        Raises:
            SnapshotNotFoundError: if it is a snapshot of another dataset, or is deleted and
                another snapshot has its name
        """
        if isinstance(snapshot, str):
            return snapshot
        id_ = ObjectId(snapshot.id) if ObjectId.is_valid(snapshot.id) else None
        record = None if id_ is None else self.by_id(id_)
        if record is not None and record.dataset_id != dataset_id:
            raise SnapshotNotFoundError(
                f"Snapshot '{record.name}' with id {snapshot.id} is one of another dataset than "
                f"'{dataset_name}'"
            )
        name = snapshot.name if record is None else record.name
        if record is None or not record.is_live:
            other = self.find(dataset_id, name)
            if other is not None:
                raise SnapshotNotFoundError(
                    f"Snapshot '{name}' with id {snapshot.id} is deleted, and another snapshot of "
                    f"'{dataset_name}' has its name: give the name if you mean that one"
                )
        return name

    def by_id(self, snapshot_id: ObjectId) -> SnapshotRecord | None:
        """Returns the record with an id, whatever its state, or None."""
        document = self.database[CATALOG].find_one({"_id": snapshot_id})
        return SnapshotRecord.from_document(document) if document else None

    def list(self, dataset_id: ObjectId, *, safety: bool = False) -> Records:
        """Lists usable snapshots in order of creation, with or without safety snapshots."""
        query = {"dataset_id": dataset_id, "state": SnapshotState.READY.value}
        return self.select(query if safety else {**query, **NAMED})

    def list_trashed(self, dataset_id: ObjectId | None = None) -> Records:
        """Lists deleted snapshots that can still be brought back, of one dataset or of all."""
        query: Document = {"state": SnapshotState.TRASHED.value}
        if dataset_id is not None:
            query["dataset_id"] = dataset_id
        return self.select(query)

    def list_all(self, dataset_id: ObjectId | None = None) -> Records:
        """Lists the snapshots of a dataset or of all, whatever their state."""
        return self.select({} if dataset_id is None else {"dataset_id": dataset_id})

    def latest(self, dataset_id: ObjectId, *, safety: bool = False) -> SnapshotRecord | None:
        """Returns the newest snapshot of a dataset, or None; see :meth:`list`."""
        query: Document = {"dataset_id": dataset_id, "state": SnapshotState.READY.value}
        if not safety:
            query.update(NAMED)
        last = [("sequence", -1), ("_id", -1)]
        document = self.database[CATALOG].find_one(query, sort=last)
        return SnapshotRecord.from_document(document) if document else None

    def neighbours(
        self, record: SnapshotRecord
    ) -> tuple[SnapshotRecord | None, SnapshotRecord | None]:
        """Returns the snapshots before and after one in its dataset's history; safety has none."""
        if record.is_safety:
            return None, None
        others = [other for other in self.list(record.dataset_id) if other.id != record.id]
        before = [other for other in others if other.sequence < record.sequence]
        after = [other for other in others if other.sequence > record.sequence]
        return (before[-1] if before else None), (after[0] if after else None)

    def make_place(self, dataset_id: ObjectId, created_at: datetime) -> int:
        """Makes a place in the history for a snapshot that was created earlier, elsewhere.

        Args:
            dataset_id: the dataset
            created_at: when it was created

        Returns:
            its position, before all that were created later
        """
        records = self.list_all(dataset_id)
        # Where FiftyOne shows times of a zone, those of the database say it, and this one does not
        moment = zoned(created_at)
        later = [record.sequence for record in records if zoned(record.created_at) > moment]
        if not later:
            return self.next_sequence(dataset_id)
        following = [record for record in records if record.sequence >= min(later)]
        # The last one first, so that no two are ever at the same place
        for record in reversed(following):
            self.update(record.id, sequence=record.sequence + 1)
        return min(later)

    def next_sequence(self, dataset_id: ObjectId) -> int:
        """Returns the position of the next snapshot of a dataset, after trashed ones too."""
        newest = self.database[CATALOG].find_one(
            {"dataset_id": dataset_id}, {"sequence": 1}, sort=[("sequence", -1)]
        )
        return 1 if newest is None else newest["sequence"] + 1

    def counts(self, dataset_id: ObjectId) -> tuple[int, int]:
        """Returns how many snapshots count against the limits, of one dataset and of all.

        Archived ones do not.
        """
        found = next(self.database[CATALOG].aggregate(counting(dataset_id)), {"own": 0, "all": 0})
        return found["own"], found["all"]

    def update(self, snapshot_id: ObjectId, **changes: Any) -> None:
        """Changes fields of a record.

        Args:
            snapshot_id: the snapshot
            **changes: fields of :class:`~.model.SnapshotRecord` and their new values

        Raises:
            DuplicateNameError: if the new name, or the name of a revived snapshot, is taken
        """
        unknown = set(changes) - _FIELDS
        if unknown:
            raise TypeError(f"SnapshotRecord has no fields {sorted(unknown)}")
        values = {key: _plain(value) for key, value in changes.items()}
        if "state" in changes:
            values["live"] = changes["state"] is not SnapshotState.TRASHED
        try:
            fence.change(self.database[CATALOG], snapshot_id, values)
        except DuplicateKeyError as error:
            record = self.by_id(snapshot_id)
            name = changes.get("name") or (record.name if record else snapshot_id)
            raise DuplicateNameError(
                f"Another snapshot named '{name}' exists: rename or delete that one first"
            ) from error

    def note_loaded(self, dataset_id: ObjectId, name: str) -> SnapshotRecord | None:
        """Notes that a snapshot is loaded now, on the server's clock.

        Returns:
            its record; None if there is no such snapshot, or it is archived
        """
        document = self.database[CATALOG].find_one_and_update(
            {**usable(dataset_id, name), "archive": None},
            {"$currentDate": {"last_loaded_at": True}},
            return_document=ReturnDocument.AFTER,
        )
        return SnapshotRecord.from_document(document) if document else None

    def complete(self, snapshot_id: ObjectId) -> bool:
        """Makes a snapshot usable that was being created.

        Args:
            snapshot_id: the snapshot

        Returns:
            whether it was still being created
        """
        result = self.database[CATALOG].update_one(
            {"_id": snapshot_id, "state": SnapshotState.CREATING.value},
            {"$set": {"state": SnapshotState.READY.value}},
        )
        return result.matched_count > 0

    def begin_move(self, snapshot_id: ObjectId, operation_id: ObjectId) -> None:
        """Notes that an operation moves a snapshot to or from an archive.

        Args:
            snapshot_id: the snapshot
            operation_id: the operation
        """
        fence.change(self.database[CATALOG], snapshot_id, {_MOVED_BY: operation_id})

    def end_move(self, snapshot_id: ObjectId, operation_id: ObjectId, **changes: Any) -> bool:
        """Says where a snapshot is now, unless the move was given up meanwhile.

        Args:
            snapshot_id: the snapshot
            operation_id: the operation that has moved it
            **changes: as for :meth:`update`

        Returns:
            whether the operation was still moving it
        """
        values = {key: _plain(value) for key, value in changes.items()}
        result = self.database[CATALOG].update_one(
            {"_id": snapshot_id, _MOVED_BY: operation_id},
            {"$set": values, "$unset": {_MOVED_BY: True}},
        )
        return result.matched_count > 0

    def remove(self, snapshot_ids: Iterable[ObjectId]) -> None:
        """Removes records for good; may be repeated.

        Raises:
            LeaseLostError: if another process has taken over the dataset
        """
        # Should this be interrupted, they belong to a dataset that does not exist, and are purged
        fence.delete(self.database[CATALOG], list(snapshot_ids), "dataset_id", ObjectId())

    def dataset_ids(self) -> Identifiers:
        """Lists the datasets that have records."""
        found: Identifiers = self.database[CATALOG].distinct("dataset_id")
        return found

    def latest_changes(self, dataset_id: ObjectId) -> SampleChangeSummary | None:
        """Returns the cached changes of HEAD since the latest snapshot, or None."""
        document = self.database[DATASETS].find_one({"_id": dataset_id})
        if document is None:
            return None
        check_format(document)
        return SampleChangeSummary.from_dict(document.get("latest_changes"))

    def set_latest_changes(
        self,
        dataset_id: ObjectId,
        changes: SampleChangeSummary,
        basis: Document,
        **facts: Any,
    ) -> None:
        """Caches the changes of HEAD since the latest snapshot.

        Args:
            dataset_id: the dataset
            changes: what was counted
            basis: what was compared, see :mod:`.latest_changes`
            **facts: what else is to be remembered of the dataset
        """
        self.set_dataset_facts(
            dataset_id, latest_changes=changes.to_document(), latest_changes_basis=basis, **facts
        )

    def dataset_facts(self, dataset_id: ObjectId) -> Document:
        """Returns what we remember of a dataset besides its snapshots."""
        return self.database[DATASETS].find_one({"_id": dataset_id}) or {}

    def set_dataset_facts(self, dataset_id: ObjectId, **facts: Any) -> None:
        """Remembers something of a dataset."""
        document = {"_id": dataset_id, "format": FORMAT_VERSION, **facts}
        fence.put(self.database[DATASETS], document, if_there="merge")

    def forget_dataset(self, dataset_id: ObjectId) -> None:
        """Forgets what we remember of a dataset besides its snapshots."""
        fence.delete(self.database[DATASETS], [dataset_id], _FORGOTTEN_BY, ObjectId())

    def select(self, query: Document) -> Records:
        """Returns the records that fit a query, in order of creation within their datasets."""
        found = self.database[CATALOG].find(query).sort([("sequence", 1), ("_id", 1)])
        return [SnapshotRecord.from_document(document) for document in found]


def _plain(value: Any) -> Any:
    if isinstance(value, (Archive, SampleChangeSummary)):
        return value.to_document()
    return value.value if isinstance(value, Enum) else value
