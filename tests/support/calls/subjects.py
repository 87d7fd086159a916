"""The objects that members are called on, got from a dataset that ``fixtures`` built."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import fiftyone.core.clips as focl
import fiftyone.core.frame as fofr
import fiftyone.core.patches as fop
import fiftyone.core.sample as fos
import fiftyone.core.tags as fota
import fiftyone.core.video as fov
import fiftyone.operators.store as foos
from fiftyone import ViewField as F

from .registry import GROUP, IMAGE, VIDEO, Subject

OWNERS: dict[str, type] = {
    "Dataset": fo.Dataset,
    "DatasetView": fo.DatasetView,
    "PatchesView": fop.PatchesView,
    "EvaluationPatchesView": fop.EvaluationPatchesView,
    "FramesView": fov.FramesView,
    "ClipsView": focl.ClipsView,
    "TrajectoriesView": focl.TrajectoriesView,
    "Sample": fo.Sample,
    "SampleView": fos.SampleView,
    "PatchView": fop.PatchView,
    "EvaluationPatchView": fop.EvaluationPatchView,
    "ClipView": focl.ClipView,
    "video.FrameView": fov.FrameView,
    "Frame": fo.Frame,
    "frame.FrameView": fofr.FrameView,
    "Frames": fofr.Frames,
    "frame.FramesView": fofr.FramesView,
    "TemporalTags": fota.TemporalTags,
    "ExecutionStore": foos.ExecutionStore,
}
"""The classes whose every public member the table must know."""


def _image_view(dataset: fo.Dataset) -> Any:
    return dataset.select_group_slices("left") if dataset.media_type == "group" else dataset


def _video_view(dataset: fo.Dataset) -> Any:
    return dataset.select_group_slices("movie") if dataset.media_type == "group" else dataset


# collections

DATASET = Subject("Dataset", lambda dataset: dataset)
DESCRIPTION = Subject("Dataset", lambda dataset: dataset, usual=IMAGE)
"""A dataset whose media make no difference: its own document, views, workspaces, runs."""
VIEW = Subject("DatasetView", lambda dataset: dataset.exists("weather").limit(2), usual=IMAGE)
WHOLE = Subject("DatasetView", lambda dataset: dataset.view(), kind="whole")
SAVED = Subject(
    "DatasetView", lambda dataset: dataset.load_saved_view("kept"), kind="saved", usual=IMAGE
)
SLICE = Subject(
    "DatasetView", lambda dataset: dataset.select_group_slices("right"), GROUP, "slice"
)
SLICES = Subject(
    "DatasetView", lambda dataset: dataset.select_group_slices(["left", "right"]), GROUP, "slices"
)
MOVIES = Subject(
    "DatasetView", lambda dataset: dataset.select_group_slices("movie"), GROUP, "movies"
)
DYNAMIC = Subject(
    "DatasetView", lambda dataset: dataset.group_by("scene"), IMAGE | VIDEO, "groups", IMAGE
)
FILTERED = Subject(
    "DatasetView",
    lambda dataset: dataset.filter_labels("ground_truth", F("label") == "cat").select_fields(
        ["ground_truth", "weather"]
    ),
    kind="filtered",
    usual=IMAGE,
)
PATCHES = Subject(
    "PatchesView",
    lambda dataset: _image_view(dataset).to_patches("ground_truth"),
    IMAGE | GROUP,
    usual=IMAGE,
)
EVALUATION_PATCHES = Subject(
    "EvaluationPatchesView", lambda dataset: dataset.to_evaluation_patches("boxes"), IMAGE
)
FRAMES_VIEW = Subject(
    "FramesView", lambda dataset: _video_view(dataset).to_frames(), VIDEO | GROUP, usual=VIDEO
)
FRAME_PATCHES = Subject(
    "PatchesView", lambda dataset: dataset.to_frames().to_patches("detections"), VIDEO, "of frames"
)
CLIPS = Subject(
    "ClipsView",
    lambda dataset: _video_view(dataset).to_clips("events"),
    VIDEO | GROUP,
    usual=VIDEO,
)
TRAJECTORIES = Subject(
    "TrajectoriesView", lambda dataset: dataset.to_trajectories("frames.detections"), VIDEO
)

COLLECTIONS = (DATASET, VIEW)
FLAT_VIEWS = (VIEW, SAVED, SLICE, SLICES, MOVIES, DYNAMIC, FILTERED)
GENERATED = (PATCHES, EVALUATION_PATCHES, FRAMES_VIEW, FRAME_PATCHES, CLIPS, TRAJECTORIES)

# samples

SAMPLE = Subject("Sample", lambda dataset: dataset.first())
SAMPLE_VIEW = Subject("SampleView", lambda dataset: VIEW.get(dataset).first(), usual=IMAGE)
FILTERED_SAMPLE = Subject(
    "SampleView", lambda dataset: FILTERED.get(dataset).first(), kind="filtered", usual=IMAGE
)
PATCH = Subject(
    "PatchView", lambda dataset: PATCHES.get(dataset).first(), IMAGE | GROUP, usual=IMAGE
)
EVALUATION_PATCH = Subject(
    "EvaluationPatchView", lambda dataset: EVALUATION_PATCHES.get(dataset).first(), IMAGE
)
CLIP = Subject("ClipView", lambda dataset: CLIPS.get(dataset).first(), VIDEO | GROUP, usual=VIDEO)
FRAME_SAMPLE = Subject(
    "video.FrameView", lambda dataset: FRAMES_VIEW.get(dataset).first(), VIDEO | GROUP, usual=VIDEO
)

# frames

FRAMES = Subject(
    "Frames", lambda dataset: _video_sample(dataset).frames, VIDEO | GROUP, usual=VIDEO
)
FRAMES_IN_VIEW = Subject(
    "frame.FramesView",
    lambda dataset: _video_view(dataset).limit(2).first().frames,
    VIDEO | GROUP,
    usual=VIDEO,
)
FRAME = Subject(
    "Frame", lambda dataset: _video_sample(dataset).frames.first(), VIDEO | GROUP, usual=VIDEO
)
FRAME_VIEW = Subject(
    "frame.FrameView",
    lambda dataset: _video_view(dataset).limit(2).first().frames.first(),
    VIDEO | GROUP,
    usual=VIDEO,
)
CLIP_FRAMES = Subject(
    "frame.FramesView", lambda dataset: CLIP.get(dataset).frames, VIDEO, "of clip"
)


def _video_sample(dataset: fo.Dataset) -> Any:
    return dataset[_video_view(dataset).first().id]
