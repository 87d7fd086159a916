"""View stages: they only describe what to read."""

from __future__ import annotations

import fiftyone as fo
from fiftyone import ViewField as F

from .registry import GROUP, IMAGE, STAMP, VIDEO, on
from .subjects import COLLECTIONS, DATASET, WHOLE

_stage = on(*COLLECTIONS).reads
FLAT = IMAGE | VIDEO

_stage("add_stage")(lambda c: c.add_stage(fo.Limit(1)))
_stage("concat")(lambda c: c.concat(c.limit(1)))
_stage("exclude")(lambda c: c.exclude(c.first().id))
_stage("exclude_by")(lambda c: c.exclude_by("scene", ["night"]))
_stage("exclude_fields")(lambda c: c.exclude_fields("scene"))
_stage("exclude_fields", "by their info")(
    lambda c: c.exclude_fields(meta_filter={"info.why": "test"})
)
_stage("exclude_frames", media=VIDEO)(lambda c: c.exclude_frames(c.first().frames.first().id))
_stage("exclude_group_slices", media=GROUP)(lambda c: c.exclude_group_slices("movie"))
_stage("exclude_groups", media=GROUP)(lambda c: c.exclude_groups(c.first().group.id))
_stage("exclude_labels")(lambda c: c.exclude_labels(tags="first"))
_stage("exists")(lambda c: c.exists("metadata", False))
_stage("filter_field")(lambda c: c.filter_field("score", F() > 0.05))
_stage("filter_keypoints", media=IMAGE)(
    lambda c: c.filter_keypoints("joints", filter=F("confidence") > 0.5)
)
_stage("filter_labels")(lambda c: c.filter_labels("ground_truth", F("label") == "cat"))
_stage("filter_labels", "of frames", media=VIDEO)(
    lambda c: c.filter_labels("frames.detections", F("label") == "cat")
)
_stage("filter_labels", "trajectories", media=VIDEO)(
    lambda c: c.filter_labels("frames.detections", F("label") == "cat", trajectories=True)
)
_stage("flatten", media=IMAGE)(lambda c: c.group_by("scene").flatten())
on(DATASET, WHOLE).reads("geo_near", media=IMAGE)(
    lambda c: c.geo_near([10.0, 50.0], location_field="place")
)
_stage("geo_within", media=IMAGE)(
    lambda c: c.geo_within(
        [[[9, 49], [12, 49], [12, 51], [9, 51], [9, 49]]], location_field="place"
    )
)
_stage("group_by", media=FLAT)(lambda c: c.group_by("scene", order_by="quality"))
_stage("group_by", "flat", media=FLAT)(
    lambda c: sorted(c.group_by("scene", flat=True).values("quality"))
)
_stage("limit")(lambda c: c.limit(1))
_stage("limit_labels")(lambda c: c.limit_labels("ground_truth", 1))
_stage("map_labels")(lambda c: c.map_labels("weather", {"cat": "lion"}))
_stage("map_values")(lambda c: c.map_values("scene", {"day": "light"}))
_stage("match")(lambda c: c.match(F("quality") > 0))
_stage("match_frames", media=VIDEO)(lambda c: c.match_frames(F("blur") > 1))
_stage("match_labels")(lambda c: c.match_labels(tags="first", fields="ground_truth"))
_stage("match_tags")(lambda c: c.match_tags("even"))
_stage("match_temporal_tags")(lambda c: c.match_temporal_tags("kept"))
_stage("mongo")(lambda c: c.mongo([{"$match": {"quality": {"$gte": 1}}}]))
_stage("select")(lambda c: c.select(c.first().id))
_stage("select_by")(lambda c: c.select_by("scene", ["day"]))
_stage("select_fields")(lambda c: c.select_fields("weather"))
_stage("select_frames", media=VIDEO)(lambda c: c.select_frames(c.first().frames.first().id))
_stage("select_group_slices", media=GROUP)(lambda c: c.select_group_slices(["left", "right"]))
_stage("select_group_slices", "videos", media=GROUP)(lambda c: c.select_group_slices("movie"))
_stage("select_group_slices", "unflattened", media=GROUP)(
    lambda c: c.select_group_slices(["left", "right"], flat=False)
)
_stage("select_groups", media=GROUP)(lambda c: c.select_groups(c.first().group.id))
_stage("select_labels")(lambda c: c.select_labels(tags="first", fields="ground_truth"))
_stage("set_field")(lambda c: c.set_field("score", F("quality") * 2))
_stage("set_field", "of labels")(
    lambda c: c.set_field("ground_truth.detections.label", F("label").upper())
)
_stage("shuffle")(lambda c: c.shuffle(seed=1))
_stage("skip")(lambda c: c.skip(1))
_stage("sort_by")(lambda c: c.sort_by("quality", reverse=True))
_stage("sort_by_similarity", media=FLAT)(
    lambda c: c.sort_by_similarity(c.first().id, k=2, brain_key="similar")
)
_stage("take")(lambda c: c.take(2, seed=1))

