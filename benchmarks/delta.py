"""The delta backend, beside a clone: each step 1% changed, 0.1% added, 0.1% deleted."""

from __future__ import annotations

import os
import statistics
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from unittest.mock import patch

import fiftyone as fo
from bson import ObjectId
from pymongo import UpdateOne
from pymongo.collection import Collection
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.dataset.parts import Documents, Part
from fiftyone_snapshots.backend.mongo.database import connect
from fiftyone_snapshots.backend.storage import collections
from fiftyone_snapshots.backend.storage.delta import chains
from fiftyone_snapshots.backend.storage.delta.gc import collect_garbage

from .data import LABELS, image_dataset, video_dataset
from .harness import Row, Step, clone_of

_NAME = "bench-delta"
_STEPS = 9
_ROUNDS = 3
_FRAMES_A_VIDEO = 1000
_FRAMES_A_SAMPLE = 0.6
_BACKEND = {"FIFTYONE_SNAPSHOTS_BACKEND": "delta"}

# Bars of the specification, as shares of a clone
_EXACT, _TRUSTED, _UNCHANGED, _LOAD, _DELETE, _STORAGE = 0.5, 0.2, 0.4, 1.5, 0.2, 1.3
_ENOUGH = 600_000
"""Bars are set for so many documents: a clone of fewer takes no time."""


