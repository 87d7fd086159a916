"""Facts about what a snapshot holds, noted so that they can be searched without its documents.

A snapshot never changes, so nothing here is ever out of date. Its fields are noted in its record
when it is captured. The classes of its labels take a pass over its documents, which is made once,
when they are first asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import fiftyone.core.labels as fol
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import DuplicateKeyError

from ..catalog.catalog import Catalog
from ..catalog.record import FORMAT_VERSION, SnapshotRecord, check_format
from ..dataset import schema
from ..dataset.parts import Part, Source
from ..errors import DamagedSnapshotError
from ..mongo.collections import FACTS
from ..mongo.database import Document
from ..storage import registry

MAX_CLASSES = 10_000
"""Classes that are noted of a snapshot. Labels of free text can have any number of them; then none
are noted, and whoever asks for one has it looked for in the documents."""

_MAX_BYTES = 4 * 1024 * 1024


def _subclasses(base: Any) -> Iterator[Any]:
    for kind in base.__subclasses__():
        yield kind
        yield from _subclasses(kind)


def _path_of(kind: Any) -> str:
    return f"{kind.__module__}.{kind.__name__}"


_LABELS = {_path_of(kind): "label" for kind in _subclasses(fol.Label) if hasattr(kind, "label")}
_LABELS |= {
    _path_of(kind): f"{kind._LABEL_LIST_FIELD}.label" for kind in _subclasses(fol._HasLabelList)
}
"""Where labels of each type that has classes keep them."""


def read_fields(database: Database[Document], record: SnapshotRecord) -> tuple[str, ...]:
    """Reads which fields a snapshot has from its documents.

    Args:
        database: the database
        record: the snapshot

    Returns:
        the paths of all fields, those of frames with the prefix ``frames.``

    Raises:
        DamagedSnapshotError: if it has no dataset document
    """
    return schema.paths(_dataset_document(database, record))


def note(database: Database[Document], record: SnapshotRecord) -> None:
    """Notes all facts about a snapshot, unless that was done already.

    To be called before its documents leave the database, so that it can be searched after that.

    Args:
        database: the database
        record: the snapshot
    """
    note_fields(database, record)
    note_classes(database, record)


def note_fields(database: Database[Document], record: SnapshotRecord) -> None:
    """Notes the fields of a snapshot, unless that was done already, as at its capture.

    Args:
        database: the database
        record: the snapshot
    """
    if record.fields is None:
        Catalog(database).update(record.id, fields=read_fields(database, record))


def note_classes(database: Database[Document], record: SnapshotRecord) -> None:
    """Notes the classes of a snapshot's labels, unless that was done already.

    Args:
        database: the database
        record: the snapshot
    """
    noted = database[FACTS].find_one({"_id": record.id}, {"format": 1})
    if noted is not None:
        check_format(noted)
        return
    classes: set[str] | None = set()
    for source, paths in _places(database, record):
        found = _distinct(source, paths)
        if classes is not None:
            classes.update(found)
            size = sum(len(label.encode()) for label in classes)
            if len(classes) > MAX_CLASSES or size > _MAX_BYTES:
                classes = None
    try:
        database[FACTS].insert_one(
            {
                "_id": record.id,
                "format": FORMAT_VERSION,
                "complete": classes is not None,
                "classes": sorted(classes or ()),
            }
        )
    except DuplicateKeyError:
        # Another process has asked as well, and found the same
        return


def has_class(database: Database[Document], record: SnapshotRecord, label: str) -> bool:
    """Returns whether any label of a snapshot has a class.

    Args:
        database: the database
        record: the snapshot
        label: the class

    Returns:
        True/False
    """
    note_classes(database, record)
    is_noted = {"$in": [{"$literal": label}, "$classes"]}
    noted = database[FACTS].find_one({"_id": record.id}, {"complete": 1, "is_noted": is_noted})
    if noted is not None and noted["complete"]:
        return bool(noted["is_noted"])
    return any(
        source.search({"$or": [{path: label} for path in paths]})
        for source, paths in _places(database, record)
    )


def delete(database: Database[Document], snapshot_ids: Iterable[ObjectId]) -> None:
    """Forgets the facts about snapshots.

    Args:
        database: the database
        snapshot_ids: the snapshots
    """
    database[FACTS].delete_many({"_id": {"$in": list(snapshot_ids)}})


def _dataset_document(database: Database[Document], record: SnapshotRecord) -> Document:
    state = registry.create(record.backend, database).related(record)
    documents = state.get(Part.DATASET)
    found = documents and documents.collection.find_one(dict(documents.query))
    if not found:
        raise DamagedSnapshotError(f"Snapshot '{record.name}' has no dataset document")
    return found


def _places(
    database: Database[Document], record: SnapshotRecord
) -> Iterator[tuple[Source, list[str]]]:
    """Yields the documents that can have labels, and the paths at which their classes are."""
    document = _dataset_document(database, record)
    backend = registry.create(record.backend, database)
    for part, key in ((Part.SAMPLES, "sample_fields"), (Part.FRAMES, "frame_fields")):
        paths = {
            f"{path}.{inner}"
            for path, field in schema.walk(document.get(key))
            if (inner := _LABELS.get(field.get("embedded_doc_type") or ""))
        }
        source = backend.source(record, part)
        if source is not None and paths:
            yield source, sorted(paths)


def _distinct(source: Source, paths: list[str]) -> Iterable[str]:
    """Returns the different strings at some paths, one more than is noted at the most."""
    # Where a path leads through a list, its value is one
    lists = [{"$cond": [{"$isArray": f"${path}"}, f"${path}", [f"${path}"]]} for path in paths]
    found = source.aggregate(
        [
            {"$project": {"_id": 0, "class": {"$setUnion": lists}}},
            {"$unwind": "$class"},
            {"$match": {"class": {"$type": "string"}}},
            {"$group": {"_id": "$class"}},
            {"$limit": MAX_CLASSES + 1},
        ]
    )
    if found is not None:
        return [group["_id"] for group in found]
    classes: set[str] = set()
    for document in source.values(sorted({path.split(".")[0] for path in paths})):
        classes.update(name for path in paths for name in _strings(document, path.split(".")))
        if len(classes) > MAX_CLASSES:
            break
    return classes


def _strings(value: Any, path: list[str]) -> Iterator[str]:
    """Yields the strings at a path that may lead through lists."""
    if isinstance(value, list):
        for item in value:
            yield from _strings(item, path)
    elif path and isinstance(value, dict):
        yield from _strings(value.get(path[0]), path[1:])
    elif not path and isinstance(value, str):
        yield value
