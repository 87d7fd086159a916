"""Letting FiftyOne make patches, frames, clips and the like from snapshots."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import fiftyone.core.odm.database as food
from mongoengine.errors import NotUniqueError
from pymongo.errors import DuplicateKeyError

from ..dataset import generated
from ..mongo.write_scope import Permission, current, grant
from . import snapshots
from .refusal import refuse
from .scratch import notes

Function = Callable[..., Any]


def load_view(original: Function) -> Function:
    """Notes what a view's dataset was generated from, so that it is read-only and goes with it."""

    @functools.wraps(original)
    def load_view(stage: Any, sample_collection: Any, *args: Any, **kwargs: Any) -> Any:
        snapshot_id = snapshots.of_collection(sample_collection)
        if snapshot_id is None:
            return original(stage, sample_collection, *args, **kwargs)
        with grant(Permission.GENERATING):
            try:
                view = original(stage, sample_collection, *args, **kwargs)
            except (ValueError, NotUniqueError, DuplicateKeyError):
                if not _is_generated_by_now(stage):
                    raise
                view = original(stage, sample_collection, *args, **kwargs)
            generated.mark(food.get_db_conn(), view._dataset._doc.id, snapshot_id)
            snapshots.learn_generated(view._dataset, snapshot_id)
        return view

    return load_view


def _is_generated_by_now(stage: Any) -> bool:
    """Returns whether somebody else was quicker to generate what a saved view remembers.

    FiftyOne then finds the name taken (fiftyone/core/stages.py, ``ToPatches.load_view``).
    """
    name = (stage._state or {}).get("name")
    return name is not None and bool(food.get_db_conn().datasets.find_one({"name": name}))


def update_saved_view(original: Function) -> Function:
    """Lets a saved view remember the dataset that was generated for it."""

    @functools.wraps(original)
    def _update_saved_view_if_necessary(dataset: Any, *args: Any, **kwargs: Any) -> None:
        if snapshots.of_collection(dataset) is None:
            original(dataset, *args, **kwargs)
            return
        with grant(Permission.GENERATING):
            original(dataset, *args, **kwargs)

    return _update_saved_view_if_necessary


def make_clips(original: Function) -> Function:
    """Keeps the marks that clips are cut by away from the samples."""

    @functools.wraps(original)
    def make_clips_dataset(sample_collection: Any, *args: Any, **kwargs: Any) -> Any:
        if snapshots.of_collection(sample_collection) is None:
            return original(sample_collection, *args, **kwargs)
        # Clips can be made from clips, which are marked where they lie
        with notes(), grant(Permission.GENERATING):
            return original(sample_collection, *args, **kwargs)

    return make_clips_dataset


def make_frames(original: Function) -> Function:
    """Refuses to sample frames, which writes to the frames of the videos, before any is."""

    @functools.wraps(original)
    def make_frames_dataset(
        sample_collection: Any, sample_frames: Any = False, *args: Any, **kwargs: Any
    ) -> Any:
        snapshot_id = snapshots.of_collection(sample_collection)
        if snapshot_id is None:
            return original(sample_collection, sample_frames, *args, **kwargs)
        if sample_frames is True:
            refuse(snapshot_id, "to_frames(sample_frames=True)")
        with notes():
            return original(sample_collection, sample_frames, *args, **kwargs)

    return make_frames_dataset


def stats(original: Function) -> Function:
    """Lets the size of the media be told where samples lack metadata."""

    @functools.wraps(original)
    def stats(collection: Any, *args: Any, **kwargs: Any) -> Any:
        if snapshots.of_collection(collection) is None:
            return original(collection, *args, **kwargs)
        with notes():
            return original(collection, *args, **kwargs)

    return stats


def merge_samples(original: Function) -> Function:
    """Lets samples of a snapshot be merged into a dataset."""

    @functools.wraps(original)
    def _merge_samples_pipeline(src_collection: Any, *args: Any, **kwargs: Any) -> Any:
        if snapshots.of_collection(src_collection) is None:
            return original(src_collection, *args, **kwargs)
        with grant(Permission.GENERATING):
            return original(src_collection, *args, **kwargs)

    return _merge_samples_pipeline


def create_index(original: Function) -> Function:
    """Checks what FiftyOne would learn from indexing a snapshot before it merges from it."""

    @functools.wraps(original)
    def create_index(
        collection: Any, field_or_spec: Any, unique: bool = False, *args: Any, **kwargs: Any
    ) -> Any:
        name: str = collection._dataset._doc.sample_collection_name
        if current() is Permission.NONE or snapshots.of_view(name) is None:
            return original(collection, field_or_spec, unique, *args, **kwargs)
        _check_unique(collection._dataset, field_or_spec)
        return field_or_spec

    return create_index


def _check_unique(dataset: Any, name: str) -> None:
    field = dataset._get_db_fields_map().get(name, name)
    found = dataset._sample_collection.aggregate(
        [
            {"$group": {"_id": f"${field}", "count": {"$sum": 1}}},
            {"$match": {"count": {"$gt": 1}}},
            {"$limit": 1},
        ],
        allowDiskUse=True,
    )
    for duplicate in found:
        raise DuplicateKeyError(
            f"{duplicate['count']} samples of '{dataset.name}' have the same {name}: "
            f"{duplicate['_id']}"
        )
