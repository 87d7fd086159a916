"""The datasets that the calls of the table are made on.

All three share their sample fields, so that one function serves them all; the image dataset
has labels of every type besides, videos have frames, and the group dataset has two image
slices and a video slice. Each carries one of everything that can belong to a dataset: runs
of all kinds, a saved view, a workspace, a summary field, indexes, label schemas, transforms,
a store, a temporal tag.
"""

from __future__ import annotations

from datetime import datetime, timezone
from pathlib import Path

import cv2
import fiftyone as fo
import fiftyone.brain as fob
import fiftyone.core.odm as foo
import fiftyone.operators.store as foos
import numpy as np
from bson import ObjectId

from .annotation import PaperBackendConfig
from .registry import Media

SIZE = 32
FRAMES = 3
LENGTH = 4
LABELS = ("cat", "dog", "bird")


def build(media: Media, name: str, folder: Path) -> fo.Dataset:
    """Makes a dataset of these media, with its files under ``folder``."""
    dataset = fo.Dataset(name)
    dataset.add_sample_field("support", fo.FrameSupportField)
    if media is Media.IMAGE:
        samples = [_image(index, folder / "images") for index in range(4)]
        for index, sample in enumerate(samples):
            _label(sample, index)
            sample["drawn"] = fo.Segmentation(mask_path=sample.filepath)
        dataset.add_samples(samples)
    elif media is Media.VIDEO:
        dataset.add_samples([_video(index, folder / "videos") for index in range(3)])
    else:
        dataset.add_group_field("group", default="left")
        dataset.add_samples([sample for index in range(2) for sample in _group(index, folder)])
    _describe(dataset)
    _add_runs(dataset)
    _add_linked(dataset)
    _touch(dataset)
    return dataset


def _group(index: int, folder: Path) -> list[fo.Sample]:
    group = fo.Group()
    left = _image(2 * index, folder / "left")
    right = _image(2 * index + 1, folder / "right")
    movie = _video(index, folder / "movie")
    for sample, slice_name in ((left, "left"), (right, "right"), (movie, "movie")):
        sample["group"] = group.element(slice_name)
    return [left, right, movie]


def _image(index: int, folder: Path) -> fo.Sample:
    sample = fo.Sample(
        filepath=str(folder / f"{index}.png"), tags=["even"] if index % 2 == 0 else []
    )
    _draw(sample.filepath, index)
    if index != 2:
        sample.metadata = fo.ImageMetadata.build_for(sample.filepath)
        sample.metadata.mime_type = None  # not the whole truth, so that computing changes it
    _annotate(sample, index)
    return sample


def _video(index: int, folder: Path) -> fo.Sample:
    sample = fo.Sample(
        filepath=str(folder / f"{index}.mp4"), tags=["even"] if index % 2 == 0 else []
    )
    Path(sample.filepath).parent.mkdir(parents=True, exist_ok=True)
    Path(sample.filepath).write_bytes(f"not really video {index}".encode())
    sample.metadata = fo.VideoMetadata(
        size_bytes=18,
        frame_width=SIZE,
        frame_height=SIZE,
        frame_rate=10.0,
        total_frame_count=LENGTH,
        duration=LENGTH / 10,
    )
    _annotate(sample, index)
    sample["events"] = fo.TemporalDetections(
        detections=[
            fo.TemporalDetection(label="run", support=[1, 2], confidence=0.5, tags=["first"])
        ]
    )
    sample["support"] = [1, 2]
    for number in range(1, LENGTH + 1):
        _draw(_frame_path(folder, index, number), index + number)
    for number in range(1, FRAMES + 1):
        frame = fo.Frame()
        if number != FRAMES:  # the last is on disk only, as is the image of the frame after it
            frame["filepath"] = _frame_path(folder, index, number)
        frame["detections"] = _detections(index, confidence=None, track=True)
        frame["predictions"] = _detections(index + number % 2, confidence=0.8, track=True)
        frame["state"] = fo.Classification(label=LABELS[number % 3], sure=number > 1)
        frame["blur"] = index + number / 10
        frame["quality"] = number
        sample.frames[number] = frame
    return sample


def _annotate(sample: fo.Sample, index: int) -> None:
    sample["ground_truth"] = _detections(index, confidence=None)
    sample["weather"] = fo.Classification(label=LABELS[index % 3], sure=index > 0)
    sample["forecast"] = fo.Classification(
        label=LABELS[(index + index % 2) % 3],
        confidence=0.7,
        logits=np.array([0.1, 0.2, 0.3 + index]),
    )
    sample["quality"] = index
    sample["score"] = index / 10
    sample["scene"] = "day" if index < 2 else "night"
    sample["codes"] = ["a", "b"]
    sample["embedding"] = np.array([index, index % 2, index * index, 1.0])
    sample["taken"] = datetime(2024, 1, 1 + index, tzinfo=timezone.utc)
    sample["extra"] = fo.DynamicEmbeddedDocument(owner="me", grade=index)


def _label(sample: fo.Sample, index: int) -> None:
    sample["predictions"] = _detections(index + index % 2, confidence=0.5 + index / 20)
    sample["kinds"] = fo.Classifications(
        classifications=[fo.Classification(label=LABELS[index % 3])]
    )
    sample["segmentation"] = fo.Segmentation(mask=_mask(index, SIZE))
    sample["lines"] = fo.Polylines(
        polylines=[
            fo.Polyline(
                label="road",
                points=[[(0.1, 0.1), (0.4, 0.4), (0.1, 0.4)]],
                closed=True,
                filled=True,
            )
        ]
    )
    sample["joints"] = fo.Keypoints(
        keypoints=[
            fo.Keypoint(label="person", points=[(0.1, 0.2), (0.3, 0.4)], confidence=[0.9, 0.4])
        ]
    )
    sample["level"] = fo.Regression(value=float(index))
    sample["place"] = fo.GeoLocation(point=[10.0 + index, 50.0])


