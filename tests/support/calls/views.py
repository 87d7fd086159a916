"""Members that only views have, and writing through views of every kind."""

from __future__ import annotations

from typing import Any

from fiftyone import ViewField as F

from .registry import IMAGE, VIDEO, on
from .subjects import DATASET, DYNAMIC, FILTERED, MOVIES, SAVED, SLICE, SLICES, VIEW

FLAT = IMAGE | VIDEO
_reads = on(VIEW).reads
_writes = on(VIEW).writes

# reading

_reads("dataset_name", comparable=False)(lambda v: v.dataset_name)
_reads("name")(lambda v: v.name)
_reads("is_saved")(lambda v: v.is_saved)
on(SAVED).reads("name")(lambda v: v.name)
on(SAVED).reads("is_saved")(lambda v: v.is_saved)
on(SAVED).reads("reload")(lambda v: v.reload())
on(DYNAMIC).reads("get_dynamic_group")(lambda v: v.get_dynamic_group("day"))
on(DYNAMIC).reads("iter_dynamic_groups")(lambda v: v.iter_dynamic_groups())

for _subject in (SAVED, SLICE, SLICES, MOVIES, FILTERED):
    on(_subject).reads("iter_samples")(lambda v: v)
    on(_subject).reads("values")(lambda v: v.values(["id", "weather.label"]))

# writing through a view

_writes("save", note="of an unchanged view: moves last_modified_at")(lambda v: v.save())
_writes("save", "a filter")(
    lambda v: v.filter_labels("ground_truth", F("label") == "cat", only_matches=False).save()
)
_writes("save", "one field")(
    lambda v: v.set_field("ground_truth.detections.label", F("label").upper()).save("ground_truth")
)
_writes("save", "of a set field")(
    lambda v: v.set_field("quality", F("quality") + 10).save("quality")
)
_writes("save", "of mapped labels")(
    lambda v: v.map_labels("weather", {"cat": "lion", "dog": "wolf", "bird": "owl"}).save()
)
_writes("save", "of limited labels")(lambda v: v.limit_labels("ground_truth", 1).save())
_writes("save", "of excluded labels")(
    lambda v: v.exclude_labels(tags="first", fields="ground_truth").save()
)
_writes("save", "of frames", media=VIDEO)(
    lambda v: v.filter_labels("frames.detections", F("label") == "cat", only_matches=False).save()
)
_writes("save", "one field of frames", media=VIDEO)(
    lambda v: v.set_field("frames.blur", F("blur") + 1).save("frames.blur")
)
_writes("save", "of matched frames", media=VIDEO)(lambda v: v.match_frames(F("blur") > 1).save())
_writes("keep")(lambda v: v.keep())
_writes("keep_fields")(lambda v: v.exclude_fields(["scene", "score"]).keep_fields())
_writes("keep_fields", "of frames", media=VIDEO)(
    lambda v: v.exclude_fields("frames.blur").keep_fields()
)
_writes("keep_frames", media=VIDEO)(lambda v: v.match_frames(F("frame_number") > 1).keep_frames())
_writes("clear_frames", "matched", media=VIDEO)(
    lambda v: v.match_frames(F("frame_number") > 1).clear_frames()
)
_writes("clear_sample_field", "filtered labels")(
    lambda v: v.filter_labels("ground_truth", F("label") == "cat").clear_sample_field(
        "ground_truth"
    )
)
on(DATASET).writes("view", "save a filter")(
    lambda d: (
        d.view().filter_labels("ground_truth", F("label") == "cat", only_matches=False).save()
    )
)

# the same through other kinds of view

_kinds = on(SAVED, SLICE, SLICES, MOVIES, FILTERED).writes
_kinds("tag_samples")(lambda v: v.tag_samples("new"))
_kinds("tag_labels")(lambda v: v.tag_labels("new", label_fields="weather"))
_kinds("set_values")(lambda v: v.set_values("weather.label", ["new"] * v.count()))
_kinds("clear_sample_field")(lambda v: v.clear_sample_field("weather"))
_kinds("save")(lambda v: v.save())
_kinds("save", "one field")(
    lambda v: v.set_field("weather.label", F("label").upper()).save("weather")
)
_kinds("keep")(lambda v: v.limit(1).keep())
_kinds("clear")(lambda v: v.limit(1).clear())


@_kinds("iter_samples", "autosave")
def _(view: Any) -> None:
    for sample in view.iter_samples(autosave=True):
        sample.weather.label = "new"


on(MOVIES).writes("clear_frames")(lambda v: v.limit(1).clear_frames())
on(MOVIES).writes("keep_frames")(lambda v: v.match_frames(F("frame_number") > 1).keep_frames())
on(MOVIES).writes("set_values", "of frames")(
    lambda v: v.set_values("frames.blur", [[7.0] * 3 for _ in v.values("id")])
)
on(MOVIES).writes("ensure_frames")(lambda v: v.ensure_frames())


@on(DYNAMIC).writes("iter_dynamic_groups", "save samples")
def _(view: Any) -> None:
    for group in view.iter_dynamic_groups():
        for sample in group:
            sample["quality"] = 10
            sample.save()


@on(DYNAMIC).writes("get_dynamic_group", "tag")
def _(view: Any) -> None:
    view.get_dynamic_group("day").tag_samples("new")


on(DYNAMIC).writes("tag_samples")(lambda v: v.tag_samples("new"))
on(DYNAMIC).writes("set_values")(lambda v: v.set_values("quality", [10] * len(v)))
on(DYNAMIC).writes("save")(lambda v: v.save())
on(DYNAMIC).writes("flatten", "save", media=IMAGE)(lambda v: v.flatten().save())
