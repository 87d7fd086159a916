"""Reading members that datasets and views share."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, ClassVar

import fiftyone as fo
from fiftyone import ViewField as F

from .registry import GROUP, IMAGE, STAMP, VIDEO, Media, missing, on
from .subjects import COLLECTIONS, DATASET

_reads = on(*COLLECTIONS).reads
FLAT = IMAGE | VIDEO


def _edited(sample: Any) -> Any:
    quality = sample["quality"]
    sample["quality"] = 100
    sample["quality"] = quality
    return quality


def _visited(collection: Any) -> list[int]:
    with collection.save_context():
        return [sample.quality for sample in collection]


def _switched(collection: Any) -> list[str]:
    before = collection.group_slice
    try:
        collection.group_slice = "right"
        return list(collection.values("filepath"))
    finally:
        collection.group_slice = before


# aggregations

_reads("aggregate")(lambda c: c.aggregate([fo.Count(), fo.CountValues("scene")]))
_reads("bounds")(lambda c: c.bounds("quality"))
_reads("count")(lambda c: c.count("ground_truth.detections"))
_reads("count", "of frames", media=VIDEO)(lambda c: c.count("frames"))
_reads("count_label_tags")(lambda c: c.count_label_tags())
_reads("count_sample_tags")(lambda c: c.count_sample_tags())
_reads("count_values")(lambda c: c.count_values("weather.label"))
_reads("count_values", "of frames", media=VIDEO)(lambda c: c.count_values("frames.state.label"))
_reads("distinct")(lambda c: c.distinct("scene"))
_reads("histogram_values")(lambda c: c.histogram_values("quality", bins=3))
_reads("list_schema")(lambda c: c.list_schema("codes"))
_reads("max")(lambda c: c.max("quality"))
_reads("mean")(lambda c: c.mean("score"))
_reads("min")(lambda c: c.min("quality"))
_reads("quantiles")(lambda c: c.quantiles("quality", [0.25, 0.75]))
_reads("schema")(lambda c: c.schema("extra"))
_reads("std")(lambda c: c.std("quality"))
_reads("sum")(lambda c: c.sum("quality"))
_reads("values")(lambda c: c.values("ground_truth.detections.label", unwind=True))
_reads("values", "ids")(lambda c: c.values(["id", "quality", "taken", "embedding"]))
_reads("values", "of frames", media=VIDEO)(
    lambda c: c.values("frames.detections.detections.label")
)
_reads("__len__")(len)
_reads("__bool__")(bool)

# samples

_reads("first")(lambda c: c.first())
_reads("head")(lambda c: c.head())
_reads("last")(lambda c: c.last())
_reads("tail")(lambda c: c.tail())
_reads("one")(lambda c: c.one(F("quality") == 0))
_reads("view")(lambda c: c.view())
_reads("iter_samples")(lambda c: c.iter_samples())
_reads("iter_samples", "in memory edits")(
    lambda c: [_edited(sample) for sample in c.iter_samples()]
)
_reads("iter_groups", media=GROUP)(lambda c: c.iter_groups())
_reads("get_group", media=GROUP)(lambda c: c.get_group(c.first().group.id))
_reads("map_samples")(
    lambda c: sorted(c.map_samples(lambda s: s.quality, parallelize_method="thread"))
)
_reads("save_context", "nothing to save")(_visited)
_reads("__iter__")(iter)
_reads("__getitem__", "of an id")(lambda c: c[c.first().id])
_reads("__getitem__", "of a slice")(lambda c: c[:1])
_reads("__getitem__", "of an expression")(lambda c: c[F("quality") == 0])
_reads("__contains__")(lambda c: c.first().id in c)
_reads("__add__")(lambda c: c[:1] + c[:1])
_reads("__repr__", comparable=False)(repr)
_reads("__str__", comparable=False)(str)
_reads("__eq__")(lambda c: c == c.view())
_reads("__copy__", note="copies are the same object or the same view")(lambda c: c.__copy__())
on(DATASET).reads("__deepcopy__")(lambda c: c.__deepcopy__({}))


# what is known about the collection

_reads("tags")(lambda c: c.tags)
_reads("description")(lambda c: c.description)
_reads("info")(lambda c: c.info)
_reads("app_config", comparable=False)(lambda c: c.app_config)
_reads("classes")(lambda c: c.classes)
_reads("default_classes")(lambda c: c.default_classes)
_reads("mask_targets")(lambda c: c.mask_targets)
_reads("default_mask_targets")(lambda c: c.default_mask_targets)
_reads("skeletons")(lambda c: c.skeletons)
_reads("default_skeleton")(lambda c: c.default_skeleton)
_reads("camera_intrinsics")(lambda c: c.camera_intrinsics)
_reads("static_transforms")(lambda c: c.static_transforms)
_reads("media_type")(lambda c: c.media_type)
_reads("group_field")(lambda c: c.group_field)
_reads("group_media_types")(lambda c: c.group_media_types)
_reads("group_slice")(lambda c: c.group_slice)
_reads("group_slices")(lambda c: c.group_slices)
_reads("default_group_slice")(lambda c: c.default_group_slice)
_reads("group_slice.setter", media=GROUP, note="changes the object, not the database")(_switched)
_reads("get_classes")(lambda c: c.get_classes("ground_truth"))
_reads("get_mask_targets")(lambda c: c.get_mask_targets("segmentation"))
_reads("get_skeleton")(lambda c: c.get_skeleton("joints"))
_reads("has_classes")(lambda c: c.has_classes("ground_truth"))
_reads("has_mask_targets")(lambda c: c.has_mask_targets("segmentation"))
_reads("has_skeleton")(lambda c: c.has_skeleton("joints"))
_reads("has_field")(lambda c: (c.has_field("weather.label"), c.has_field("nothing")))
_reads("has_sample_field")(lambda c: c.has_sample_field("weather"))
_reads("has_frame_field")(lambda c: c.has_frame_field("blur"))
_reads("get_field")(lambda c: type(c.get_field("ground_truth.detections.label")))
_reads("get_field_schema")(
    lambda c: {name: str(f) for name, f in c.get_field_schema(flat=True).items()}
)
_reads("get_frame_field_schema")(lambda c: list(c.get_frame_field_schema(flat=True) or {}))
_reads("get_dynamic_field_schema")(lambda c: sorted(c.get_dynamic_field_schema()))
_reads("get_dynamic_frame_field_schema")(
    lambda c: sorted(c.get_dynamic_frame_field_schema() or {})
)
_reads("make_unique_field_name", comparable=False)(lambda c: c.make_unique_field_name("weather"))
_reads("validate_field_type")(lambda c: c.validate_field_type("quality", ftype=fo.IntField))
_reads("validate_fields_exist")(lambda c: c.validate_fields_exist(["quality", "weather"]))
_reads("generate_label_schemas")(lambda c: c.generate_label_schemas(["weather", "scene"]))
_reads("list_aggregations")(lambda c: sorted(c.list_aggregations()))
_reads("list_view_stages")(lambda c: sorted(c.list_view_stages()))
_reads("list_indexes")(lambda c: sorted(c.list_indexes()))
_reads("get_index_information")(lambda c: c.get_index_information())
_reads("get_index_information", "with sizes", comparable=False)(
    lambda c: c.get_index_information(include_stats=True)
)
_reads("stats", comparable=False)(lambda c: c.stats(include_indexes=True))
_reads("summary", comparable=False)(lambda c: c.summary())
_reads("reload")(lambda c: c.reload())
_reads("temporal_tags")(lambda c: [len(c.temporal_tags), bool(c.temporal_tags)])


@_reads(
    "stats",
    "with media",
    media=IMAGE | VIDEO,
    comparable=False,
    leaves=STAMP | {"metadata"},
    note="computes and stores missing metadata; on a snapshot it cannot store what it computes",
)
def _(collection: Any) -> object:
    return collection.stats(include_media=True)


# runs


def _runs(kind: str, name: str, key: str) -> None:
    _reads(f"has_{name}")(lambda c: getattr(c, f"has_{name}")(key))
    _reads(f"has_{name}s")(lambda c: getattr(c, f"has_{name}s"))
    _reads(f"list_{name}s")(lambda c: sorted(getattr(c, f"list_{name}s")()))
    _reads(f"get_{kind}_info")(lambda c: getattr(c, f"get_{kind}_info")(key))
    _reads(f"load_{kind}_results")(lambda c: getattr(c, f"load_{kind}_results")(key))
    _reads(f"load_{kind}_view")(lambda c: getattr(c, f"load_{kind}_view")(key))


_runs("annotation", "annotation_run", "paper")
_runs("brain", "brain_run", "similar")
_runs("evaluation", "evaluation", "verdict")
_runs("run", "run", "own")

_reads("load_brain_results", "visualization")(lambda c: c.load_brain_results("map").points)
_reads("load_evaluation_results", "of detections", media=IMAGE)(
    lambda c: c.load_evaluation_results("boxes").metrics()
)
_reads("init_run")(lambda c: c.init_run(method="new"))
_reads("init_run_results", comparable=False)(lambda c: c.init_run_results("own", total=1))


# out of FiftyOne


@_reads("clone", note="makes a dataset with a name of its own")
def _(collection: Any) -> object:
    return collection.clone()


_reads("to_dict", comparable=False)(lambda c: c.to_dict())
_reads("to_dict", "with frames", media=VIDEO, comparable=False)(
    lambda c: c.to_dict(include_frames=True)
)
_reads("to_json", comparable=False)(lambda c: c.to_json())


@_reads("write_json", comparable=False)
def _(collection: Any) -> object:
    with tempfile.TemporaryDirectory() as folder:
        collection.write_json(str(Path(folder) / "collection.json"))
        return None


def _export(
    name: str, dataset_type: type, *, media: frozenset[Media] = IMAGE, **arguments: object
) -> None:

    @on(*(COLLECTIONS if dataset_type is fo.types.FiftyOneDataset else [DATASET])).reads(
        "export", name, media=media
    )
    def _(collection: Any) -> list[str]:
        with tempfile.TemporaryDirectory() as folder:
            collection.export(export_dir=folder, dataset_type=dataset_type, **arguments)
            return sorted(
                str(path.relative_to(folder)) for path in Path(folder).rglob("*") if path.is_file()
            )


_export(
    "FiftyOneDataset", fo.types.FiftyOneDataset, export_media=False, media=IMAGE | VIDEO | GROUP
)
_export("FiftyOneDataset with media", fo.types.FiftyOneDataset)
_export("LegacyFiftyOneDataset", fo.types.LegacyFiftyOneDataset, export_media=False, media=FLAT)
_export("COCODetectionDataset", fo.types.COCODetectionDataset, label_field="ground_truth")
_export("YOLOv5Dataset", fo.types.YOLOv5Dataset, label_field="ground_truth")
_export("VOCDetectionDataset", fo.types.VOCDetectionDataset, label_field="ground_truth")
_export("CVATImageDataset", fo.types.CVATImageDataset, label_field="ground_truth")
_export(
    "ImageClassificationDirectoryTree",
    fo.types.ImageClassificationDirectoryTree,
    label_field="weather",
)
_export("CSVDataset", fo.types.CSVDataset, fields=["filepath", "quality"], export_media=False)
_export("GeoJSONDataset", fo.types.GeoJSONDataset, location_field="place", export_media=False)
_export(
    "ImageSegmentationDirectory", fo.types.ImageSegmentationDirectory, label_field="segmentation"
)


@_reads("draw_labels", media=IMAGE)
def _(collection: Any) -> int:
    with tempfile.TemporaryDirectory() as folder:
        return len(collection.draw_labels(folder, label_fields="ground_truth"))


@_reads("to_torch", media=IMAGE, cannot_run=missing("torch"))
def _(collection: Any) -> list[int]:
    import fiftyone.utils.torch as fout

    class Quality(fout.GetItem):
        required_keys: ClassVar = ["quality"]

        def __call__(self, values: dict[str, int]) -> int:
            return values["quality"]

    return list(collection.to_torch(Quality()))
