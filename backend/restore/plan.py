"""What restoring samples would change, before it does."""

from __future__ import annotations

from dataclasses import dataclass

from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..dataset.parts import Head, Part
from ..dataset.reference import DatasetReference
from ..diff import changes
from ..diff.versions import HeadVersion, SnapshotVersion
from ..errors import InvalidRequestError
from ..mongo.database import Document
from ..operations.reporting import reporter
from ..rawbson.ids import Ids
from ..results.serialize import Record
from ..revert.revert import field_names
from .restore import NOT_RESTORABLE


@dataclass(frozen=True)
class RestorePlan(Record):
    """What :func:`restore_samples` would change."""

    dataset_name: str
    snapshot_name: str
    samples_to_add_back: int
    """Samples that were deleted since, and come back."""
    samples_to_restore: int
    """Samples that were edited since; if only some fields are restored, perhaps elsewhere."""
    samples_unchanged: int
    samples_skipped: int
    """Samples that the snapshot does not have, or, if only some fields are restored, that the
    dataset does not have any more."""
    fields: list[str] | None
    """The fields that are restored, or None for whole samples."""
    fields_to_add_back: list[str]


def plan(
    database: Database[Document],
    dataset: DatasetReference,
    name: str,
    sample_ids: list[ObjectId],
    fields: list[str] | None = None,
) -> RestorePlan:
    """Tells what restoring would change, and changes nothing.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot
        sample_ids: the samples
        fields: the fields to restore, or None for whole samples

    Returns:
        the plan

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
        InvalidRequestError: if the snapshot has no such field, or it cannot be restored
    """
    record = Catalog(database).get(dataset.id, name, dataset.name)
    head, snapshot = HeadVersion(Head(database, dataset.id)), SnapshotVersion(database, record)
    then, now = _fields(snapshot), field_names(head.head.document())
    restorable = restorable_fields(database, dataset, name)
    unknown = set(fields or ()).difference(restorable)
    if unknown:
        raise InvalidRequestError(
            f"Snapshot '{name}' has no fields that can be restored and are called "
            f"{', '.join(sorted(unknown))}; it has: {', '.join(sorted(restorable))}"
        )
    difference = changes.compare(head, snapshot, reporter())
    wanted = set(sample_ids)
    known = wanted.intersection(Ids(snapshot.manifest(Part.SAMPLES).keys))
    added = known.intersection(difference.added)
    changed = known.intersection(difference.changed)
    # Fields are restored in samples that there are
    back, lost = (len(added), 0) if fields is None else (0, len(added))
    return RestorePlan(
        dataset_name=dataset.name,
        snapshot_name=name,
        samples_to_add_back=back,
        samples_to_restore=len(changed),
        samples_unchanged=len(known) - len(added) - len(changed),
        samples_skipped=len(wanted) - len(known) + lost,
        fields=fields,
        fields_to_add_back=[f for f in then if f not in now and (fields is None or f in fields)],
    )


def restorable_fields(
    database: Database[Document], dataset: DatasetReference, name: str
) -> list[str]:
    """Lists the fields of a snapshot that can be restored by themselves.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot

    Returns:
        names of top-level fields, those of frames with the prefix ``frames.``

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
    """
    record = Catalog(database).get(dataset.id, name, dataset.name)
    fields = _fields(SnapshotVersion(database, record))
    return [field for field in fields if field not in NOT_RESTORABLE]


def _fields(snapshot: SnapshotVersion) -> list[str]:
    documents = snapshot.documents(Part.DATASET)
    document = None if documents is None else next(documents.decoded(), None)
    return [] if document is None else field_names(document)
