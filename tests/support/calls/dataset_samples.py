"""Members of datasets that add, merge and delete samples, frames, labels and groups."""

from __future__ import annotations

from typing import Any

import fiftyone as fo

from .registry import GROUP, IMAGE, VIDEO, on
from .subjects import DATASET

_reads = on(DATASET).reads
_writes = on(DATASET).writes
FLAT = IMAGE | VIDEO
FRAMES = VIDEO | GROUP


def new_sample(dataset: fo.Dataset, name: str = "new", **fields: Any) -> fo.Sample:
    """A sample that can be added to this dataset."""
    media = {"video": "mp4"}.get(dataset.media_type, "png")
    sample = fo.Sample(filepath=f"/nowhere/{name}.{media}", **fields)
    if dataset.media_type == "group":
        sample["group"] = fo.Group().element("left")
    elif dataset.media_type == "video":
        sample.frames[1] = fo.Frame(blur=1.0)
    return sample


def _edited(dataset: fo.Dataset) -> fo.Dataset:
    """Another dataset: two samples of this one, edited, and a new one."""
    other = dataset.limit(2).exclude_fields(["forecast", "extra", "labels"]).clone()
    other.set_values("quality", [100] * len(other))
    other.set_values("weather.label", ["new"] * len(other))
    other.add_sample(new_sample(other, quality=5))
    return other


# adding

_writes("add_sample")(lambda d: d.add_sample(new_sample(d, quality=1)))
_writes("add_sample", "with a new field")(lambda d: d.add_sample(new_sample(d, fresh="new")))
_writes("add_sample", "dynamic")(
    lambda d: d.add_sample(
        new_sample(d, weather=fo.Classification(label="cat", odd=1)), dynamic=True
    )
)
_writes("add_samples")(
    lambda d: d.add_samples([new_sample(d, "one"), new_sample(d, "two", quality=3)])
)
_writes("add_samples", "of a generator")(
    lambda d: d.add_samples(new_sample(d, name) for name in "ab")
)
_writes("add_samples", "copies")(lambda d: d.add_samples([sample.copy() for sample in d.limit(2)]))
_writes("add_collection", media=FLAT)(
    lambda d: d.add_collection(_edited(d)[-1:], include_info=False)
)
_writes("add_collection", "with new ids")(lambda d: d.add_collection(d.limit(1), new_ids=True))
_writes("add_collection", "overwriting info", media=FLAT)(
    lambda d: d.add_collection(_edited(d)[-1:], overwrite_info=True)
)

# merging

_writes("merge_sample", "existing")(
    lambda d: d.merge_sample(
        _like(d, quality=100, weather=fo.Classification(label="new")), key_field="filepath"
    )
)
_writes("merge_sample", "new")(lambda d: d.merge_sample(new_sample(d)))
_writes("merge_sample", "lists of labels", media=FLAT)(
    lambda d: d.merge_sample(_like(d, ground_truth=_found(d)), merge_lists=True)
)


def _like(dataset: fo.Dataset, **fields: Any) -> fo.Sample:
    first = dataset.first()
    sample = fo.Sample(filepath=first.filepath, **fields)
    if dataset.media_type == "group":
        sample["group"] = first.group
    return sample


def _found(dataset: fo.Dataset) -> fo.Detections:
    labels = dataset.first().ground_truth.copy()
    labels.detections[0].label = "new"
    labels.detections.append(fo.Detection(label="added", bounding_box=[0, 0, 0.1, 0.1]))
    return labels


def _merge(variant: str, *, media: Any = IMAGE, note: str = "", **arguments: Any) -> None:
    @_writes("merge_samples", variant, media=media, note=note)
    def _(dataset: fo.Dataset) -> None:
        dataset.merge_samples(_edited(dataset), **arguments)


