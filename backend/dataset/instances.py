"""Objects of this process that show a dataset whose collections were exchanged.

FiftyOne keeps loaded datasets, samples and frames as singletons (fiftyone/core/singletons.py) and
run results in caches on the dataset (fiftyone/core/dataset.py, ``clear_cache``). After a revert
these would show, and on ``save()`` write, what was reverted. Other processes are held off by the
database: see :mod:`.switch`.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Iterable

import fiftyone as fo
import fiftyone.core.dataset as fod
import fiftyone.core.frame as fofr
import fiftyone.core.sample as fos
from bson import ObjectId

logger = logging.getLogger(__name__)


def refresh(dataset_id: ObjectId, former_samples: str, former_frames: str | None) -> None:
    """Makes loaded objects show what the dataset is now.

    Samples and frames that it no longer has are cut loose, so that saving them is an error. What
    this process shows is of no matter to the database: should it fail, that is only said.

    Args:
        dataset_id: the dataset
        former_samples: the name that its sample collection had
        former_frames: the name that its frame collection had, if any
    """
    try:
        _refresh_all(dataset_id, former_samples, former_frames)
    except Exception:
        logger.exception("Loaded objects are stale now; get the dataset anew: dataset.reload()")


def _refresh_all(dataset_id: ObjectId, former_samples: str, former_frames: str | None) -> None:
    for dataset in list(fod.Dataset._instances.values()):
        if not dataset.deleted and dataset._doc.id == dataset_id:
            # Twice: finding another media type, a hard reload would configure the dataset for it
            # and save that (fiftyone/core/dataset.py, Dataset._set_media_type)
            dataset._reload()
            dataset._reload(hard=True)
            _choose_slice(dataset)
            for cache in (
                dataset._annotation_cache,
                dataset._brain_cache,
                dataset._evaluation_cache,
                dataset._run_cache,
            ):
                cache.clear()
    for sample in list(fos.Sample._instances.pop(former_samples, {}).values()):
        _refresh(sample, sample._dataset._sample_collection)
    if former_frames is not None:
        for frames in fofr.Frame._instances.pop(former_frames, {}).values():
            for frame in list(frames.values()):
                _refresh(frame, frame._dataset._frame_collection)


def refresh_samples(dataset_id: ObjectId, sample_ids: Iterable[ObjectId]) -> None:
    """Makes loaded objects show samples that were changed where they lie.

    Other samples are left alone: they may have edits that are not saved yet.

    Args:
        dataset_id: the dataset
        sample_ids: the samples
    """
    wanted = {str(sample_id) for sample_id in sample_ids}
    for dataset in list(fod.Dataset._instances.values()):
        if dataset.deleted or dataset._doc.id != dataset_id:
            continue
        dataset._reload(hard=True)
        _choose_slice(dataset)
        samples = fos.Sample._instances.get(dataset._sample_collection_name, {})
        for sample_id in wanted.intersection(list(samples)):
            if (sample := samples.get(sample_id)) is not None:
                _refresh(sample, dataset._sample_collection)
        frames = fofr.Frame._instances.get(dataset._frame_collection_name, {})
        for sample_id in wanted.intersection(frames):
            for frame in list(frames.pop(sample_id).values()):
                _refresh(frame, dataset._frame_collection)


def _choose_slice(dataset: fod.Dataset) -> None:
    """Leaves a group slice that is no more, which reloading does not."""
    if dataset._group_slice not in (dataset._doc.group_media_types or {}):
        dataset._group_slice = dataset._doc.default_group_slice


def _refresh(loaded: fos.Sample | fofr.Frame, collection: fod.Dataset) -> None:
    if collection is not None and collection.find_one({"_id": loaded._id}, {"_id": 1}):
        loaded._reload_backing_doc()
        type(loaded)._register_instance(loaded)
        return
    try:
        loaded._reset_backing_doc()
    except Exception:  # noqa: BLE001 (what FiftyOne copies may be gone as well, such as all frames)
        loaded._dataset = None


def content(dataset: fod.Dataset) -> str:
    """Returns a text that is another one once a loaded dataset's document is edited in memory."""
    # What mongoengine takes for changed includes what FiftyOne does while it loads
    return hashlib.sha256(repr(dataset._doc.to_dict()).encode()).hexdigest()


def unedited(name: str, dataset_id: ObjectId, content_then: str) -> fod.Dataset | None:
    """Returns a loaded dataset that shows what was loaded: nothing of it was edited in memory.

    Args:
        name: the dataset's name
        dataset_id: its id
        content_then: what :func:`content` returned when it had been loaded

    Returns:
        the object, or None if there is none, or something is loaded that may have been edited
    """
    dataset: fod.Dataset | None = fod.Dataset._instances.get(name)
    if dataset is None or dataset.deleted or not fo.config.singleton_cache:
        return None
    if dataset._doc.id != dataset_id or content(dataset) != content_then:
        return None
    loaded = (
        fos.Sample._instances.get(dataset._sample_collection_name),
        fofr.Frame._instances.get(dataset._frame_collection_name),
    )
    return None if any(loaded) else dataset


def forget(name: str) -> None:
    """Marks a loaded dataset that is no more, so that using the object says so.

    Args:
        name: the dataset's name
    """
    dataset: fod.Dataset | None = fod.Dataset._instances.pop(name, None)
    if dataset is not None:
        dataset._deleted = True
