"""Members of frames and of the frames of a sample, in datasets and in views."""

from __future__ import annotations

import operator
from typing import Any

import fiftyone as fo

from .registry import on
from .samples import IN_MEMORY, _saving, _set
from .subjects import CLIP_FRAMES, FRAME, FRAME_VIEW, FRAMES, FRAMES_IN_VIEW

# one frame

_reads = on(FRAME, FRAME_VIEW).reads
_reads("dataset", comparable=False)(lambda f: f.dataset)
_reads("dataset_id", comparable=False)(lambda f: f.dataset_id)
_reads("sample_id")(lambda f: f.sample_id)
_reads("in_dataset")(lambda f: f.in_dataset)
_reads("field_names")(lambda f: f.field_names)
_reads("get_field")(lambda f: f.get_field("state"))
_reads("has_field")(lambda f: (f.has_field("blur"), f.has_field("nothing")))
_reads("iter_fields")(lambda f: [name for name, _ in f.iter_fields()])
_reads("to_dict")(lambda f: f.to_dict())
_reads("to_json", comparable=False)(lambda f: f.to_json())
_reads("to_mongo_dict")(lambda f: f.to_mongo_dict(include_id=True))
_reads("copy", comparable=False)(lambda f: f.copy())
_reads("save", "nothing", note="sends nothing when nothing was edited")(lambda f: f.save())
_reads("__getitem__")(lambda f: f["blur"])
_reads("__getattr__")(lambda f: f.blur)
_reads("__contains__")(lambda f: "blur" in f)
_reads("__eq__")(lambda f: operator.eq(f, f))
_reads("__copy__", comparable=False)(lambda f: f.__copy__())
_reads("__dir__", comparable=False)(lambda f: f.__dir__())
_reads("__repr__", comparable=False)(repr)
_reads("__str__", comparable=False)(str)
on(FRAME).reads("reload")(lambda f: f.reload(hard=True))
on(FRAME).reads("from_dict")(lambda f: fo.Frame.from_dict(f.to_dict()))
on(FRAME).reads("from_json")(lambda f: fo.Frame.from_json(f.to_json()))
on(FRAME).reads("from_doc")(lambda f: fo.Frame.from_doc(f._doc, dataset=f._dataset))
on(FRAME).reads("__setitem__", "not saved", note=IN_MEMORY)(lambda f: _set(f, "blur", 9.0))
on(FRAME_VIEW).reads("selected_field_names")(lambda f: f.selected_field_names)
on(FRAME_VIEW).reads("excluded_field_names")(lambda f: f.excluded_field_names)
on(FRAME_VIEW).reads("filtered_field_names")(lambda f: f.filtered_field_names)

_writes = on(FRAME, FRAME_VIEW).writes
_saves = _saving(on(FRAME, FRAME_VIEW))
_saves("__setitem__")(lambda f: _set(f, "blur", 9.0))
_writes("__setitem__", "a new field", note="expands the schema at once")(
    lambda f: _set(f, "fresh", 1)
)
_saves("__setattr__")(lambda f: setattr(f, "blur", 9.0))
_saves("__delitem__")(lambda f: f.__delitem__("blur"))
_saves("__delattr__")(lambda f: delattr(f, "blur"))
_saves("set_field")(lambda f: f.set_field("blur", 9.0))
_saves("update_fields")(lambda f: f.update_fields({"blur": 9.0}))
_saves("clear_field")(lambda f: f.clear_field("blur"))
_saves("merge")(lambda f: f.merge(fo.Frame(blur=9.0)))
_saves("save", "edited label")(lambda f: setattr(f.state, "label", "new"))
_saves("save", "edited label in a list")(
    lambda f: setattr(f.detections.detections[0], "label", "new")
)

# the frames of a sample

_frames_reads = on(FRAMES, FRAMES_IN_VIEW).reads
_frames_reads("field_names")(lambda f: f.field_names)
_frames_reads("first")(lambda f: f.first())
_frames_reads("last")(lambda f: f.last())
_frames_reads("head")(lambda f: f.head())
_frames_reads("tail")(lambda f: f.tail())
_frames_reads("keys")(lambda f: f.keys())
_frames_reads("values")(lambda f: f.values())
_frames_reads("items")(lambda f: dict(f.items()))
_frames_reads("reload")(lambda f: f.reload())
_frames_reads("save", "nothing", note="sends nothing when nothing was edited")(lambda f: f.save())
_frames_reads("__getitem__")(lambda f: f[1])
_frames_reads(
    "__getitem__",
    "a new frame",
    note="in memory until the next save; FiftyOne adds the frame it was asked for",
)(lambda f: f[9].frame_number)
_frames_reads("__contains__")(lambda f: (1 in f, 9 in f))
_frames_reads("__len__")(len)
_frames_reads("__bool__")(bool)
_frames_reads("__iter__")(list)
_frames_reads("__next__")(lambda f: next(iter(f)))
_frames_reads("__repr__", comparable=False)(repr)
_frames_reads("__str__", comparable=False)(str)

_frames_saves = _saving(on(FRAMES, FRAMES_IN_VIEW))
_frames_saves("__setitem__")(lambda f: f.__setitem__(1, fo.Frame(blur=9.0)))
_frames_saves("__setitem__", "a new frame")(lambda f: f.__setitem__(9, fo.Frame(blur=9.0)))
_frames_saves("__getitem__", "edit a new frame")(lambda f: _set(f[9], "blur", 9.0))
_frames_saves("__delitem__")(lambda f: f.__delitem__(1))
_frames_saves("add_frame")(lambda f: f.add_frame(9, fo.Frame(blur=9.0)))
_frames_saves("add_frame", "in place of another")(lambda f: f.add_frame(1, fo.Frame(blur=9.0)))
_frames_saves("delete_frame")(lambda f: f.delete_frame(1))
_frames_saves("update")(lambda f: f.update({1: fo.Frame(blur=9.0), 9: fo.Frame(blur=9.0)}))
_frames_saves("merge")(lambda f: f.merge({1: fo.Frame(blur=9.0)}))
_frames_saves("clear")(lambda f: f.clear())
_frames_saves("save", "edited frame")(lambda f: _set(f.first(), "blur", 9.0))


@on(FRAMES, FRAMES_IN_VIEW).writes("values", "edit and save each")
def _(frames: Any) -> None:
    for frame in frames.values():
        frame["blur"] = 9.0
        frame.save()


_clip_saves = _saving(on(CLIP_FRAMES))
_clip_saves("add_frame", note="the frame names the clips dataset")(
    lambda f: f.add_frame(1, fo.Frame(blur=9.0))
)
_clip_saves("delete_frame")(lambda f: f.delete_frame(1))
_clip_saves("clear")(lambda f: f.clear())
