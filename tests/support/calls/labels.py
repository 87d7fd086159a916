"""FiftyOne's utilities that convert, clean and sample labels."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.core.annotation.utils as focau
import fiftyone.utils.coco as fouc
import fiftyone.utils.geojson as foug
import fiftyone.utils.image as foui
import fiftyone.utils.iou as fouio
import fiftyone.utils.labels as foul
import fiftyone.utils.random as four
import fiftyone.utils.yolo as fouy

from .fixtures import SIZE
from .registry import IMAGE, VIDEO, Subject, on

LABELS = on(
    Subject("fiftyone.utils.labels", lambda dataset: dataset, IMAGE),
    Subject("fiftyone.utils.labels", lambda dataset: dataset.limit(2), IMAGE, "view"),
)

_writes = LABELS.writes
_writes("objects_to_segmentations")(
    lambda c: foul.objects_to_segmentations(
        c, "ground_truth", "made", mask_size=(SIZE, SIZE), mask_targets={1: "cat"}
    )
)
_writes("segmentations_to_detections")(
    lambda c: foul.segmentations_to_detections(c, "segmentation", "made")
)
_writes("segmentations_to_polylines")(
    lambda c: foul.segmentations_to_polylines(c, "segmentation", "made")
)
_writes("instances_to_polylines")(lambda c: foul.instances_to_polylines(c, "ground_truth", "made"))
_writes("binarize_instances")(lambda c: foul.binarize_instances(c, "ground_truth", threshold=2))
_writes("classification_to_detections")(
    lambda c: foul.classification_to_detections(c, "weather", "made")
)
_writes("classifications_to_detections")(
    lambda c: foul.classifications_to_detections(c, "kinds", "made")
)
_writes("index_to_instance")(lambda c: foul.index_to_instance(c, "ground_truth"))
_writes("index_to_instance", "clear index")(
    lambda c: foul.index_to_instance(c, "ground_truth", clear_index=True)
)
_writes("perform_nms")(
    lambda c: foul.perform_nms(c, "predictions", out_field="made", iou_thresh=0.1)
)
_writes("perform_nms", "in place")(
    lambda c: foul.perform_nms(c, "predictions", confidence_thresh=0.99)
)
_writes("transform_segmentations")(
    lambda c: foul.transform_segmentations(c, "segmentation", {1: 5, 2: 6})
)


@_writes("export_segmentations")
def _(collection: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        foul.export_segmentations(collection, "segmentation", folder)


@LABELS.reads("export_segmentations", "without update", comparable=False)
def _(collection: Any) -> None:
    with tempfile.TemporaryDirectory() as folder:
        foul.export_segmentations(collection, "segmentation", folder, update=False)


_writes("import_segmentations")(lambda c: foul.import_segmentations(c, "drawn"))

# others

IMAGES = on(Subject("fiftyone.utils", lambda dataset: dataset, IMAGE))
IMAGES.writes("iou.compute_max_ious")(
    lambda d: fouio.compute_max_ious(d, "predictions", "ground_truth")
)
IMAGES.writes("iou.compute_max_ious", "ids")(
    lambda d: fouio.compute_max_ious(d, "predictions", "ground_truth", id_attr="nearest")
)
IMAGES.reads("iou.find_duplicates")(
    lambda d: sorted(fouio.find_duplicates(d, "ground_truth", iou_thresh=0.5))
)
IMAGES.writes("random.random_split")(
    lambda d: four.random_split(d, {"train": 0.5, "test": 0.5}, seed=1)
)
IMAGES.writes("random.weighted_sample")(
    lambda d: four.weighted_sample(d, 2, [1.0] * len(d), tag="new", seed=1)
)
IMAGES.reads("random.weighted_sample", "without a tag", comparable=False)(
    lambda d: four.weighted_sample(d, 2, [1.0] * len(d), seed=1)
)
IMAGES.writes("random.balanced_sample")(
    lambda d: four.balanced_sample(d, 2, "scene", tag="new", seed=1)
)
IMAGES.reads("random.balanced_sample", "without a tag", comparable=False)(
    lambda d: four.balanced_sample(d, 2, "scene", seed=1)
)
IMAGES.writes("coco.add_coco_labels")(
    lambda d: fouc.add_coco_labels(
        d,
        "made",
        [
            {"image_id": sample_id, "category_id": 1, "bbox": [1, 1, 8, 8]}
            for sample_id in d.values("id")
        ],
        [{"id": 1, "name": "cat"}],
        coco_id_field="id",
    )
)


@IMAGES.writes("yolo.add_yolo_labels")
def _(dataset: fo.Dataset) -> None:
    with tempfile.TemporaryDirectory() as folder:
        for path in dataset.values("filepath"):
            Path(folder, Path(path).stem + ".txt").write_text("0 0.5 0.5 0.2 0.2\n")
        fouy.add_yolo_labels(dataset, "made", folder, ["cat"])


@IMAGES.writes("geojson.load_location_data")
def _(dataset: fo.Dataset) -> None:
    features = [
        {
            "type": "Feature",
            "geometry": {"type": "Point", "coordinates": [1.0, 2.0]},
            "properties": {"filename": Path(path).name},
        }
        for path in dataset.values("filepath")
    ]
    foug.load_location_data(
        dataset, {"type": "FeatureCollection", "features": features}, location_field="home"
    )


@IMAGES.writes("image.transform_images")
def _(dataset: fo.Dataset) -> None:
    with tempfile.TemporaryDirectory() as folder:
        foui.transform_images(
            dataset, size=(8, 8), output_field="thumbnail", output_dir=folder, num_workers=1
        )


@IMAGES.writes("image.transform_images", "in place of the images")
def _(dataset: fo.Dataset) -> None:
    with tempfile.TemporaryDirectory() as folder:
        foui.transform_images(dataset, size=(8, 8), output_dir=folder, num_workers=1)


@IMAGES.writes("image.reencode_images")
def _(dataset: fo.Dataset) -> None:
    with tempfile.TemporaryDirectory() as folder:
        foui.reencode_images(dataset, ext=".jpg", output_dir=folder, num_workers=1)


# labels of frames

FRAMES = on(Subject("fiftyone.utils", lambda dataset: dataset, VIDEO))
FRAMES.writes("labels.index_to_instance", "of frames")(
    lambda d: foul.index_to_instance(d, "frames.detections")
)
FRAMES.writes("labels.perform_nms", "of frames")(
    lambda d: foul.perform_nms(d, "frames.predictions", confidence_thresh=0.99)
)
FRAMES.writes("iou.compute_max_ious", "of frames")(
    lambda d: fouio.compute_max_ious(d, "frames.predictions", "frames.detections")
)

on(Subject("fiftyone.core.annotation.utils", lambda dataset: dataset, IMAGE)).writes(
    "backfill_instances_from_index",
    note="generate_label_schemas, an operator of low risk, calls it",
)(lambda d: focau.backfill_instances_from_index(d, ["ground_truth"]))
