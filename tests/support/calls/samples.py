"""Members of samples, of samples in views, and of the samples of generated views.

Setting a value changes the object in memory; what is written is entered with the ``save`` that
sends it. Setting a field that does not exist yet is written at once, to the schema.
"""

from __future__ import annotations

import operator
from typing import Any

import fiftyone as fo
import fiftyone.core.media_reference as fomr

from .generated import OWN
from .registry import IMAGE, VIDEO, Entry, Subject, on
from .subjects import (
    CLIP,
    EVALUATION_PATCH,
    FILTERED_SAMPLE,
    FRAME_SAMPLE,
    PATCH,
    SAMPLE,
    SAMPLE_VIEW,
)

BOTH = (SAMPLE, SAMPLE_VIEW)
_reads = on(*BOTH).reads
_writes = on(*BOTH).writes
IN_MEMORY = "changes the object in memory only"

# reading

_reads("dataset", comparable=False)(lambda s: s.dataset)
_reads("dataset_id", comparable=False)(lambda s: s.dataset_id)
_reads("in_dataset")(lambda s: s.in_dataset)
_reads("field_names")(lambda s: s.field_names)
_reads("filename")(lambda s: s.filename)
_reads("media_type")(lambda s: s.media_type)
_reads("media_reference")(lambda s: s.media_reference)
_reads("get_media_key")(lambda s: s.get_media_key())
_reads("get_field")(lambda s: s.get_field("weather"))
_reads("get_field", "dotted")(lambda s: s.get_field("weather.label"))
_reads("has_field")(lambda s: (s.has_field("weather"), s.has_field("nothing")))
_reads("iter_fields")(lambda s: [name for name, _ in s.iter_fields(include_id=True)])
_reads("to_dict")(lambda s: s.to_dict())
_reads("to_dict", "with frames", media=VIDEO)(lambda s: s.to_dict(include_frames=True))
_reads("to_json", comparable=False)(lambda s: s.to_json())
_reads("to_mongo_dict")(lambda s: s.to_mongo_dict(include_id=True))
_reads("copy", comparable=False, note="labels of copies have new ids")(lambda s: s.copy())
_reads("copy", "some fields")(lambda s: s.copy(fields=["filepath", "scene"]))
_reads("save", "nothing", note="sends nothing when nothing was edited")(lambda s: s.save())
_reads("__getitem__")(lambda s: s["weather"])
_reads("__getattr__")(lambda s: s.weather)
_reads("__contains__")(lambda s: "weather" in s)
_reads("__iter__", media=VIDEO)(list)
_reads("__eq__")(lambda s: operator.eq(s, s))
_reads("__copy__", comparable=False)(lambda s: s.__copy__())
_reads("__dir__", comparable=False)(lambda s: s.__dir__())
_reads("__repr__", comparable=False)(repr)
_reads("__str__", comparable=False)(str)

_sample_reads = on(SAMPLE).reads
_sample_reads("reload")(lambda s: s.reload())
_sample_reads("reload", "hard")(lambda s: s.reload(hard=True))
_sample_reads("from_dict")(lambda s: fo.Sample.from_dict(s.to_dict()))
_sample_reads("from_json")(lambda s: fo.Sample.from_json(s.to_json()))
_sample_reads("from_frame", media=VIDEO)(
    lambda s: fo.Sample.from_frame(s.frames.first(), filepath="f.png")
)
_sample_reads("from_doc")(lambda s: fo.Sample.from_doc(s._doc, dataset=s._dataset))
_sample_reads("__setitem__", "not saved", note=IN_MEMORY)(lambda s: _set(s, "quality", 10))

_view_reads = on(SAMPLE_VIEW).reads
_view_reads("selected_field_names")(lambda s: s.selected_field_names)
_view_reads("excluded_field_names")(lambda s: s.excluded_field_names)
_view_reads("filtered_field_names")(lambda s: s.filtered_field_names)


def _set(sample: Any, name: str, value: object) -> None:
    sample[name] = value


# writing


def _saving(entry: Entry) -> Any:
    """Like ``entry.writes``, for functions whose edits are then saved."""

    def writes(name: str, variant: str = "", **options: Any) -> Any:
        def enter(function: Any) -> None:
            @entry.writes(name, variant, **options)
            def _(sample: Any) -> None:
                function(sample)
                sample.save()

        return enter

    return writes


