"""Writing members that datasets and views share: values, labels, tags, iterating, indexes."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import numpy as np
from fiftyone import ViewField as F

from .models import ToyModel
from .registry import GROUP, IMAGE, VIDEO, on
from .subjects import COLLECTIONS, DESCRIPTION, VIEW

_writes = on(*COLLECTIONS).writes
FLAT = IMAGE | VIDEO
NO_CHANGE = "moves last_modified_at without any change of content"

# values


@_writes("set_values", "of a field")
def _(collection: Any) -> None:
    collection.set_values("quality", [10 + value for value in collection.values("quality")])


@_writes("set_values", "of a new field")
def _(collection: Any) -> None:
    collection.set_values("fresh", [str(value) for value in collection.values("quality")])


@_writes("set_values", "by id")
def _(collection: Any) -> None:
    collection.set_values("quality", {collection.first().id: 10}, key_field="id")


@_writes("set_values", "by key")
def _(collection: Any) -> None:
    collection.set_values("quality", {collection.first().filepath: 10}, key_field="filepath")


@_writes("set_values", "without None")
def _(collection: Any) -> None:
    collection.set_values("quality", [None, *[10] * (len(collection) - 1)], skip_none=True)


@_writes("set_values", "None")
def _(collection: Any) -> None:
    collection.set_values("quality", [None] * len(collection))


@_writes("set_values", "of a label's attribute")
def _(collection: Any) -> None:
    labels = collection.values("weather.label")
    collection.set_values("weather.label", [label.upper() for label in labels])


@_writes("set_values", "of an attribute in a list of labels")
def _(collection: Any) -> None:
    labels = collection.values("ground_truth.detections.label")
    collection.set_values(
        "ground_truth.detections.label", [["new" for _ in row] for row in labels]
    )


@_writes("set_values", "of a new attribute in a list of labels")
def _(collection: Any) -> None:
    labels = collection.values("ground_truth.detections.label")
    collection.set_values("ground_truth.detections.size", [[1 for _ in row] for row in labels])


@_writes("set_values", "of labels")
def _(collection: Any) -> None:
    collection.set_values(
        "weather", [fo.Classification(label="new") for _ in collection.values("id")]
    )


@_writes("set_values", "of arrays")
def _(collection: Any) -> None:
    collection.set_values("embedding", [np.ones(4) for _ in collection.values("id")])


@_writes("set_values", "equal", note=NO_CHANGE)
def _(collection: Any) -> None:
    collection.set_values("quality", collection.values("quality"))


@_writes("set_values", "of frames", media=VIDEO)
def _(collection: Any) -> None:
    blur = collection.values("frames.blur")
    collection.set_values("frames.blur", [[value + 1 for value in values] for values in blur])


@_writes("set_values", "of frames by number", media=VIDEO, note="makes frames that did not exist")
def _(collection: Any) -> None:
    collection.set_values("frames.blur", {collection.first().id: {1: 5.0, 9: 6.0}}, key_field="id")


@_writes("set_values", "of frame labels", media=VIDEO)
def _(collection: Any) -> None:
    labels = collection.values("frames.detections.detections.label")
    collection.set_values(
        "frames.detections.detections.label",
        [[["new" for _ in row] for row in rows] for rows in labels],
    )


@_writes("set_label_values", "by label")
def _(collection: Any) -> None:
    ids = collection.values("ground_truth.detections.id", unwind=True)
    collection.set_label_values("ground_truth.detections.label", {ids[0]: "new"})


@_writes("set_label_values", "by sample and label")
def _(collection: Any) -> None:
    sample = collection.first()
    value = {
        "sample_id": sample.id,
        "label_id": sample.ground_truth.detections[0].id,
        "value": "new",
    }
    collection.set_label_values("ground_truth.detections.label", [value])


@_writes("set_label_values", "of a new attribute")
def _(collection: Any) -> None:
    ids = collection.values("weather.id")
    collection.set_label_values("weather.sure", dict.fromkeys(ids, True), dynamic=True)


@_writes("set_label_values", "of frames", media=VIDEO)
def _(collection: Any) -> None:
    ids = collection.values("frames.detections.detections.id", unwind=True)
    collection.set_label_values("frames.detections.detections.label", {ids[0]: "new"})


# tags and labels

_writes("tag_samples")(lambda c: c.tag_samples(["new", "other"]))
_writes("untag_samples")(lambda c: c.untag_samples("even"))
_writes("tag_labels")(lambda c: c.tag_labels("new", label_fields=["ground_truth", "weather"]))
_writes("tag_labels", "of all fields")(lambda c: c.tag_labels("new"))
_writes("tag_labels", "of a filtered view")(
    lambda c: c.filter_labels("ground_truth", F("label") == "cat").tag_labels(
        "new", label_fields="ground_truth"
    )
)
_writes("tag_labels", "of frames", media=VIDEO)(
    lambda c: c.tag_labels("new", label_fields="frames.detections")
)
_writes("untag_labels")(lambda c: c.untag_labels("first", label_fields="ground_truth"))
_writes("untag_labels", "of frames", media=VIDEO)(
    lambda c: c.untag_labels("first", label_fields="frames.detections")
)
_writes("merge_labels", media=IMAGE)(lambda c: c.merge_labels("predictions", "ground_truth"))
_writes("merge_labels", "of frames", media=VIDEO)(
    lambda c: c.merge_labels("frames.predictions", "frames.detections")
)
_writes("merge_labels", "into a new field", media=IMAGE)(
    lambda c: c.merge_labels("predictions", "merged")
)
_writes("split_labels")(
    lambda c: c.split_labels("ground_truth", "split", filter=F("label") == "cat")
)
_writes("split_labels", "of frames", media=VIDEO)(
    lambda c: c.split_labels("frames.detections", "frames.split", filter=F("label") == "cat")
)

# fields

_field_writes = on(DESCRIPTION, VIEW).writes

_field_writes("clear_sample_field")(lambda c: c.clear_sample_field("quality"))
_field_writes("clear_sample_field", "of labels")(lambda c: c.clear_sample_field("weather.label"))
_field_writes("clear_sample_fields")(lambda c: c.clear_sample_fields(["quality", "scene"]))
_writes("clear_frame_field", media=VIDEO)(lambda c: c.clear_frame_field("blur"))
_writes("clear_frame_fields", media=VIDEO)(lambda c: c.clear_frame_fields(["blur", "state"]))
_field_writes("clone_sample_field")(lambda c: c.clone_sample_field("quality", "copied"))
_field_writes("clone_sample_field", "of labels")(
    lambda c: c.clone_sample_field("ground_truth", "copied")
)
_field_writes("clone_sample_field", "embedded")(
    lambda c: c.clone_sample_field("ground_truth.detections.label", "ground_truth.detections.was")
)
_field_writes("clone_sample_fields")(
    lambda c: c.clone_sample_fields({"quality": "one", "scene": "two"})
)
_writes("clone_frame_field", media=VIDEO)(lambda c: c.clone_frame_field("blur", "copied"))
_writes("clone_frame_fields", media=VIDEO)(
    lambda c: c.clone_frame_fields({"blur": "one", "state": "two"})
)


@_field_writes("get_field", "edit and save")
def _(collection: Any) -> None:
    field = collection.get_field("quality")
    field.description = "new"
    field.info = {"unit": "points"}
    field.save()


@_field_writes("get_field", "edit and save, embedded")
def _(collection: Any) -> None:
    field = collection.get_field("ground_truth.detections.label")
    field.description = "new"
    field.save()


@_field_writes("get_field", "make read-only")
def _(collection: Any) -> None:
    field = collection.get_field("quality")
    field.read_only = True
    field.save()


# samples and frames

_writes("clear")(lambda c: c.clear())
_writes("clear_frames", media=VIDEO)(lambda c: c.clear_frames())
_writes("ensure_frames", media=VIDEO)(lambda c: c.ensure_frames())


@_writes("iter_samples", "autosave")
def _(collection: Any) -> None:
    for sample in collection.iter_samples(autosave=True):
        sample["quality"] += 10


@_writes("iter_samples", "autosave in batches of one")
def _(collection: Any) -> None:
    for sample in collection.iter_samples(autosave=True, batch_size=1):
        sample.tags.append("new")


@_writes("iter_samples", "autosave of frames", media=VIDEO)
def _(collection: Any) -> None:
    for sample in collection.iter_samples(autosave=True):
        sample.frames[1]["blur"] = 5.0


@_writes("iter_samples", "autosave of a new frame", media=VIDEO)
def _(collection: Any) -> None:
    for sample in collection.iter_samples(autosave=True):
        sample.frames[7] = fo.Frame(blur=5.0)


@_writes("iter_samples", "save each")
def _(collection: Any) -> None:
    for sample in collection:
        sample["weather"].label = "new"
        sample.save()


@_writes("iter_groups", "autosave", media=GROUP)
def _(collection: Any) -> None:
    for group in collection.iter_groups(autosave=True):
        for sample in group.values():
            sample["quality"] += 10


@_writes("save_context")
def _(collection: Any) -> None:
    with collection.save_context() as context:
        for sample in collection:
            sample["quality"] += 10
            context.save(sample)


@_writes("update_samples")
def _(collection: Any) -> None:
    collection.update_samples(
        _worsen, parallelize_method="thread", num_workers=1, skip_failures=False
    )


@_writes("update_samples", "skipping failures")
def _(collection: Any) -> None:
    collection.update_samples(_worsen, num_workers=1)


@_writes("map_samples", "save")
def _(collection: Any) -> None:
    for _ in collection.map_samples(
        _worsen, save=True, parallelize_method="thread", num_workers=1
    ):
        pass


@_writes("update_samples", "by several workers")
def _(collection: Any) -> None:
    collection.update_samples(_worsen, parallelize_method="thread", num_workers=2)


@_writes("map_samples", "save, by several workers")
def _(collection: Any) -> None:
    for _ in collection.map_samples(
        _worsen, save=True, parallelize_method="thread", num_workers=2
    ):
        pass


def _worsen(sample: Any) -> Any:
    sample["quality"] -= 1
    return sample


# what is computed

_writes("compute_metadata", media=IMAGE)(lambda c: c.compute_metadata(overwrite=True))
_writes("compute_metadata", "of a group", media=GROUP)(
    lambda c: c.select_group_slices(["left", "right"]).compute_metadata(overwrite=True)
)
_writes("apply_model", media=IMAGE)(lambda c: c.apply_model(ToyModel(), label_field="guess"))
_writes("apply_model", "in batches", media=IMAGE)(
    lambda c: c.apply_model(ToyModel(), label_field="guess", batch_size=2)
)
_writes("compute_embeddings", "into a field", media=IMAGE)(
    lambda c: c.compute_embeddings(ToyModel(), embeddings_field="features")
)
_writes("compute_patch_embeddings", "into a field", media=IMAGE)(
    lambda c: c.compute_patch_embeddings(ToyModel(), "ground_truth", embeddings_field="features")
)
on(*COLLECTIONS).reads("compute_embeddings", media=IMAGE)(
    lambda c: c.compute_embeddings(ToyModel())
)
on(*COLLECTIONS).reads("compute_patch_embeddings", media=IMAGE)(
    lambda c: c.compute_patch_embeddings(ToyModel(), "ground_truth")
)
_writes("sync_last_modified_at", note="moves timestamps only")(lambda c: c.sync_last_modified_at())

# indexes

_field_writes("create_index")(lambda c: c.create_index("scene"))
_field_writes("create_index", "unique")(lambda c: c.create_index("filepath", unique=True))
_field_writes("create_index", "compound")(
    lambda c: c.create_index([("scene", 1), ("quality", -1)])
)
_field_writes("create_index", "of labels, without waiting")(
    lambda c: c.create_index("ground_truth.detections.label", wait=False)
)
_field_writes("create_index", "of frames", media=VIDEO)(lambda c: c.create_index("frames.blur"))
_field_writes("drop_index")(lambda c: c.drop_index("quality"))

# properties

_SETTERS: dict[str, object] = {
    "tags": ["new"],
    "description": "new",
    "info": {"new": 1},
    "app_config": None,
    "classes": {"weather": ["new"]},
    "default_classes": ["new"],
    "mask_targets": {"segmentation": {1: "new"}},
    "default_mask_targets": {1: "new"},
    "skeletons": {"joints": fo.KeypointSkeleton(edges=[[1, 0]])},
    "default_skeleton": fo.KeypointSkeleton(edges=[[1, 0]]),
    "camera_intrinsics": {},
    "static_transforms": {},
}


def _setter(name: str, value: object) -> None:
    on(DESCRIPTION, VIEW).writes(f"{name}.setter")(lambda c: setattr(c, name, value))


for _name, _value in _SETTERS.items():
    _setter(_name, _value)
