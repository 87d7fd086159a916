"""Lineage: which snapshot the dataset was like when a run was computed.

Kept in a collection of our own, under the ids of FiftyOne's runs. These are never used again, and
come back with the runs when a dataset is reverted, as does what is kept here: it goes only when
the dataset does. Beside them it is kept, by the field of its labels, which model was applied last.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from bson import DBRef, ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.record import FORMAT_VERSION, SnapshotRecord, check_format
from ..dataset.parts import Head
from ..dataset.reference import DatasetReference
from ..dataset.schema import FRAMES_PREFIX
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
    MODEL = "model"
    """No run of FiftyOne's: a model was applied, and the key is the field of its labels."""

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
    model: str | None = None
    """Which model was applied, or has made what was evaluated, as far as that is known: an address
    such as ``models:/m-1234``, ``sha256:…`` of a file, or ``python:…``, the name of a class."""


def record(database: Database[Document], dataset_id: ObjectId, run_id: ObjectId) -> None:
    """Notes what a run is about to be computed on; nothing if the dataset has no snapshots.

    Args:
        database: the database
        dataset_id: the dataset
        run_id: the run, which was just registered
    """
    document = now(database, dataset_id)
    if document is None:
        return
    told = database["runs"].find_one({"_id": run_id}, {"config.pred_field": 1}) or {}
    field = (told.get("config") or {}).get("pred_field")
    found = _applied(database, dataset_id, field) if isinstance(field, str) else []
    model = {"model": found[0]["model"]} if found else {}
    whole = {"_id": run_id, **document, **model}
    database[LINEAGE].replace_one({"_id": run_id}, whole, upsert=True)


def record_model(database: Database[Document], before: Document, field: str, model: str) -> None:
    """Notes that a model was applied.

    Args:
        database: the database
        before: what :func:`now` has returned before it was
        field: the field of its labels
        model: what it is known by, see :func:`.models.address_of`
    """
    dataset_id: ObjectId = before["dataset_id"]
    key = f"{dataset_id}.{_plain(field)}"
    state = _state(Head(database, dataset_id).document(), field)
    whole = {"_id": key, **before, "field": _plain(field), "model": model, "state": state}
    database[LINEAGE].replace_one({"_id": key}, whole, upsert=True)


def now(database: Database[Document], dataset_id: ObjectId) -> Document | None:
    """Returns what is to be noted of anything that is computed now.

    Args:
        database: the database
        dataset_id: the dataset

    Returns:
        a document; None if the dataset has no snapshots
    """
    catalog = Catalog(database)
    latest = catalog.latest(dataset_id)
    if latest is None:
        return None
    change_token = dict(catalog.dataset_facts(dataset_id).get("witness") or {})
    is_of_latest = change_token.pop("snapshot_id", None) == latest.id
    try:
        head = version_hash.at_a_glance(database, latest, change_token if is_of_latest else None)
    except SnapshotError:
        # Damaged, or its documents are not in the database
        head = Equality.UNKNOWN
    return {
        "format": FORMAT_VERSION,
        "dataset_id": dataset_id,
        "snapshot_id": latest.id,
        "snapshot_name": latest.name,
        "head": head.value,
        "recorded_at": server_time(database),
    }


def _applied(database: Database[Document], dataset_id: ObjectId, field: str) -> list[Document]:
    """Returns what was noted of a model whose labels are still there, as far as can be told.

    A field that was made anew has labels of something else, and after a revert those of before.
    """
    found = list(database[LINEAGE].find({"_id": f"{dataset_id}.{_plain(field)}"}))
    document = Head(database, dataset_id).document() if found else {}
    return [each for each in found if each.get("state") == _state(document, each["field"])]


def _state(document: Document, field: str) -> list[object]:
    """Returns what is another one when the labels of a field are others, without their writing."""
    declared = [
        each.get("created_at")
        for key in ("sample_fields", "frame_fields")
        for each in document.get(key) or []
        if each.get("name") == _plain(field)
    ]
    return [document.get("sample_collection_name"), *declared]


def _plain(field: str) -> str:
    # With or without the prefix, a model that is applied to videos writes to frames
    return field.removeprefix(FRAMES_PREFIX)


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
    document = Head(database, dataset.id).document()
    noted = list(database[LINEAGE].find({"dataset_id": dataset.id}))
    return told(document, noted, Catalog(database).list_all(dataset.id))


NEEDED: Document = {
    "sample_collection_name": 1,
    **dict.fromkeys(_FIELDS, 1),
    "sample_fields": {"name": 1, "created_at": 1},
    "frame_fields": {"name": 1, "created_at": 1},
}
"""What :func:`told` needs of a dataset document."""


def told(
    document: Document, noted: Iterable[Document], snapshots: Iterable[SnapshotRecord]
) -> list[RunLineage]:
    """Tells what is known of the runs that a dataset has.

    Args:
        document: the dataset document
        noted: what was noted of the dataset
        snapshots: its snapshots, whatever their state

    Returns:
        the lineages, in the order in which the runs were computed
    """
    records = {record.id: record for record in snapshots}
    runs = _runs_in(document)
    found = []
    for each in noted:
        run, field = runs.get(each["_id"]), each.get("field")
        if field is not None and each.get("state") == _state(document, field):
            run = (field, RunKind.MODEL)
        if run is not None:
            found.append(_lineage(records, each, *run))
    return sorted(found, key=lambda lineage: lineage.recorded_at)


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
        key: the run's key, or the field of a model's labels
        kind (None): its kind, where runs of several kinds have the key

    Returns:
        the lineage, or None if there was no snapshot when the run was computed, or this package
        was not there

    Raises:
        InvalidRequestError: if there is no such run, or several
    """
    wanted = list(RunKind) if kind is None else [_kind(kind)]
    if wanted == [RunKind.MODEL]:
        models = _applied(database, dataset.id, key)
        return _of_one(database, models[0], _plain(key), RunKind.MODEL) if models else None
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
    return None if document is None else _of_one(database, document, *run)


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
    return _runs_in(Head(database, dataset.id).document())


def _runs_in(document: Document) -> dict[ObjectId, tuple[str, RunKind]]:
    return {
        reference.id if isinstance(reference, DBRef) else reference: (key, kind)
        for field, kind in _FIELDS.items()
        for key, reference in (document.get(field) or {}).items()
    }


def _of_one(
    database: Database[Document], document: Document, key: str, kind: RunKind
) -> RunLineage:
    snapshot = Catalog(database).by_id(document["snapshot_id"])
    return _lineage({} if snapshot is None else {snapshot.id: snapshot}, document, key, kind)


def _lineage(
    snapshots: Mapping[ObjectId, SnapshotRecord], document: Document, key: str, kind: RunKind
) -> RunLineage:
    check_format(document)
    snapshot = snapshots.get(document["snapshot_id"])
    return RunLineage(
        key=key,
        kind=kind,
        snapshot_name=snapshot.name if snapshot else document["snapshot_name"],
        snapshot_id=str(document["snapshot_id"]),
        snapshot_exists=snapshot is not None and snapshot.is_complete,
        head=Equality(document["head"]),
        recorded_at=document["recorded_at"],
        is_before_merge=document.get("is_before_merge", False),
        model=document.get("model"),
    )