def _detections(index: int, *, confidence: float | None, track: bool = False) -> fo.Detections:
    def detection(position: int) -> fo.Detection:
        label = fo.Detection(
            label=LABELS[(index + position) % 3],
            bounding_box=[0.1 + 0.4 * position, 0.1, 0.3, 0.3],
            confidence=confidence,
            index=1 + position,
            tags=["first"] if position == 0 else [],
            colour="red" if position == 0 else "blue",
        )
        if not track:
            label.mask = np.ones((4, 4), dtype=bool)
        return label

    return fo.Detections(detections=[detection(0), detection(1)])


def _mask(index: int, size: int) -> np.ndarray:
    mask = np.zeros((size, size), dtype=np.uint8)
    mask[: size // 2, : 4 + 2 * index] = 1
    mask[size // 2 :, :8] = 2
    return mask


def _frame_path(folder: Path, index: int, number: int) -> str:
    return str(folder / str(index) / f"{number:06d}.jpg")


def _draw(path: str, index: int) -> None:
    image = np.full((SIZE, SIZE, 3), 10 * index, dtype=np.uint8)
    image[index : index + 8, :8] = 255
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(path, image)


def _touch(dataset: fo.Dataset) -> None:
    """Leaves the frames younger than the samples, and these younger than the dataset."""
    dataset.set_values("quality", dataset.values("quality"))
    if dataset.media_type == "video":
        dataset.set_values("frames.blur", dataset.values("frames.blur"))


def _describe(dataset: fo.Dataset) -> None:
    dataset.description = "what the calls are made on"
    dataset.tags = ["calls"]
    dataset.info = {"source": {"name": "made up"}}
    dataset.classes = {"ground_truth": list(LABELS)}
    dataset.default_classes = list(LABELS)
    dataset.mask_targets = {"segmentation": {1: "sky", 2: "road"}}
    dataset.default_mask_targets = {1: "sky", 2: "road"}
    dataset.skeletons = {"joints": fo.KeypointSkeleton(labels=["head", "foot"], edges=[[0, 1]])}
    dataset.default_skeleton = fo.KeypointSkeleton(edges=[[0, 1]])
    dataset.app_config.sidebar_groups = fo.DatasetAppConfig.default_sidebar_groups(dataset)
    dataset.app_config.color_scheme = fo.ColorScheme(color_pool=["#ff0000", "#00ff00"])
    dataset.app_config.plugins = {"map": {"clustering": False}}
    dataset.save()
    dataset.add_intrinsics("left", fo.PinholeCameraIntrinsics(fx=1.0, fy=1.0, cx=0.0, cy=0.0))
    for source, target in (("left", "ego"), ("ego", "world")):
        dataset.add_static_transform(
            fo.StaticTransform(
                translation=[1.0, 0.0, 0.0],
                quaternion=[0.0, 0.0, 0.0, 1.0],
                source_frame=source,
                target_frame=target,
            )
        )
    dataset.add_sample_field(
        "empty", fo.StringField, description="never set", info={"why": "test"}
    )
    dataset.add_sample_field("extra.owner", fo.StringField)
    dataset.add_sample_field("weather.sure", fo.BooleanField)
    if dataset.media_type == "image":
        dataset.add_sample_field(
            "home", fo.EmbeddedDocumentField, embedded_doc_type=fo.GeoLocation
        )
        dataset.create_index([("place.point", "2dsphere")])
    else:
        dataset.add_frame_field("state.sure", fo.BooleanField)
    dataset.create_index("quality")
    dataset.create_summary_field("ground_truth.detections.label", field_name="labels")
    dataset.set_label_schemas(dataset.generate_label_schemas(["scene", "weather"]))
    dataset.activate_label_schemas("weather")


def _add_runs(dataset: fo.Dataset) -> None:
    flat = dataset.select_group_slices("left") if dataset.media_type == "group" else dataset
    if dataset.media_type == "image":
        flat.evaluate_detections("predictions", gt_field="ground_truth", eval_key="boxes")
    flat.evaluate_classifications("forecast", gt_field="weather", eval_key="verdict")
    fob.compute_similarity(flat, embeddings="embedding", brain_key="similar", backend="sklearn")
    fob.compute_visualization(
        flat, embeddings="embedding", brain_key="map", method="pca", num_dims=2
    )
    config = dataset.init_run(method="own", why="test")
    dataset.register_run("own", config)
    results = dataset.init_run_results("own", total=3)
    dataset.save_run_results("own", results)
    flat.annotate(
        "paper",
        label_field="weather",
        label_type="classification",
        classes=["cat", "annotated"],
        backend=PaperBackendConfig,
    )


def _add_linked(dataset: fo.Dataset) -> None:
    dataset.save_view("kept", dataset.limit(2), description="a saved view", color="#123456")
    dataset.save_workspace(
        "kept", fo.Space(children=[fo.Panel(type="Samples")]), description="a workspace"
    )
    foos.ExecutionStore.create("notes", dataset_id=dataset._doc.id).set("note", {"text": "hello"})
    now = datetime(2024, 1, 1, tzinfo=timezone.utc)
    tag = {
        "_dataset_id": dataset._doc.id,
        "_sample_id": ObjectId(dataset.first().id),
        "kind": "temporal",
        "index_type": 1,
        "anchor": None,
        "start": 0,
        "end": 10,
        "tag": "kept",
        "created_at": now,
        "last_modified_at": now,
    }
    foo.get_db_conn().tags.insert_one(tag)
