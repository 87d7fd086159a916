"""Synthetic datasets of any size, with documents as FiftyOne writes them."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import bson
import fiftyone as fo
from bson import ObjectId

LABELS = ("car", "truck", "bus", "person", "bicycle", "traffic light", "dog", "cat")
_DETECTIONS = 8
_BATCH = 5000


def image_dataset(name: str, samples: int, seed: int = 51) -> fo.Dataset:
    """Makes an image dataset of documents of about 1.6 KB, with 8 detections each.

    FiftyOne writes the first sample; the others are variations of its document, inserted
    directly, because ``add_samples()`` would take minutes.

    Args:
        name: the name of the dataset; an existing one is replaced
        samples: how many samples
        seed (51): seed of the random values

    Returns:
        the dataset
    """
    dataset = _new_dataset(name)
    dataset.add_sample(
        fo.Sample(
            filepath="/data/images/00000000.jpg",
            tags=["train"],
            metadata=fo.ImageMetadata(
                size_bytes=120_000, mime_type="image/jpeg", width=1920, height=1080, num_channels=3
            ),
            weather=fo.Classification(label="clear", confidence=0.9),
            uniqueness=0.5,
            ground_truth=fo.Detections(
                detections=[
                    fo.Detection(label=LABELS[0], bounding_box=[0.1, 0.1, 0.2, 0.2])
                    for _ in range(_DETECTIONS)
                ]
            ),
        )
    )
    collection = dataset._sample_collection
    template = collection.find_one()
    batch: list[bson.raw_bson.RawBSONDocument] = []
    for document in _variations(template, samples - 1, random.Random(seed)):
        batch.append(bson.raw_bson.RawBSONDocument(bson.encode(document)))
        if len(batch) == _BATCH:
            collection.insert_many(batch)
            batch.clear()
    if batch:
        collection.insert_many(batch)
    return dataset


def video_dataset(name: str, videos: int, frames: int, seed: int = 51) -> fo.Dataset:
    """Makes a video dataset with frames of about 700 bytes, with 3 detections each.

    Args:
        name: the name of the dataset; an existing one is replaced
        videos: how many videos
        frames: how many frames each has
        seed (51): seed of the random values

    Returns:
        the dataset
    """
    dataset = _new_dataset(name)
    sample = fo.Sample(filepath="/data/videos/00000000.mp4", tags=["train"])
    sample.frames[1] = fo.Frame(
        ground_truth=fo.Detections(
            detections=[
                fo.Detection(label=LABELS[0], bounding_box=[0.1, 0.1, 0.2, 0.2]) for _ in range(3)
            ]
        )
    )
    dataset.add_sample(sample)
    sample_template = dataset._sample_collection.find_one()
    frame_template = dataset._frame_collection.find_one()
    randomness = random.Random(seed)
    dataset._frame_collection.delete_many({})
    dataset._sample_collection.delete_many({})
    for number in range(videos):
        video = {
            **sample_template,
            "_id": ObjectId(),
            "filepath": f"/data/videos/{number:08d}.mp4",
        }
        dataset._sample_collection.insert_one(video)
        documents = []
        for frame_number in range(1, frames + 1):
            document = _varied_labels(frame_template, randomness)
            document.update(_id=ObjectId(), _sample_id=video["_id"], frame_number=frame_number)
            documents.append(document)
        dataset._frame_collection.insert_many(documents)
    return dataset


def _new_dataset(name: str) -> fo.Dataset:
    if fo.dataset_exists(name):
        fo.delete_dataset(name)
    return fo.Dataset(name, persistent=True)


def _variations(
    template: dict[str, Any], count: int, randomness: random.Random
) -> Iterator[dict[str, Any]]:
    for number in range(1, count + 1):
        document = _varied_labels(template, randomness)
        document["_id"] = ObjectId()
        document["filepath"] = f"/data/images/{number:08d}.jpg"
        document["_rand"] = randomness.random()
        document["uniqueness"] = randomness.random()
        yield document


def _varied_labels(template: dict[str, Any], randomness: random.Random) -> dict[str, Any]:
    detections = [
        {
            **detection,
            "_id": ObjectId(),
            "label": randomness.choice(LABELS),
            "bounding_box": [randomness.random() / 2 for _ in range(4)],
        }
        for detection in template["ground_truth"]["detections"]
    ]
    return {**template, "ground_truth": {**template["ground_truth"], "detections": detections}}
