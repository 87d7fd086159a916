"""Making the documents of a dataset name other files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import fiftyone.core.dataset as fod
import fiftyone.core.media as fomm
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
        record = import_.import_(database, path, dataset_name)
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
    """Sets the values that are other ones then, of no other samples than these."""
    ids, values = samples.values(["id", field])
    new = {
        id_: replaced
        for id_, value in zip(ids, values, strict=True)
        if (replaced := _replaced(value, paths)) != value
    }
    if new:
        samples.select(list(new), ordered=True).set_values(field, list(new.values()))


def _replaced(value: Any, paths: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_replaced(item, paths) for item in value]
    return paths.get(value, value) if isinstance(value, str) else value
