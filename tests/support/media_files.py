"""Datasets of every media type whose files exist, and what befalls files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import fiftyone as fo
from fiftyone.core import threed
from pymongo.database import Database

import fiftyone_snapshots as fos

from .full import Document

NAME = "Straße 街"


def write(path: Path, content: str = "") -> str:
    """Writes a file like no other, with some more in it, and returns its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"{path.parent.name}/{path.name}{content}")
    return str(path)


def touch(path: str | Path, nanoseconds: int = 1) -> None:
    """Makes a file look as if it had been written to at another time."""
    found = Path(path).stat()
    os.utime(path, ns=(found.st_atime_ns, found.st_mtime_ns + nanoseconds))


def images(folder: Path, count: int = 4, name: str = NAME, **options: Any) -> fo.Dataset:
    """Makes a dataset of images with masks, maps and thumbnails, all in files."""
    dataset = fo.Dataset(name, persistent=True)
    samples = []
    for number in range(count):
        sample = fo.Sample(
            write(folder / f"夜{number}.png"),
            thumb=write(folder / f"thumbs/{number}.png"),
            drivable=fo.Segmentation(mask_path=write(folder / f"masks/{number}.png")),
            gaze=fo.Heatmap(map_path=write(folder / f"maps/{number}.png")),
            objects=fo.Detections(
                detections=[
                    fo.Detection(
                        label="car",
                        bounding_box=[0, 0, 1, 1],
                        mask_path=write(folder / f"cars/{number}-{part}.png"),
                    )
                    for part in range(2)
                ]
            ),
        )
        samples.append(sample)
    dataset.add_samples(samples)
    dataset.app_config.media_fields = ["filepath", "thumb"]
    dataset.save()
    return dataset


def videos(folder: Path, name: str = NAME) -> fo.Dataset:
    """Makes a dataset of a video whose frames are in files as well, with masks."""
    dataset = fo.Dataset(name, persistent=True)
    sample = fo.Sample(write(folder / "drive.mp4"))
    for number in (1, 2):
        sample.frames[number] = fo.Frame(
            filepath=write(folder / f"frames/{number}.jpg"),
            road=fo.Segmentation(mask_path=write(folder / f"frames/{number}-road.png")),
        )
    dataset.add_sample(sample)
    return dataset


def scene(folder: Path) -> str:
    """Writes a 3D scene of some files, beside it and elsewhere."""
    write(folder / "points.pcd")
    write(folder / "car.obj")
    write(folder / "car.mtl")
    write(folder / "sky.png")
    made = threed.Scene()
    made.background = threed.SceneBackground(image="sky.png")
    cloud = threed.PointCloud("points", "points.pcd")
    cloud.add(threed.ObjMesh("car", "car.obj", mtl_path=str(folder / "car.mtl")))
    made.add(cloud)
    made.write(str(folder / "scene.fo3d"))
    return str(folder / "scene.fo3d")


def groups(folder: Path, name: str = NAME) -> fo.Dataset:
    """Makes a dataset of a group of an image and a 3D scene."""
    dataset = fo.Dataset(name, persistent=True)
    dataset.add_group_field("group", default="left")
    group = fo.Group()
    dataset.add_samples(
        [
            fo.Sample(write(folder / "left.png"), group=group.element("left")),
            fo.Sample(scene(folder), group=group.element("scene")),
        ]
    )
    return dataset


def layers(database: Database[Document]) -> list[Document]:
    """Returns what is stored of captures, each once."""
    return list(database["snapshots.media"].find({"layer": {"$exists": True}}))


def media(a: str = "v1", b: str | None = None) -> fos.MediaDiff:
    """Compares the files of two versions, by default with the dataset as it is."""
    found = fos.diff(NAME, a, b, progress=False, media=True).media
    assert found is not None
    return found


def files(folder: Path) -> dict[str, str]:
    """Returns what is in the files of a folder, by their paths in it."""
    return {
        str(path.relative_to(folder)): path.read_text()
        for path in folder.rglob("*")
        if path.is_file()
    }


def masks(folder: Path, paths: Sequence[str]) -> fo.Dataset:
    """Makes a dataset whose masks are elsewhere."""
    dataset = fo.Dataset(NAME, persistent=True)
    dataset.add_samples(
        [
            fo.Sample(write(folder / f"{number}.png"), road=fo.Segmentation(mask_path=str(path)))
            for number, path in enumerate(paths)
        ]
    )
    return dataset


def restored(folder: Path, name: str = "v1") -> tuple[dict[str, str], int]:
    """Returns the masks of a snapshot, by the ends of their names, and how many files are lost."""
    back = fos.restore_media(NAME, name, to=folder)
    kept = {
        path.rpartition("/")[2]: Path(place).read_text()
        for path, place in back.paths.items()
        if "mask" in path
    }
    return kept, back.lost.total