FIELDS = "the stamps are not among the merged fields"
_merge("of a dataset", media=FLAT)
_merge("of a group dataset", media=GROUP, key_field="id")
_merge("by id", key_field="id")
_merge("by a function", key_fcn=lambda sample: sample.filepath)
_merge("skip existing", skip_existing=True)
_merge("no insertions", insert_new=False, media=FLAT)
_merge("some fields", fields=["quality"], media=FLAT, note=FIELDS)
_merge("some fields of frames", fields=["quality", "frames.blur"], media=VIDEO, note=FIELDS)
_merge("renamed fields", fields={"quality": "grade"}, note=FIELDS)
_merge(
    "some fields, no overwrite",
    fields=["quality"],
    overwrite=False,
    media=FLAT,
    note=f"{FIELDS}, and are removed",
)
_merge("some fields, no insertions", fields=["quality"], insert_new=False)
_merge("without some fields", omit_fields=["weather"])
_merge("no overwrite", overwrite=False, media=FLAT)
_merge("replace lists", merge_lists=False)
_merge("embedded documents", merge_embedded_docs=True)
_merge("overwrite info", overwrite_info=True)
_writes("merge_samples", "of a list", media=FLAT)(
    lambda d: d.merge_samples([_like(d, quality=100), new_sample(d)])
)
_writes("merge_samples", "of a list, some fields", media=FLAT, note=FIELDS)(
    lambda d: d.merge_samples([_like(d, quality=100), new_sample(d)], fields=["quality"])
)
_writes("merge_samples", "of a view of another", media=IMAGE)(
    lambda d: d.merge_samples(_edited(d).limit(1))
)

# deleting

_writes("delete_samples")(lambda d: d.delete_samples(d.first()))
_writes("delete_samples", "of ids")(lambda d: d.delete_samples(d.values("id")[:2]))
_writes("delete_samples", "of a view")(lambda d: d.delete_samples(d.limit(1)))
_writes("delete_samples", "of none", note="moves last_deletion_at without any change")(
    lambda d: d.delete_samples([])
)
_writes("__delitem__")(lambda d: d.__delitem__(d.first().id))
_writes("delete_frames", media=VIDEO)(lambda d: d.delete_frames(d.first().frames.first()))
_writes("delete_frames", "of ids", media=VIDEO)(
    lambda d: d.delete_frames(d.values("frames.id", unwind=True)[:2])
)
_writes("delete_frames", "of a group", media=GROUP)(
    lambda d: d.delete_frames(d.select_group_slices("movie").values("frames.id", unwind=True)[:2])
)
_writes("delete_labels", "by tag")(lambda d: d.delete_labels(tags="first", fields="ground_truth"))
_writes("delete_labels", "by id")(
    lambda d: d.delete_labels(ids=d.values("ground_truth.detections.id", unwind=True)[:1])
)
_writes("delete_labels", "by record")(
    lambda d: d.delete_labels(
        [
            {
                "sample_id": d.first().id,
                "field": "ground_truth",
                "label_id": d.first().ground_truth.detections[0].id,
            }
        ]
    )
)
_writes("delete_labels", "of a view")(
    lambda d: d.delete_labels(
        view=d.filter_labels("weather", fo.ViewField("label") == "cat"), fields="weather"
    )
)
_writes("delete_labels", "of frames", media=VIDEO)(
    lambda d: d.delete_labels(tags="first", fields="frames.detections")
)

# groups

_writes("add_group_field", media=FLAT)(lambda d: d.add_group_field("set", default="front"))
_writes("add_group_slice", media=GROUP)(lambda d: d.add_group_slice("back", "image"))
_writes("rename_group_slice", media=GROUP)(lambda d: d.rename_group_slice("right", "renamed"))
_writes("delete_group_slice", media=GROUP)(lambda d: d.delete_group_slice("right"))
_writes("delete_groups", media=GROUP)(lambda d: d.delete_groups(d.first()))
_writes("delete_groups", "of ids", media=GROUP)(
    lambda d: d.delete_groups(d.values("group.id")[:1])
)
_writes("add_samples", "of a group", media=GROUP)(lambda d: d.add_samples(_new_group(d)))


def _new_group(dataset: fo.Dataset) -> list[fo.Sample]:
    group = fo.Group()
    return [
        fo.Sample(filepath=f"/nowhere/new-{name}.png", group=group.element(name))
        for name in ("left", "right")
    ]


# all of it

_writes("delete")(lambda d: d.delete())