# stages that make a dataset

_stage("to_clips", media=VIDEO)(lambda c: c.to_clips("events"))
_stage("to_evaluation_patches", media=IMAGE)(lambda c: c.to_evaluation_patches("boxes"))
_stage("to_frames", media=VIDEO)(lambda c: c.to_frames())
_stage("to_patches", media=IMAGE)(lambda c: c.to_patches("ground_truth"))
_stage("to_trajectories", media=VIDEO, leaves=STAMP)(
    lambda c: c.to_trajectories("frames.detections")
)

_make = on(DATASET).reads

_make("to_clips", "of a support field", media=VIDEO)(lambda c: c.to_clips("support"))
_make("to_clips", "of frames that match", media=VIDEO, leaves=STAMP)(
    lambda c: c.to_clips(F("blur") > 1)
)
_make("to_clips", "of a list", media=VIDEO, leaves=STAMP)(
    lambda c: c.to_clips([[(1, 2)]] * len(c))
)
_make("to_clips", "of frame labels", media=VIDEO, leaves=STAMP)(
    lambda c: c.to_clips("frames.detections")
)
_make("to_clips", "of a slice", media=GROUP)(
    lambda c: c.select_group_slices("movie").to_clips("events")
)
_make("to_frames", "dynamic", media=VIDEO, comparable=False)(
    lambda c: c.to_frames(sample_frames="dynamic")
)
_make("to_frames", "of clips", media=VIDEO)(lambda c: c.to_clips("events").to_frames())
_make("to_frames", "of a slice", media=GROUP)(lambda c: c.select_group_slices("movie").to_frames())
_make("to_patches", "of lines", media=IMAGE)(lambda c: c.to_patches("lines", other_fields=True))
_make("to_patches", "of a slice", media=GROUP)(
    lambda c: c.select_group_slices("left").to_patches("ground_truth")
)
_make("to_patches", "of frames", media=VIDEO)(lambda c: c.to_frames().to_patches("detections"))

# stages that write

_write = on(*COLLECTIONS).writes
INDEX = "makes an index; without create_index it only reads"

on(DATASET, WHOLE).writes("geo_near", "create index", media=IMAGE, note=INDEX)(
    lambda c: list(c.geo_near([10.0, 50.0], location_field="home", create_index=True))
)
_write("geo_within", "create index", media=IMAGE, note=INDEX)(
    lambda c: c.geo_within(
        [[[9, 49], [12, 49], [12, 51], [9, 51], [9, 49]]], location_field="home", create_index=True
    )
)
_write("group_by", "create index", media=FLAT, note=INDEX)(
    lambda c: c.group_by("scene", create_index=True)
)
_write("group_by", "ordered, create index", media=FLAT, note=INDEX)(
    lambda c: c.group_by("scene", order_by="quality", create_index=True)
)
_write("sort_by", "create index", note=INDEX)(lambda c: c.sort_by("score", create_index=True))
_write("sort_by", "create compound index", note=INDEX)(
    lambda c: c.sort_by([("score", 1), ("scene", -1)], create_index=True)
)
_write(
    "sort_by_similarity", "store distances", media=FLAT, note="sets dist_field on every sample"
)(lambda c: c.sort_by_similarity(c.first().id, k=2, brain_key="similar", dist_field="distance"))
_write("to_frames", "sample_frames, images on disk", media=VIDEO, note="stamps nothing")(
    lambda c: c.to_frames(sample_frames=True)
)
