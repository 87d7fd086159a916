"""Making the documents of a dataset name other files."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import fiftyone.core.dataset as fod
import fiftyone.core.fields as fof
import fiftyone.core.media as fomm
from bson import ObjectId
from pymongo import UpdateOne
from pymongo.database import Database

from ..backend.catalog.record import DatasetSnapshot
from ..backend.dataset.parts import Part
from ..backend.dataset.reference import current_name
from ..backend.dataset.schema import FRAMES_PREFIX
from ..backend.errors import OutcomeUnknownError
from ..backend.media import references, unpacking
from ..backend.mongo.database import Document
from ..backend.operations.reporting import reporter
from ..backend.snapshots import import_


def unpacking_media(
    database: Database[Document], path: Path, dataset_name: str | None, folder: Path
) -> DatasetSnapshot:
    """Takes in a snapshot, and puts the media files that come with it into a folder.

    Args:
        database: the database
        path: the file
        dataset_name: a name for a new dataset; None for the one that it had
        folder: where to put its media files

    Returns:
        the snapshot
    """
    is_new = import_.check(database, path, dataset_name)
    # Before anybody can see the dataset: what is damaged ends here
    unpacked = unpacking.unpack(path, folder, reporter())
    try:
        record = import_.import_(database, path, dataset_name, unpacked.moved())
    except OutcomeUnknownError:
        # Then it may be here, and need them
        raise
    except BaseException:
        unpacked.take_back()
        raise
    if is_new and (name := current_name(database, record.dataset_id)) is not None:
        document = database["datasets"].find_one({"_id": record.dataset_id}) or {}
        repoint(fod.load_dataset(name), references.fields(document), unpacked.paths)
    return record.public()


def repoint(
    dataset: fod.Dataset, fields: Mapping[Part, list[str]], paths: Mapping[str, str]
) -> None:
    """Replaces values of fields.

    Args:
        dataset: the dataset
        fields: the fields of samples and frames that name files
        paths: new values by former ones
    """
    samples = dataset
    if dataset.media_type == fomm.GROUP:
        samples = dataset.select_group_slices(_allow_mixed=True)
    for part, names in fields.items():
        if part is Part.FRAMES and not dataset._has_frame_fields():
            continue
        prefix = FRAMES_PREFIX if part is Part.FRAMES else ""
        for name in names:
            _replace(samples, prefix + name, paths)


def _replace(samples: Any, field: str, paths: Mapping[str, str]) -> None:
    """Sets the values that still are what they were when they were looked at.

    Others may add and remove labels meanwhile, so that a value is at another place.
    """
    is_of_frames = field.startswith(FRAMES_PREFIX)
    ids, values = samples.values([FRAMES_PREFIX + "id" if is_of_frames else "id", field])
    pairs: Iterable[tuple[str, Any]] = zip(ids, values, strict=True)
    if is_of_frames:
        pairs = [pair for some, there in pairs for pair in zip(some, there, strict=True)]
    key, of_labels = field.removeprefix(FRAMES_PREFIX), not _is_list(samples, field)
    written = {id_: _update(id_, key, value, paths, of_labels=of_labels) for id_, value in pairs}
    changes = {id_: change for id_, change in written.items() if change is not None}
    if changes:
        samples._dataset._bulk_write(
            list(changes.values()), ids=list(changes), frames=is_of_frames
        )


def _is_list(samples: Any, field: str) -> bool:
    return isinstance(samples.get_field(field), fof.ListField)


def _update(
    id_: str, key: str, value: Any, paths: Mapping[str, str], *, of_labels: bool
) -> UpdateOne | None:
    """Returns what replaces the values of one document; None if they stay.

    Args:
        id_: the document
        key: the field
        value: what was found there
        paths: new values by former ones
        of_labels: whether several values are those of labels in a list, and no list themselves
    """
    one: Document = {"_id": ObjectId(id_)}
    now = {"last_modified_at": datetime.now(timezone.utc)}
    if isinstance(value, str) and value in paths:
        return UpdateOne({**one, key: value}, {"$set": {key: paths[value], **now}})
    if not isinstance(value, list):
        return None
    former = sorted({each for each in value if isinstance(each, str) and each in paths})
    if not former:
        return None
    labels, _, leaf = key.rpartition(".")
    there, below = (labels, f".{leaf}") if of_labels else (key, "")
    new = {f"{there}.$[e{place}]{below}": paths[each] for place, each in enumerate(former)}
    which: list[Mapping[str, Any]] = [
        {f"e{place}{below}": each} for place, each in enumerate(former)
    ]
    return UpdateOne(one, {"$set": {**new, **now}}, array_filters=which)
