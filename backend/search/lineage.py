"""Lineage: which snapshot the dataset was like when a run was computed.

Kept in a collection of our own, under the ids of FiftyOne's runs. These are never used again, and
come back with the runs when a dataset is reverted, as does what is kept here: it goes only when
the dataset does.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from bson import DBRef, ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.record import FORMAT_VERSION, SnapshotRecord, check_format
from ..dataset.parts import Head
from ..dataset.reference import DatasetReference
from ..diff import version_hash
from ..diff.version_hash import Equality
from ..errors import InvalidRequestError, SnapshotError
from ..mongo.collections import LINEAGE
from ..mongo.database import Document, server_time
from ..results.serialize import Record


class RunKind(str, Enum):
    """The kinds of runs that FiftyOne keeps apart."""

    ANNOTATION = "annotation"
    BRAIN = "brain"
    EVALUATION = "evaluation"
    CUSTOM = "custom"

    __str__ = str.__str__


_FIELDS = {
    "annotation_runs": RunKind.ANNOTATION,
    "brain_methods": RunKind.BRAIN,
    "evaluations": RunKind.EVALUATION,
    "runs": RunKind.CUSTOM,
}
"""Where a dataset document refers to the runs of each kind, by their keys."""


@dataclass(frozen=True)
class RunLineage(Record):
    """What the latest snapshot was when a run was computed, and if the dataset was like it."""

    key: str
    kind: RunKind
    snapshot_name: str
    """Its name now; if it does not exist any more, its name then."""
    snapshot_id: str
    snapshot_exists: bool
    head: Equality
    """Whether the dataset had the content of the snapshot then. Of a large dataset that had been
    written to it may be unknown."""
    recorded_at: datetime
    is_before_merge: bool = False
    """Whether it was computed on a branch, and came along when that was merged: then the snapshot
    is that of the branch, and the dataset holds more than the run has seen."""


def record(database: Database[Document], dataset_id: ObjectId, run_id: ObjectId) -> None:
    """Notes what a run is about to be computed on; nothing if the dataset has no snapshots.

    Args:
        database: the database
        dataset_id: the dataset
        run_id: the run, which was just registered
    """
    catalog = Catalog(database)
    latest = catalog.latest(dataset_id)
    if latest is None:
        return
    change_token = dict(catalog.dataset_facts(dataset_id).get("witness") or {})
    is_of_latest = change_token.pop("snapshot_id", None) == latest.id
    try:
        head = version_hash.at_a_glance(database, latest, change_token if is_of_latest else None)
    except SnapshotError:
        # Damaged, or its documents are not in the database
        head = Equality.UNKNOWN
    document = {
        "_id": run_id,
        "format": FORMAT_VERSION,
        "dataset_id": dataset_id,
        "snapshot_id": latest.id,
        "snapshot_name": latest.name,
        "head": head.value,
        "recorded_at": server_time(database),
    }
    database[LINEAGE].replace_one({"_id": run_id}, document, upsert=True)


def note_merged(
    database: Database[Document], merge: SnapshotRecord, run_ids: list[ObjectId]
) -> None:
    """Notes that runs came along with a merge, and were computed before it.

    Args:
        database: the database
        merge: the snapshot that the merge ended with
        run_ids: the runs
    """
    assert merge.merged_from is not None
    for run_id in run_ids:
        document = {
            "_id": run_id,
            "format": FORMAT_VERSION,
            "dataset_id": merge.dataset_id,
            "snapshot_id": merge.merged_from.snapshot_id,
            "snapshot_name": merge.merged_from.snapshot_name,
            "head": Equality.UNKNOWN.value,
            "recorded_at": merge.created_at,
            "is_before_merge": True,
        }
        database[LINEAGE].replace_one({"_id": run_id}, document, upsert=True)


def of_runs(database: Database[Document], dataset: DatasetReference) -> list[RunLineage]:
    """Lists what is known of the runs that a dataset has.

    Args:
        database: the database
        dataset: the dataset

    Returns:
        the lineages, in the order in which the runs were computed
    """
    runs = _runs(database, dataset)
    found = database[LINEAGE].find({"_id": {"$in": list(runs)}})
    lineages = [_lineage(database, document, *runs[document["_id"]]) for document in found]
    return sorted(lineages, key=lambda lineage: lineage.recorded_at)


def of_run(
    database: Database[Document],
    dataset: DatasetReference,
    key: str,
    kind: RunKind | str | None = None,
) -> RunLineage | None:
    """Returns what is known of a run.

    Args:
        database: the database
        dataset: the dataset
        key: the run's key
        kind (None): its kind, where runs of several kinds have the key

    Returns:
        the lineage, or None if there was no snapshot when the run was computed, or this package
        was not there

    Raises:
        InvalidRequestError: if there is no such run, or several
    """
    wanted = list(RunKind) if kind is None else [_kind(kind)]
    runs = _runs(database, dataset)
    found = {id_: run for id_, run in runs.items() if run[0] == key and run[1] in wanted}
    if len(found) != 1:
        kinds = ", ".join(sorted(run[1] for run in found.values()))
        raise InvalidRequestError(
            f"Dataset '{dataset.name}' has runs of several kinds with the key '{key}' ({kinds}): "
            "say which kind is meant"
            if found
            else f"Dataset '{dataset.name}' has no run '{key}'; "
            f"it has: {', '.join(sorted(run[0] for run in runs.values())) or 'none'}"
        )
    ((run_id, run),) = found.items()
    document = database[LINEAGE].find_one({"_id": run_id})
    return None if document is None else _lineage(database, document, *run)


def forget(database: Database[Document], dataset_id: ObjectId) -> None:
    """Forgets what is known of the runs of a dataset that is gone.

    Args:
        database: the database
        dataset_id: the dataset
    """
    database[LINEAGE].delete_many({"dataset_id": dataset_id})


def _kind(kind: RunKind | str) -> RunKind:
    try:
        return RunKind(kind)
    except ValueError:
        raise InvalidRequestError(
            f"There is no kind of run {kind!r}; there are: {', '.join(RunKind)}"
        ) from None


def _runs(
    database: Database[Document], dataset: DatasetReference
) -> dict[ObjectId, tuple[str, RunKind]]:
    """Returns the keys and kinds of a dataset's runs, by id."""
    document = Head(database, dataset.id).document()
    return {
        reference.id if isinstance(reference, DBRef) else reference: (key, kind)
        for field, kind in _FIELDS.items()
        for key, reference in (document.get(field) or {}).items()
    }


def _lineage(
    database: Database[Document], document: Document, key: str, kind: RunKind
) -> RunLineage:
    check_format(document)
    snapshot = Catalog(database).by_id(document["snapshot_id"])
    return RunLineage(
        key=key,
        kind=kind,
        snapshot_name=snapshot.name if snapshot else document["snapshot_name"],
        snapshot_id=str(document["snapshot_id"]),
        snapshot_exists=snapshot is not None and snapshot.is_complete,
        head=Equality(document["head"]),
        recorded_at=document["recorded_at"],
        is_before_merge=document.get("is_before_merge", False),
    )
