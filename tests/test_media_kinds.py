"""Whatever names a file, in every kind of dataset: its fate is told, and it comes back."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from support.media_files import NAME, groups, images, media, touch, videos, write


def patches(folder: Path) -> fo.Dataset:
    """Makes a dataset whose labels with files are within documents of a list, and dynamic."""
    dataset = fo.Dataset(NAME, persistent=True)
    boxes = [
        fo.Detection(label="car", bounding_box=[0, 0, 1, 1], mask_path=write(folder / f"{n}.png"))
        for n in range(2)
    ]
    lanes = fo.Segmentation(mask_path=write(folder / "lanes.png"))
    dataset.add_sample(
        fo.Sample(write(folder / "点云.pcd"), cars=fo.Detections(detections=boxes), lanes=lanes)
    )
    return dataset


def grouped_masks(folder: Path) -> fo.Dataset:
    """Makes a dataset of groups of an image and a video, with masks in both."""
    dataset = fo.Dataset(NAME, persistent=True)
    dataset.add_group_field("group", default="left")
    group = fo.Group()
    left = fo.Sample(
        write(folder / "left.png"),
        group=group.element("left"),
        road=fo.Segmentation(mask_path=write(folder / "left-road.png")),
    )
    drive = fo.Sample(write(folder / "drive.mp4"), group=group.element("drive"))
    drive.frames[1] = fo.Frame(heat=fo.Heatmap(map_path=write(folder / "heat.png")))
    dataset.add_samples([left, drive])
    return dataset


FILES: dict[str, tuple[Callable[[Path], fo.Dataset], list[str]]] = {
    "images": (
        lambda folder: images(folder, 1),
        ["夜0.png", "thumbs/0.png", "masks/0.png", "maps/0.png", "cars/0-0.png", "cars/0-1.png"],
    ),
    "videos": (
        videos,
        [
            "drive.mp4",
            *(f"frames/{number}{end}" for number in (1, 2) for end in (".jpg", "-road.png")),
        ],
    ),
    "groups and scenes": (
        groups,
        ["left.png", "scene.fo3d", "points.pcd", "car.obj", "car.mtl", "sky.png"],
    ),
    "point clouds": (patches, ["点云.pcd", "0.png", "1.png", "lanes.png"]),
    "groups of videos": (grouped_masks, ["left.png", "left-road.png", "drive.mp4", "heat.png"]),
}


@pytest.mark.parametrize("kind", FILES)
def test_each_file_is_captured_told_of_and_brought_back(
    kind: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make, names = FILES[kind]
    there, kept = tmp_path / "there", tmp_path / "store"
    kept.mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA_STORE", str(kept))
    make(there)
    fos.create_snapshot(NAME, "v1", media="copy")
    captured = fos.get_captured_media(NAME, "v1")
    assert captured is not None
    assert (captured.files, captured.hashed) == (len(names), len(names))
    for name in names:
        path, moved = there / name, tmp_path / "moved"
        content = path.read_bytes()
        shutil.move(path, moved)
        # What a scene is made of, a scene that is gone does not tell
        assert str(path) in media().missing.names, name
        path.write_bytes(content + b" ")
        touch(path)
        found = media().replaced.names
        assert found == (str(path),), name
        path.unlink()
        back = fos.restore_media(NAME, "v1", to=tmp_path / "back")
        assert Path(back.paths[str(path)]).read_bytes() == content, name
        shutil.move(moved, path)
        assert not media(), name
