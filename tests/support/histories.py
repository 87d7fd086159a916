"""Datasets with a history of small changes."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.testing.backend_contract import raw_documents

from .full import Document

Content = list[bytes]


def edit(dataset: fo.Dataset, word: str) -> None:
    """Changes one sample, deletes one from the middle, adds one.

    Args:
        dataset: the dataset
        word: what tells this edit from others
    """
    dataset.reload()
    sample = dataset.skip(3).first()
    sample["weather"] = fo.Classification(label=word)
    sample.save()
    dataset.delete_samples([dataset.skip(7).first().id])
    dataset.add_sample(fo.Sample(f"/media/{word}{dataset.first().filename[-4:]}"))


def content(dataset: fo.Dataset) -> Content:
    """Returns the samples of a dataset or snapshot, and frames, as bytes and in natural order."""
    collections = (dataset._sample_collection, dataset._frame_collection)
    return [raw for each in collections if each is not None for raw in raw_documents(each)]


def snapshots(dataset: fo.Dataset, count: int) -> list[Content]:
    """Takes snapshots, called v0 and so on, with edits in between.

    Args:
        dataset: the dataset
        count: how many

    Returns:
        what each must hold
    """
    found = []
    for number in range(count):
        fos.create_snapshot(dataset.name, f"v{number}")
        found.append(content(dataset))
        edit(dataset, f"word{number}")
    return found


def stored(database: Database[Document], part: str = "samples") -> dict[str, int]:
    """Returns how many documents each collection of the delta backend has.

    Args:
        database: the database
        part ("samples"): what they hold
    """
    query: dict[str, Any] = {"name": {"$regex": rf"^snapshots\.delta\..*{part}"}}
    names = database.list_collection_names(filter=query)
    return {name: database[name].count_documents({}) for name in names}
