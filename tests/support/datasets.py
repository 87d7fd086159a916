"""Small datasets of every media type, the same at every call.

Their media files do not exist: FiftyOne stores what it is told about them.
"""

from __future__ import annotations

from typing import Any

import fiftyone as fo

from .template import made_once

CLASSES = ("cat", "dog", "Füchse", "狐", "кошка")


@made_once
def image_dataset(name: str, size: int = 10, **options: Any) -> fo.Dataset:
    """Makes an image dataset with detections, a classification, tags and primitive fields.

    Args:
        name: the name of the dataset
        size (10): the number of samples
        **options: further arguments of :class:`fiftyone.core.dataset.Dataset`

    Returns:
        the dataset
    """
    dataset = fo.Dataset(name, **options)
    dataset.add_samples([_image_sample(i) for i in range(size)])
    _describe(dataset)
    return dataset


@made_once
def video_dataset(name: str, size: int = 3, frames: int = 5, **options: Any) -> fo.Dataset:
    """Makes a video dataset with labels on samples and frames.

    Args:
        name: the name of the dataset
        size (3): the number of videos
        frames (5): the number of frames of each
        **options: further arguments of :class:`fiftyone.core.dataset.Dataset`

    Returns:
        the dataset
    """
    dataset = fo.Dataset(name, **options)
    dataset.add_samples([_video_sample(i, frames) for i in range(size)])
    _describe(dataset)
    return dataset


@made_once
def point_cloud_dataset(name: str, size: int = 4, **options: Any) -> fo.Dataset:
    """Makes a point cloud dataset with 3D boxes.

    Args:
        name: the name of the dataset
        size (4): the number of samples
        **options: further arguments of :class:`fiftyone.core.dataset.Dataset`

    Returns:
        the dataset
    """
    dataset = fo.Dataset(name, **options)
    dataset.add_samples(
        [fo.Sample(f"/media/cloud{i:04d}.pcd", boxes=_boxes_3d(i)) for i in range(size)]
    )
    _describe(dataset)
    return dataset


@made_once
def grouped_dataset(name: str, size: int = 3, frames: int = 4, **options: Any) -> fo.Dataset:
    """Makes a grouped dataset with an image, a video and a 3D slice.

    Args:
        name: the name of the dataset
        size (3): the number of groups
        frames (4): the number of frames of each video
        **options: further arguments of :class:`fiftyone.core.dataset.Dataset`

    Returns:
        the dataset
    """
    dataset = fo.Dataset(name, **options)
    dataset.add_group_field("group", default="camera")
    samples = []
    for i in range(size):
        group = fo.Group()
        slices = {
            "camera": _image_sample(i),
            "drive": _video_sample(i, frames),
            "scene": fo.Sample(f"/media/scene{i:04d}.fo3d", boxes=_boxes_3d(i)),
        }
        for slice_name, sample in slices.items():
            sample["group"] = group.element(slice_name)
            samples.append(sample)

    dataset.add_samples(samples)
    _describe(dataset)
    return dataset


def _describe(dataset: fo.Dataset) -> None:
    """Fills the dataset's own fields, so that versions of it can differ there too."""
    dataset.info = {"source": "test", "größe": len(dataset)}
    dataset.default_classes = list(CLASSES)
    dataset.tags = ["raw"]
    dataset.description = "A dataset for tests"
    dataset.save()


def _image_sample(i: int) -> fo.Sample:
    return fo.Sample(
        f"/media/image{i:04d}.jpg",
        tags=["train" if i % 2 else "test", "夜"],
        metadata=fo.ImageMetadata(
            size_bytes=1000 + i, mime_type="image/jpeg", width=640, height=480, num_channels=3
        ),
        ground_truth=_detections(i),
        weather=fo.Classification(label="sunny" if i % 3 else "rainy", confidence=i % 10 / 10),
        größe=float(i),
    )


def _video_sample(i: int, frames: int) -> fo.Sample:
    sample = fo.Sample(
        f"/media/video{i:04d}.mp4",
        tags=["train" if i % 2 else "test"],
        metadata=fo.VideoMetadata(
            size_bytes=90_000 + i,
            mime_type="video/mp4",
            frame_width=640,
            frame_height=480,
            frame_rate=25.0,
            total_frame_count=frames,
            duration=frames / 25,
        ),
        weather=fo.Classification(label="sunny" if i % 3 else "rainy"),
        events=fo.TemporalDetections(
            detections=[fo.TemporalDetection(label="turn", support=[1, max(1, frames // 2)])]
        ),
    )
    for number in range(1, frames + 1):
        sample.frames[number] = fo.Frame(objects=_detections(i + number))

    return sample


def _detections(i: int) -> fo.Detections:
    return fo.Detections(
        detections=[
            fo.Detection(
                label=CLASSES[(i + j) % len(CLASSES)],
                bounding_box=[0.1 * j, 0.05 * (i % 10), 0.25, 0.2],
                confidence=0.5 + 0.1 * j,
                index=j,
                tags=["checked"] if j else [],
                iscrowd=bool(j),
            )
            for j in range(1 + i % 3)
        ]
    )


def _boxes_3d(i: int) -> fo.Detections:
    return fo.Detections(
        detections=[
            fo.Detection(
                label=CLASSES[i % len(CLASSES)],
                location=[float(i), 1.0, 0.0],
                dimensions=[1.0, 2.0, 1.5],
                rotation=[0.0, 0.1 * i, 0.0],
            )
        ]
    )