_saves = _saving(on(*BOTH))
_saves("__setitem__")(lambda s: _set(s, "quality", 10))
_saves("__setitem__", "None")(lambda s: _set(s, "quality", None))
_saves("__setitem__", "a label")(lambda s: _set(s, "weather", fo.Classification(label="new")))
_writes("__setitem__", "a new field", note="expands the schema at once")(
    lambda s: _set(s, "fresh", 1)
)
_saves("__setattr__")(lambda s: setattr(s, "quality", 10))
_saves("__delitem__")(lambda s: s.__delitem__("quality"))
_saves("__delattr__")(lambda s: delattr(s, "quality"))
_saves("set_field")(lambda s: s.set_field("quality", 10))
_saves("set_field", "dotted")(lambda s: s.set_field("weather.label", "new"))
_saves("update_fields")(lambda s: s.update_fields({"quality": 10, "scene": "new"}))
_saves("clear_field")(lambda s: s.clear_field("quality"))
_saves("add_labels")(lambda s: s.add_labels(fo.Classification(label="new"), label_field="weather"))
_writes("add_labels", "in a new field")(
    lambda s: s.add_labels(fo.Classification(label="new"), label_field="fresh")
)
_saves("merge")(lambda s: s.merge(fo.Sample(filepath=s.filepath, quality=10)))
_saves("save", "edited tags")(lambda s: s.tags.append("new"))
_saves("save", "edited label")(lambda s: setattr(s.weather, "label", "new"))
_saves("save", "edited label in a list")(
    lambda s: setattr(s.ground_truth.detections[0], "label", "new")
)
_saves("save", "new label in a list")(
    lambda s: s.ground_truth.detections.append(
        fo.Detection(label="new", bounding_box=[0, 0, 1, 1])
    )
)
_saves("save", "label removed from a list")(lambda s: s.ground_truth.detections.pop())
_saves("save", "undeclared attribute")(lambda s: s.weather.__setitem__("odd", 1))
_saves("save", "edited metadata")(lambda s: setattr(s.metadata, "size_bytes", 1))
_saves("save", "edited embedded document")(lambda s: setattr(s.extra, "owner", "new"))
_saves("save", "edited frame", media=VIDEO)(lambda s: _set(s.frames[1], "blur", 9.0))
_saves("save", "new frame", media=VIDEO)(lambda s: s.frames.add_frame(9, fo.Frame(blur=9.0)))
_saves("save", "deleted frame", media=VIDEO)(lambda s: s.frames.delete_frame(1))
_writes("compute_metadata", media=IMAGE, note="saves at once")(
    lambda s: s.compute_metadata(overwrite=True)
)
_saves("media_reference.setter", cannot_run="needs an importer of multimodal media sources")(
    lambda s: setattr(s, "media_reference", fomr.MediaReference(key="source/1"))
)

# samples of other views


def _clear_and_save(sample: Any) -> None:
    sample.ground_truth.detections.clear()
    sample.save()


_filtered = _saving(on(FILTERED_SAMPLE))
_filtered("save", "edited label in a filtered list")(
    lambda s: setattr(s.ground_truth.detections[0], "label", "new")
)
on(FILTERED_SAMPLE).reads(
    "save",
    "label removed from a filtered list",
    comparable=False,
    note="FiftyOne ignores the removal",
)(_clear_and_save)
_filtered("save", "edited field")(lambda s: setattr(s.weather, "label", "new"))


def _edit(label: Any) -> None:
    for each in getattr(label, "detections", [label]):
        each["label"] = "new"


def _generated(subject: Subject, field: str, *, syncs_removal: bool = False) -> None:
    entry = on(subject)
    entry.reads("to_dict", comparable=False)(lambda s: s.to_dict())
    _saving(entry)("save")(lambda s: _edit(s[field]))
    if syncs_removal:
        _saving(entry)("clear_field")(lambda s: s.clear_field(field))
    else:
        entry.reads("clear_field", comparable=False, note=OWN)(
            lambda s: (s.clear_field(field), s.save())
        )


_generated(PATCH, "ground_truth")
_generated(CLIP, "events")
_generated(FRAME_SAMPLE, "state", syncs_removal=True)
on(EVALUATION_PATCH).reads("to_dict", comparable=False)(lambda s: s.to_dict())
_saving(on(EVALUATION_PATCH))("save")(lambda s: _edit(s.ground_truth))
_saving(on(CLIP))("save", "edited frame")(lambda s: _set(s.frames.first(), "blur", 9.0))
_saving(on(FRAME_SAMPLE))("__setitem__")(lambda s: _set(s, "blur", 9.0))
