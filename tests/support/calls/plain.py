"""What a call returned, as plain values that can be compared between two datasets."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import fiftyone.core.clips as focl
import fiftyone.core.collections as foc
import fiftyone.core.document as fod
import fiftyone.core.frame as fof
import fiftyone.core.media as fom
import fiftyone.core.odm.document as food
import fiftyone.core.runs as fors
import fiftyone.core.sample as fos
import numpy as np
from bson import ObjectId

_OWN = {
    "_dataset_id",
    "dataset_id",
    "created_at",
    "last_modified_at",
    "last_loaded_at",
    "timestamp",
}
"""Keys whose values differ between equal datasets."""


def plain(value: object) -> Any:
    """Reduces a result to plain values, without what is each dataset's own.

    Ids and times of samples that a call generates, names and ids of datasets, and the
    times of bookkeeping are left out; ids of samples and labels are not.
    """
    if value is None or isinstance(value, (bool, int, str, bytes)):
        return value
    if isinstance(value, float):
        return "nan" if math.isnan(value) else value
    if isinstance(value, (np.ndarray, np.generic)):
        return ("array", value.shape, plain(value.tolist()))
    if isinstance(value, ObjectId):
        return str(value)
    if isinstance(value, foc.SampleCollection):
        return _collection(value)
    if isinstance(value, (fof.Frames, fof.FramesView)):
        return {number: plain(frame) for number, frame in value.items()}
    if isinstance(value, fod._Document):
        return _document(value)
    if isinstance(value, (fors.BaseRunInfo, fors.BaseRunConfig, fors.BaseRunResults)):
        return type(value).__name__, plain(value.serialize())
    if isinstance(value, food.MongoEngineBaseDocument):
        return type(value).__name__, plain(value.to_mongo().to_dict())
    if isinstance(value, Mapping):
        return {plain(key): plain(item) for key, item in value.items() if key not in _OWN}
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item) for item in value), key=repr)
    if isinstance(value, Iterable):
        return [plain(item) for item in value]
    if hasattr(value, "to_dict"):
        return type(value).__name__, plain(value.to_dict())
    return str(value) if type(value).__module__ == "datetime" else type(value).__name__


def _collection(collection: Any) -> dict[str, Any]:
    if collection._is_dynamic_groups:
        samples = [_collection(group) for group in collection.iter_dynamic_groups()]
    else:
        grouped = collection.media_type == fom.GROUP
        documents = collection._aggregate(
            attach_frames=collection._contains_videos(),
            groups_only=grouped,
            detach_groups=not grouped,
        )
        samples = [_sample(document, collection) for document in documents]
    return {
        "class": type(collection).__name__,
        "media_type": collection.media_type,
        "schema": sorted(collection.get_field_schema()),
        "frame_schema": sorted(collection.get_frame_field_schema() or {}),
        "samples": samples,
    }


def _sample(document: dict[str, Any], collection: Any) -> Any:
    if collection._is_generated:  # made anew each time
        document.pop("_rand")
        if collection._is_clips:
            document.pop("_id")
    return plain(document)


def _document(document: Any) -> Any:
    values = plain(document.to_mongo_dict(include_id=True))
    values.pop("_rand", None)
    if isinstance(document, focl.ClipView):
        values.pop("_id")
    if isinstance(document, (fos.Sample, fos.SampleView)) and document.media_type == fom.VIDEO:
        values["frames"] = plain(document.frames)
    return values