def rows(samples: int) -> Iterator[Row]:
    """Measures the delta backend on images, and on videos.

    Args:
        samples: the number of images; of frames there are six for every ten

    Returns:
        an iterator over the rows
    """
    with patch.dict(os.environ, _BACKEND):
        images = image_dataset(_NAME, samples)
        yield from _Bench(images, Part.SAMPLES, samples).rows()
        frames = int(samples * _FRAMES_A_SAMPLE)
        videos = video_dataset(_NAME, max(1, frames // _FRAMES_A_VIDEO), _FRAMES_A_VIDEO)
        yield from _Bench(videos, Part.FRAMES, frames).rows()


class _Bench:
    """One dataset, and its snapshots."""

    def __init__(self, dataset: fo.Dataset, part: Part, count: int) -> None:
        self._dataset = dataset
        self._part = part
        self._data = f"{count:,} {part}"
        self._is_enough = count >= _ENOUGH
        self._database = connect()
        self._clones: list[float] = []
        self._clone = clone_of(dataset)

    def rows(self) -> Iterator[Row]:
        """Measures everything, each time beside a clone."""
        # As in a dataset that was not made a minute ago
        yesterday = datetime.now(timezone.utc) - timedelta(days=1)
        self._collection.update_many({}, {"$set": {"last_modified_at": yesterday}})
        yield self._row("create, the first", [self._beside(self._create("s0"))], None)
        exact, trusted = [], []
        for number in range(1, _STEPS + 1):
            edit(self._collection, number)
            trusts = number % 2 == 0
            pair = self._beside(self._create(f"s{number}", trust_timestamps=trusts))
            (trusted if trusts else exact).append(pair)
        yield self._row("create", exact, _EXACT)
        yield self._row("create, timestamps trusted", trusted, _TRUSTED)
        yield self._row("create, nothing changed", self._unchanged(), _UNCHANGED)
        yield self._storage()
        yield self._row("load, nine steps back, cold", self._loads(), _LOAD)
        warm = Step(lambda: fos.load_snapshot(_NAME, "s0"))
        yield self._row("load, nine steps back, warm", [self._beside(warm)], None)
        middle = [self._beside(_delete(name)) for name in ("s3", "s5", "s7")]
        yield self._row("delete a middle one for good", middle, _DELETE)
        yield self._row("delete the newest for good", [self._beside(_delete("s9"))], None)
        fo.delete_dataset(_NAME)

    @property
    def _collection(self) -> Collection:
        is_samples = self._part is Part.SAMPLES
        return self._dataset._sample_collection if is_samples else self._dataset._frame_collection

    def _create(self, name: str, *, trust_timestamps: bool = False) -> Step:
        return Step(lambda: fos.create_snapshot(_NAME, name, trust_timestamps=trust_timestamps))

    def _beside(self, step: Step) -> tuple[float, float]:
        other = self._clone.seconds()
        return step.seconds(), other

    def _row(self, name: str, pairs: list[tuple[float, float]], bar: float | None) -> Row:
        return Row(
            name=name,
            data=self._data,
            baseline="Dataset.clone()",
            ours_seconds=statistics.median(ours for ours, _ in pairs),
            baseline_seconds=statistics.median(other for _, other in pairs),
            ratio=statistics.median(ours / other for ours, other in pairs),
            bar=bar if self._is_enough else None,
            note=f"{len(pairs)} pairs",
        )

    def _unchanged(self) -> list[tuple[float, float]]:
        found = [self._beside(self._create(f"same{number}")) for number in range(_ROUNDS)]
        for number in range(_ROUNDS):
            fos.delete_snapshot(_NAME, f"same{number}")
        fos.empty_trash(_NAME)
        return found

    def _loads(self) -> list[tuple[float, float]]:
        load = Step(run=lambda: fos.load_snapshot(_NAME, "s0"), before=self._release)
        return [self._beside(load) for _ in range(_ROUNDS)]

    def _release(self) -> None:
        """Makes all older snapshots virtual."""
        dataset_id = self._dataset._doc.id
        chains.change(self._database, dataset_id, lambda chain: chain.releasing(chain.links))
        collect_garbage(self._database, dataset_id)

    def _storage(self) -> Row:
        """Compares what ten snapshots take on disk with what a copy of the newest one takes."""
        copy = f"snapshots.{_NAME}"
        source = Documents(self._collection)
        collections.copy_all(self._part, source, self._database, copy)
        for name in self._ours():
            self._database.command("compact", name, force=True)
        ours = _on_disk(self._database, self._ours())
        other = _on_disk(self._database, [copy])
        self._database.drop_collection(copy)
        return Row(
            name="storage of ten, manifests included, MB",
            data=self._data,
            baseline="one full copy",
            ours_seconds=ours / 1e6,
            baseline_seconds=other / 1e6,
            ratio=ours / other,
            bar=_STORAGE if self._is_enough else None,
            note="after compaction",
        )

    def _ours(self) -> list[str]:
        names = self._database.list_collection_names()
        stored = ("snapshots.delta", "snapshots.manifests", "snapshots.orders")
        return [name for name in names if name.startswith(stored)]


def _delete(name: str) -> Step:
    return Step(lambda: (fos.delete_snapshot(_NAME, name), fos.empty_trash(_NAME)))


def _on_disk(database: Database, names: list[str]) -> int:
    database.client.admin.command("fsync")
    stats = [database.command("collStats", name) for name in names]
    return sum(each["storageSize"] + each["totalIndexSize"] for each in stats)


def edit(collection: Collection, step: int) -> None:
    """Changes one document in a hundred, adds and deletes one in a thousand, as FiftyOne would."""
    now = datetime.now(timezone.utc)
    ids = [document["_id"] for document in collection.find({}, {"_id": 1})]
    updates = [
        UpdateOne(
            {"_id": id_},
            {
                "$set": {
                    "ground_truth.detections.0.label": LABELS[number % len(LABELS)],
                    "ground_truth.detections.1.bounding_box": [0.25, 0.25, 0.5, 0.5],
                    "last_modified_at": now,
                }
            },
        )
        for number, id_ in enumerate(ids[step::100])
    ]
    collection.bulk_write(updates, ordered=False)
    collection.delete_many({"_id": {"$in": ids[50 + step :: 1000]}})
    copied = []
    for document in collection.find({"_id": {"$in": ids[70 + step :: 1000]}}):
        copied.append({**document, "_id": ObjectId(), "last_modified_at": now})
        if "frame_number" in document:
            copied[-1]["frame_number"] = document["frame_number"] + step * 10 * _FRAMES_A_VIDEO
    collection.insert_many(copied)
