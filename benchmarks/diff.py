"""Summaries and diffs, beside a clone: 1% changed, 0.1% added, 0.1% deleted."""

from __future__ import annotations

import statistics
import sys
from collections.abc import Iterator

import fiftyone as fo
from bson import ObjectId
from pymongo import UpdateOne
from pymongo.collection import Collection

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.catalog.catalog import Catalog
from fiftyone_snapshots.backend.diff import changes
from fiftyone_snapshots.backend.diff.versions import SnapshotVersion
from fiftyone_snapshots.backend.mongo.database import connect

from .data import LABELS, image_dataset, video_dataset
from .harness import Row, Step, clone_of, peak_memory

_NAME = "bench-diff"
_ROUNDS = 3
_FRAMES_A_VIDEO = 1000
_FRAMES_A_SAMPLE = 0.6

# Bars of the specification, as shares of a clone; a diff may take 0.3 more than a summary. A clone
# of few samples takes no time, so nothing can be measured by it
_BETWEEN, _HEAD, _MORE = 0.05, 0.6, 0.3
_ENOUGH = 100_000
_MOST_MEMORY_MB = 1500
_PROGRAM = (
    f"import fiftyone_snapshots as fos; fos.calculate_dataset_latest_changes_summary({_NAME!r})"
)


def rows(samples: int) -> Iterator[Row]:
    """Measures summaries and diffs on images, and on videos.

    Args:
        samples: the number of images; of frames there are six for every ten

    Returns:
        an iterator over the rows
    """
    images = image_dataset(_NAME, samples)
    yield from _rows(images, f"{samples:,} samples", images._sample_collection)
    frames = int(samples * _FRAMES_A_SAMPLE)
    videos = video_dataset(_NAME, max(1, frames // _FRAMES_A_VIDEO), _FRAMES_A_VIDEO)
    yield from _rows(videos, f"{frames:,} frames", videos._frame_collection)


def _rows(dataset: fo.Dataset, data: str, collection: Collection) -> Iterator[Row]:
    fos.create_snapshot(dataset, "a")
    _edit(collection)
    head = {
        "summary of HEAD, exact": (
            Step(lambda: fos.calculate_dataset_latest_changes_summary(_NAME)),
            _HEAD,
        ),
        "diff of HEAD, fields and labels": (Step(lambda: fos.diff(_NAME, "a")), _HEAD + _MORE),
    }
    yield from _measure(dataset, data, head)
    peak = peak_memory(_PROGRAM)
    fits = "below" if peak < _MOST_MEMORY_MB else "ABOVE"
    print(f"  summary of HEAD: {peak} MB resident, {fits} {_MOST_MEMORY_MB}", file=sys.stderr)
    fos.create_snapshot(dataset, "b")
    between = {
        "summary between snapshots": (Step(lambda: _between(dataset)), _BETWEEN),
        "diff between snapshots": (Step(lambda: fos.diff(_NAME, "a", "b")), _BETWEEN + _MORE),
    }
    yield from _measure(dataset, data, between, note=f"summary of HEAD: {peak} MB resident")
    fo.delete_dataset(_NAME)


def _measure(
    dataset: fo.Dataset, data: str, steps: dict[str, tuple[Step, float]], note: str = ""
) -> Iterator[Row]:
    """Times all steps after each clone: clones are what takes long."""
    count = dataset.count("frames") if dataset.media_type == "video" else len(dataset)
    clone = clone_of(dataset)
    rounds = [
        (clone.seconds(), {name: step.seconds() for name, (step, _) in steps.items()})
        for _ in range(_ROUNDS)
    ]
    for name, (_, bar) in steps.items():
        yield Row(
            name=name,
            data=data,
            baseline="Dataset.clone()",
            ours_seconds=statistics.median(ours[name] for _, ours in rounds),
            baseline_seconds=statistics.median(other for other, _ in rounds),
            ratio=statistics.median(ours[name] / other for other, ours in rounds),
            bar=bar if count >= _ENOUGH else None,
            note=f"{_ROUNDS} rounds{'; ' + note if note else ''}",
        )


def _between(dataset: fo.Dataset) -> None:
    database = connect()
    before, after = Catalog(database).list(ObjectId(dataset._doc.id))
    changes.compare(SnapshotVersion(database, before), SnapshotVersion(database, after))


def _edit(collection: Collection) -> None:
    """Changes one document in a hundred, adds and deletes one in a thousand."""
    documents = [document["_id"] for document in collection.find({}, {"_id": 1})]
    updates = [
        UpdateOne(
            {"_id": id_},
            {
                "$set": {
                    "ground_truth.detections.0.label": LABELS[number % len(LABELS)],
                    "ground_truth.detections.1.bounding_box": [0.25, 0.25, 0.5, 0.5],
                }
            },
        )
        for number, id_ in enumerate(documents[::100])
    ]
    collection.bulk_write(updates, ordered=False)
    collection.delete_many({"_id": {"$in": documents[50::1000]}})
    copies = []
    for document in collection.find({"_id": {"$in": documents[51::1000]}}):
        number = document.get("frame_number")
        copies.append({**document, "_id": ObjectId()})
        if number is not None:
            copies[-1]["frame_number"] = number + _FRAMES_A_VIDEO
    collection.insert_many(copies)
