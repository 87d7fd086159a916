"""Writing the labels of a snapshot as a flat table, for DuckDB, pandas and training code.

One row a label, and one for each sample, or frame that has none, so that nothing is missing from a
count. Where a row comes from is in the row: the dataset and the snapshot, by id and name.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import bson
from bson import json_util
from pymongo.database import Database

from ..actions import Action
from ..archive import location
from ..archive.folder import FolderStore, absolute
from ..archive.read import Reader
from ..catalog import deployment
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset.parts import Part
from ..dataset.reference import DatasetReference
from ..errors import (
    ArchiveStorageError,
    InvalidRequestError,
    MissingPackageError,
    SnapshotError,
)
from ..mongo.database import Document
from ..operations.journal import operation
from ..storage import registry

_ROWS = 20_000
_LISTS = ("detections", "classifications", "polylines", "keypoints")
_TOLD = {"_id", "_cls", "label", "confidence", "bounding_box", "tags"}

_COLUMNS = {
    "dataset_id": "string",
    "dataset_name": "string",
    "snapshot_id": "string",
    "snapshot_name": "string",
    "sample_id": "string",
    "filepath": "string",
    "sample_tags": "list",
    "frame_number": "int64",
    "field": "string",
    "label_id": "string",
    "label_type": "string",
    "label": "string",
    "confidence": "double",
    "x": "double",
    "y": "double",
    "width": "double",
    "height": "double",
    "label_tags": "list",
    "attributes": "string",
}

Row = dict[str, Any]


def export_table(
    database: Database[Document], dataset: DatasetReference, name: str, path: Path
) -> Path:
    """Writes a table; archived snapshots too, which stay where they are.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot
        path: a file that does not exist yet, whose name ends with ``.parquet``

    Returns:
        the file

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
        MissingPackageError: if PyArrow is not installed
        InvalidRequestError: if the file exists, its folder does not, or its name ends otherwise
        ArchiveStorageError: if the file could not be written
    """
    Catalog(database).get(dataset.id, name, dataset.name)
    path = absolute(path)
    if path.suffix != ".parquet":
        raise InvalidRequestError(
            f"'{path}' must end with .parquet, the only format that there is"
        )
    if path.exists():
        raise InvalidRequestError(f"'{path}' exists: choose another name, or remove it first")
    if not path.parent.is_dir():
        raise InvalidRequestError(f"The folder '{path.parent}' does not exist")
    arrow, parquet = _imported()
    store = FolderStore(str(path.parent))
    with operation(database, dataset.id, Action.EXPORT, snapshot_name=name) as running:
        record = Catalog(database).get(dataset.id, name, dataset.name)
        # A recovery removes it, as it does what an export has left
        key = f".{path.name}.{running.id}"
        running.note(folder=store.location, key=key, owner=deployment.note(database).id)
        try:
            schema = _schema(arrow)
            with parquet.ParquetWriter(path.parent / key, schema) as writer:
                for rows in _tables(database, dataset, record):
                    writer.write_table(arrow.Table.from_pylist(rows, schema))
                    running.step("written")
            running.committing("checked")
            (path.parent / key).rename(path)
        except OSError as error:
            with suppress(SnapshotError):
                store.remove(key)
            raise ArchiveStorageError(f"'{path}' could not be written: {error}") from error
        running.commit()
    return path


def _imported() -> tuple[Any, Any]:
    try:
        return importlib.import_module("pyarrow"), importlib.import_module("pyarrow.parquet")
    except ImportError as error:
        raise MissingPackageError(
            "Tables need the package pyarrow, which is not installed. Install it with: "
            "pip install pyarrow"
        ) from error


def _schema(arrow: Any) -> Any:
    types = {
        "string": arrow.string(),
        "double": arrow.float64(),
        "int64": arrow.int64(),
        "list": arrow.list_(arrow.string()),
    }
    return arrow.schema([(name, types[kind]) for name, kind in _COLUMNS.items()])


def _tables(
    database: Database[Document], dataset: DatasetReference, record: SnapshotRecord
) -> Iterator[list[Row]]:
    version: Row = {
        "dataset_id": str(dataset.id),
        "dataset_name": dataset.name,
        "snapshot_id": str(record.id),
        "snapshot_name": record.name,
    }
    waiting: list[Row] = []
    files: dict[object, Row] = {}
    for part, batch in _batches(database, record):
        for document in bson.decode_all(batch):
            if part is Part.SAMPLES:
                about: Row = {
                    "sample_id": str(document["_id"]),
                    "filepath": document.get("filepath"),
                    "sample_tags": _texts(document.get("tags")),
                }
                if document.get("_media_type") == "video":
                    files[document["_id"]] = about
            else:
                owner = document.get("_sample_id")
                about = {**files.get(owner, {"sample_id": str(owner)})}
                about["frame_number"] = document.get("frame_number")
            waiting += [{**version, **about, **label} for label in _labels(document)]
        if len(waiting) >= _ROWS:
            yield waiting
            waiting = []
    yield waiting


def _batches(database: Database[Document], record: SnapshotRecord) -> Iterator[tuple[Part, bytes]]:
    own = (Part.SAMPLES, Part.FRAMES)
    if record.archive is not None:
        store, key = location.find(record)
        for piece in Reader(store.read(key), store.describe(key)).pieces_of(own):
            yield piece.part, piece.data
        return
    backend = registry.create(record.backend, database)
    for part in own:
        if (source := backend.source(record, part)) is not None:
            for batch in source.batches():
                yield part, batch


def _labels(document: Document) -> list[Row]:
    """Returns what there is to tell of each label; one empty row if there is none."""
    found: list[Row] = []
    for field, value in document.items():
        if not isinstance(value, dict) or "_cls" not in value:
            continue
        inner = next((value[key] for key in _LISTS if isinstance(value.get(key), list)), None)
        each = [value] if inner is None else inner
        found += [
            _label(field, label) for label in each if isinstance(label, dict) and "_id" in label
        ]
    return found or [{}]


def _label(field: str, label: Document) -> Row:
    box = label.get("bounding_box")
    x, y, width, height = box if isinstance(box, list) and len(box) == 4 else [None] * 4
    others = {key: value for key, value in label.items() if key not in _TOLD}
    return {
        "field": field,
        "label_id": str(label["_id"]),
        "label_type": label.get("_cls"),
        "label": None if label.get("label") is None else str(label["label"]),
        "confidence": label.get("confidence"),
        "x": x,
        "y": y,
        "width": width,
        "height": height,
        "label_tags": _texts(label.get("tags")),
        "attributes": json.dumps(json.loads(json_util.dumps(others)), sort_keys=True),
    }


def _texts(value: object) -> list[str]:
    return [str(each) for each in value] if isinstance(value, list) else []
