"""Members of datasets that import files: add, merge, ingest, and make datasets from them."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import cv2
import fiftyone as fo
import fiftyone.utils.data as foud
import numpy as np

from .registry import IMAGE, VIDEO, Media, on
from .subjects import DATASET

FLAT = IMAGE | VIDEO
FEW = ["quality", "weather", "ground_truth"]
FIELDS = "the stamps are not among the merged fields"


@contextmanager
def _folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


@contextmanager
def _images() -> Iterator[Path]:
    with _folder() as folder:
        for name in ("a", "b"):
            cv2.imwrite(str(folder / f"{name}.png"), np.zeros((8, 8, 3), dtype=np.uint8))
        yield folder


@contextmanager
def _videos() -> Iterator[Path]:
    with _folder() as folder:
        for name in ("a", "b"):
            (folder / f"{name}.mp4").write_bytes(b"not really a video")
        yield folder


class VideoParser(foud.LabeledVideoSampleParser):
    """Reads ``(path, label)`` pairs."""

    has_video_metadata = False

    def get_video_path(self) -> str:
        path: str = self.current_sample[0]
        return path

    def get_label(self) -> fo.Label:
        return fo.Classification(label=self.current_sample[1])

    def get_frame_labels(self) -> None:
        return None


class FieldParser(VideoParser):
    """The same, for methods that take no name of a field."""

    def get_label(self) -> Any:
        return {"weather": super().get_label()}


def _pairs(paths: Any) -> list[tuple[str, str]]:
    return [(str(path), "new") for path in sorted(paths)]


# every way to say where the files are: (name of the method's ending, media, arguments)

Arguments = Callable[[Path], tuple[tuple[Any, ...], dict[str, Any]]]
_FILES: list[tuple[str, frozenset[Media], Any, Arguments]] = [
    ("images", IMAGE, _images, lambda f: (([str(f / "a.png")],), {})),
    ("images_dir", IMAGE, _images, lambda f: ((str(f),), {})),
    ("images_patt", IMAGE, _images, lambda f: ((str(f / "*.png"),), {})),
    (
        "labeled_images",
        IMAGE,
        _images,
        lambda f: (
            (_pairs(f.iterdir()), foud.ImageClassificationSampleParser()),
            {"label_field": "weather"},
        ),
    ),
    ("videos", VIDEO, _videos, lambda f: (([str(f / "a.mp4")],), {})),
    ("videos_dir", VIDEO, _videos, lambda f: ((str(f),), {})),
    ("videos_patt", VIDEO, _videos, lambda f: ((str(f / "*.mp4"),), {})),
    (
        "labeled_videos",
        VIDEO,
        _videos,
        lambda f: ((_pairs(f.iterdir()), VideoParser()), {"label_field": "weather"}),
    ),
]


def _file_methods(ending: str, media: frozenset[Media], make: Any, arguments: Arguments) -> None:
    @on(DATASET).writes(f"add_{ending}", media=media)
    def _(dataset: fo.Dataset) -> None:
        with make() as folder:
            given, named = arguments(folder)
            getattr(dataset, f"add_{ending}")(*given, **named)

    @on(DATASET).reads(f"from_{ending}", comparable=False, media=media)
    def _(dataset: fo.Dataset) -> int:
        with make() as folder:
            given, named = arguments(folder)
            return len(getattr(fo.Dataset, f"from_{ending}")(*given, **named))

    if ending in ("images", "labeled_images", "videos", "labeled_videos"):

        @on(DATASET).writes(f"ingest_{ending}", media=media)
        def _(dataset: fo.Dataset) -> None:
            with make() as folder, _folder() as target:
                given, named = arguments(folder)
                if ending == "labeled_videos":  # names its fields itself
                    given, named = (given[0], FieldParser()), {}
                getattr(dataset, f"ingest_{ending}")(*given, **named, dataset_dir=str(target))


for _row in _FILES:
    _file_methods(*_row)

# folders in a format


def _others(dataset: fo.Dataset, *, new_ids: bool) -> fo.Dataset:
    """Two samples of a dataset, edited; not the first, whose temporal tag needs protobuf."""
    other = fo.Dataset()
    samples = (
        dataset[1:]
        .limit(2)
        .select_fields([*FEW, "frames.blur"] if dataset.media_type == "video" else FEW)
    )
    other.add_collection(samples, include_info=False, new_ids=new_ids)
    other.set_values("quality", [100] * len(other))
    return other


@contextmanager
def _exported(
    dataset: fo.Dataset,
    dataset_type: type = fo.types.FiftyOneDataset,
    *,
    new_ids: bool = False,
    **options: Any,
) -> Iterator[str]:
    """A folder with two samples of this dataset, edited."""
    if dataset_type is fo.types.FiftyOneDataset:
        options["export_media"] = False
    other = _others(dataset, new_ids=new_ids)
    with _folder() as folder:
        other.export(export_dir=str(folder / "data"), dataset_type=dataset_type, **options)
        yield str(folder / "data")


def _importer(folder: str) -> Any:
    return foud.FiftyOneDatasetImporter(folder)


@contextmanager
def _archived(dataset: fo.Dataset, *, new_ids: bool = False) -> Iterator[str]:
    with _folder() as folder:
        path = str(folder / "data.zip")
        other = _others(dataset, new_ids=new_ids)
        other.export(export_dir=path, dataset_type=fo.types.FiftyOneDataset, export_media=False)
        yield path


def _directory(
    variant: str, dataset_type: type, *, media: frozenset[Media] = IMAGE, **options: Any
) -> None:
    label_field = options.get("label_field")
    arguments = {"dataset_type": dataset_type, **({"label_field": "added"} if label_field else {})}

    @on(DATASET).writes("add_dir", variant, media=media)
    def _(dataset: fo.Dataset) -> None:
        with _exported(dataset, dataset_type, new_ids=True, **options) as folder:
            dataset.add_dir(folder, **arguments)

    @on(DATASET).writes("merge_dir", variant, media=media)
    def _(dataset: fo.Dataset) -> None:
        with _exported(dataset, dataset_type, **options) as folder:
            dataset.merge_dir(folder, **arguments)


_directory("FiftyOneDataset", fo.types.FiftyOneDataset, media=FLAT)
_directory("LegacyFiftyOneDataset", fo.types.LegacyFiftyOneDataset, export_media=False)
_directory("VOCDetectionDataset", fo.types.VOCDetectionDataset, label_field="ground_truth")
_directory(
    "ImageClassificationDirectoryTree",
    fo.types.ImageClassificationDirectoryTree,
    label_field="weather",
)


def _merge(variant: str, *, note: str = "", **arguments: Any) -> None:
    @on(DATASET).writes("merge_dir", variant, media=IMAGE, note=note)
    def _(dataset: fo.Dataset) -> None:
        with _exported(dataset) as folder:
            dataset.merge_dir(folder, dataset_type=fo.types.FiftyOneDataset, **arguments)


_merge("some fields", fields=["quality"], note=FIELDS)
_merge(
    "some fields, no overwrite",
    fields=["quality"],
    overwrite=False,
    note=f"{FIELDS}, and are removed",
)
_merge("no insertions", insert_new=False)
_merge("by a function", key_fcn=lambda sample: sample.filepath)


@on(DATASET).writes("add_importer", media=FLAT)
def _(dataset: fo.Dataset) -> None:
    with _exported(dataset, new_ids=True) as folder:
        dataset.add_importer(_importer(folder))


@on(DATASET).writes("merge_importer", media=FLAT)
def _(dataset: fo.Dataset) -> None:
    with _exported(dataset) as folder:
        dataset.merge_importer(_importer(folder))


@on(DATASET).writes("add_archive", media=IMAGE)
def _(dataset: fo.Dataset) -> None:
    with _archived(dataset, new_ids=True) as path:
        dataset.add_archive(path, dataset_type=fo.types.FiftyOneDataset)


@on(DATASET).writes("merge_archive", media=IMAGE)
def _(dataset: fo.Dataset) -> None:
    with _archived(dataset) as path:
        dataset.merge_archive(path, dataset_type=fo.types.FiftyOneDataset)


# new datasets


@on(DATASET).reads("from_dir", comparable=False)
def _(dataset: fo.Dataset) -> object:
    with _exported(dataset) as folder:
        return fo.Dataset.from_dir(folder, dataset_type=fo.types.FiftyOneDataset)


@on(DATASET).reads("from_archive", comparable=False, media=IMAGE)
def _(dataset: fo.Dataset) -> object:
    with _archived(dataset) as path:
        return fo.Dataset.from_archive(path, dataset_type=fo.types.FiftyOneDataset)


@on(DATASET).reads("from_importer", comparable=False, media=IMAGE)
def _(dataset: fo.Dataset) -> object:
    with _exported(dataset) as folder:
        return fo.Dataset.from_importer(_importer(folder))


@on(DATASET).reads("from_dict", comparable=False, media=FLAT)
def _(dataset: fo.Dataset) -> object:
    other = _others(dataset, new_ids=False)
    return fo.Dataset.from_dict(other.to_dict(include_frames=True), name=f"{dataset.name}-copy")


@on(DATASET).reads("from_json", comparable=False, media=FLAT)
def _(dataset: fo.Dataset) -> object:
    other = _others(dataset, new_ids=False)
    return fo.Dataset.from_json(other.to_json(include_frames=True), name=f"{dataset.name}-copy")
