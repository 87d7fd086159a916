"""Datasets whose samples are restored, and all that they consist of."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.datasets import image_dataset, video_dataset
from support.full import Document, content

NAME, SNAPSHOT = "Füchse", "v1"


def edited_images() -> fo.Dataset:
    """Makes an image dataset, and edits it after a snapshot."""
    dataset = image_dataset(NAME, 6, persistent=True)
    fos.create_snapshot(NAME, SNAPSHOT)
    dataset.delete_samples(dataset.values("id")[4:])
    dataset.set_values("weather", [fo.Classification(label="now")] * 4)
    return dataset


def edited_videos() -> fo.Dataset:
    """Makes a video dataset, and edits it after a snapshot."""
    dataset = video_dataset(NAME, 3, 4, persistent=True)
    fos.create_snapshot(NAME, SNAPSHOT)
    first, second, third = dataset
    first.frames[1].objects = None
    del first.frames[2]
    first.frames[9] = fo.Frame()
    first.save()
    second["weather"] = fo.Classification(label="now")
    second.save()
    dataset.delete_samples(third)
    return dataset


def everything(dataset: fo.Dataset, database: Database[Document]) -> list[Any]:
    """Returns the documents of a dataset and its own, except when it was last loaded."""
    stamp = {"last_loaded_at": 0}
    return [
        content(dataset._sample_collection),
        sorted(content(dataset._frame_collection)) if dataset._frame_collection_name else None,
        database["datasets"].find_one({"_id": dataset._doc.id}, stamp),
        sorted(content(database["tags"])),
    ]


def everything_but_times(dataset: fo.Dataset, database: Database[Document]) -> list[Any]:
    """Returns the documents of a dataset, except when it was changed and loaded."""
    stamps = {"last_loaded_at": 0, "last_modified_at": 0}
    return [
        sorted(content(dataset._sample_collection)),
        sorted(content(dataset._frame_collection)) if dataset._frame_collection_name else None,
        database["datasets"].find_one({"_id": dataset._doc.id}, stamps),
        sorted(content(database["tags"])),
    ]


def restore(**options: Any) -> fos.RestoredSamples:
    """Restores all samples."""
    loaded = fos.load_snapshot(NAME, SNAPSHOT)
    return fos.restore_samples(NAME, SNAPSHOT, loaded, **options)


def kinds() -> list[str]:
    """Returns what lies in the trash."""
    return [f"{item.kind.value} {item.name}" for item in fos.list_trash(NAME)]
