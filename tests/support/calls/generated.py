"""Views that are datasets of their own: patches, evaluation patches, frames, clips.

What FiftyOne writes through them goes to the generated dataset first and is then synced to
its source, but not always: what stays in the generated dataset leaves the source as it was
and is therefore entered as reading, with the note ``OWN``.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Collection
from typing import Any

import fiftyone as fo
from fiftyone import ViewField as F

from .registry import GROUP, STAMP, Entry, Subject, on
from .subjects import CLIPS, EVALUATION_PATCHES, FRAME_PATCHES, FRAMES_VIEW, PATCHES, TRAJECTORIES

OWN = "changes the generated dataset only, not its source"


class _Generated:
    """Enters the calls that generated views share.

    Args:
        subject: the kind of view
        labels: the field with its labels
        value: the path of their ``label``
        own: the calls that FiftyOne does not sync to the source
        leaves: see ``Call.leaves``
    """

    def __init__(
        self,
        subject: Subject,
        labels: str,
        value: str,
        *,
        own: Collection[str] = (),
        leaves: frozenset[str] = frozenset(),
    ) -> None:
        self._entry: Entry = on(subject)
        self._labels = labels
        self._value = value
        self._own = own
        self._leaves = leaves

    def reads(self, name: str, *, comparable: bool = True) -> Callable[[Any], Any]:
        return self._entry.reads(name, comparable=comparable, leaves=self._leaves)

    def writes(self, name: str, variant: str = "", note: str = "") -> Callable[[Any], Any]:
        if f"{name}({variant})" in self._own:
            return self._entry.reads(
                name, variant, comparable=False, leaves=self._leaves, note=OWN
            )
        return self._entry.writes(name, variant, note=note)

    def enter_reading(self) -> None:
        """The members that each class has its own version of."""
        self.reads("iter_samples")(lambda v: v)
        self.reads("name", comparable=False)(lambda v: v.name)
        self.reads("is_saved", comparable=False)(lambda v: v.is_saved)
        self.reads("media_type", comparable=False)(lambda v: v.media_type)
        self.reads("reload", comparable=False)(lambda v: v.reload())
        self.reads("clone", comparable=False)(lambda v: v.clone())
        self.reads("__copy__", comparable=False)(lambda v: v.__copy__())

    def enter_syncing(self) -> None:
        """Writing that reaches the source by different ways."""
        labels, value = self._labels, self._value
        self.writes("set_values")(lambda v: v.set_values(value, _named("new", v.values(value))))
        self.writes("tag_labels")(lambda v: v.tag_labels("new", label_fields=labels))
        self.writes("save", "one field")(
            lambda v: v.set_field(value, F("label").upper()).save(labels)
        )
        self.writes("keep")(lambda v: v.limit(1).keep())

        @self.writes("iter_samples", "autosave")
        def _(view: Any) -> None:
            for sample in view.iter_samples(autosave=True):
                _edit(sample[labels])

    def enter_rest(self) -> None:
        """More writing, of which some stays in the generated dataset."""
        labels, value = self._labels, self._value
        self.writes("set_values", "of tags")(lambda v: v.set_values("tags", [["new"]] * len(v)))
        self.writes("set_values", "of a new field")(lambda v: v.set_values("fresh", [1] * len(v)))
        self.writes("set_label_values")(
            lambda v: v.set_label_values(
                value, {v.values(f"{_parent(value)}.id", unwind=True)[0]: "new"}
            )
        )
        self.writes("tag_samples")(lambda v: v.tag_samples("new"))
        self.writes("untag_labels")(lambda v: v.untag_labels("first", label_fields=labels))
        self.writes("save", note="of an unchanged view: moves last_modified_at")(
            lambda v: v.save()
        )
        self.writes("save", "edited")(lambda v: v.set_field(value, F("label").upper()).save())
        self.writes("keep_fields")(lambda v: v.select_fields().keep_fields())
        self.writes("clear")(lambda v: v.limit(1).clear())
        self.writes("clear_sample_field")(lambda v: v.clear_sample_field(labels))


def _named(name: str, values: Any) -> Any:
    return [_named(name, value) for value in values] if isinstance(values, list) else name


def _parent(path: str) -> str:
    return path.rpartition(".")[0]


def _edit(label: Any) -> None:
    for each in getattr(label, "detections", [label]):
        if each is not None:
            each.label = "new"


_TAGS = ("set_values(of tags)", "tag_samples()", "clear()")

_patches = _Generated(
    PATCHES,
    "ground_truth",
    "ground_truth.label",
    own=[*_TAGS, "set_values(of a new field)", "clear_sample_field()"],
)
_patches.enter_reading()
_patches.enter_syncing()
_patches.enter_rest()

_evaluation_patches = _Generated(EVALUATION_PATCHES, "predictions", "predictions.detections.label")
_evaluation_patches.reads("iter_samples")(lambda v: v)
_evaluation_patches.enter_syncing()

_frame_patches = _Generated(FRAME_PATCHES, "detections", "detections.label")
_frame_patches.enter_syncing()

_frames = _Generated(
    FRAMES_VIEW, "detections", "detections.detections.label", own=["tag_samples()", "clear()"]
)
_frames.enter_reading()
_frames.enter_syncing()
_frames.enter_rest()

_clips = _Generated(
    CLIPS,
    "events",
    "events.label",
    own=[*_TAGS, "set_values(of a new field)"],
)
_clips.enter_reading()
_clips.enter_syncing()
_clips.enter_rest()

_trajectories = _Generated(
    TRAJECTORIES,
    "detections",
    "detections.label",
    own=[
        "set_values()",
        "set_values(of tags)",
        "keep()",
        "save(one field)",
        "clear_sample_field()",
    ],
    leaves=STAMP,
)
_trajectories.reads("iter_samples")(lambda v: v)
_trajectories.reads("__copy__", comparable=False)(lambda v: v.__copy__())
for _member in ("name", "is_saved", "media_type"):
    _trajectories.reads(_member, comparable=False)(operator.attrgetter(_member))
_trajectories.writes("set_values")(lambda v: v.set_values("detections.label", ["new"] * len(v)))
_trajectories.writes("keep")(lambda v: v.limit(1).keep())

on(PATCHES, FRAME_PATCHES).reads("patches_field")(lambda v: v.patches_field)
on(EVALUATION_PATCHES).reads("gt_field")(lambda v: v.gt_field)
on(EVALUATION_PATCHES).reads("pred_field")(lambda v: v.pred_field)

# of a slice of a group dataset

for _subject, _labels, _value in (
    (PATCHES, "ground_truth", "ground_truth.label"),
    (FRAMES_VIEW, "detections", "detections.detections.label"),
    (CLIPS, "events", "events.label"),
):

    def _enter(entry: Entry, labels: str, value: str) -> None:
        entry.reads("iter_samples", "of a slice", media=GROUP)(lambda v: v)
        entry.writes("save", "of a slice", media=GROUP)(
            lambda v: v.set_field(value, F("label").upper()).save(labels)
        )
        entry.writes("keep", "of a slice", media=GROUP)(lambda v: v.limit(1).keep())

    _enter(on(_subject), _labels, _value)

# clips share the frames of their source

_shared = on(CLIPS, TRAJECTORIES).writes
_shared("clear_frames", note="stamps nothing")(lambda v: v.limit(1).clear_frames())
_shared("keep_frames", note="stamps nothing")(
    lambda v: v.match_frames(F("frame_number") > 1).keep_frames()
)
_own_frames = on(CLIPS).writes
_own_frames("ensure_frames", note="makes frames without a sample")(lambda v: v.ensure_frames())
_own_frames("clear_frame_field")(lambda v: v.clear_frame_field("blur"))
_own_frames("set_values", "of frames")(
    lambda v: v.set_values(
        "frames.blur", [[7.0 for _ in frames] for frames in v.values("frames.blur")]
    )
)
_own_frames("save", "of frames")(
    lambda v: v.set_field("frames.blur", F("blur") + 1).save("frames.blur")
)
_own_frames("tag_labels", "of frames")(
    lambda v: v.tag_labels("new", label_fields="frames.detections")
)


@_own_frames("iter_samples", "autosave of frames")
def _(view: Any) -> None:
    for sample in view.iter_samples(autosave=True):
        sample.frames.first()["blur"] = 5.0


@_own_frames("iter_samples", "replace a frame", note="the frame names the clips dataset")
def _(view: Any) -> None:
    for sample in view:
        sample.frames[sample.frames.first().frame_number] = fo.Frame(blur=5.0)
        sample.save()
