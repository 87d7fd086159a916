"""FiftyOne's functions that work on a dataset's name, documents, tags and stores."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.core.clips as focl
import fiftyone.core.metadata as fom
import fiftyone.core.odm.database as foo
import fiftyone.core.patches as fop
import fiftyone.core.tags as fota
import fiftyone.core.video as fovi
import fiftyone.operators.store as foos
from bson import ObjectId
from pymongo import UpdateOne

from .registry import IMAGE, VIDEO, Subject, missing, on

FO = on(Subject("fiftyone", lambda dataset: dataset))
DATABASE = on(Subject("fiftyone.core.odm.database", lambda dataset: dataset, usual=IMAGE))
TAGS = Subject("TemporalTags", lambda dataset: dataset.temporal_tags, usual=IMAGE)
STORE = Subject(
    "ExecutionStore",
    lambda dataset: foos.ExecutionStore.create("notes", dataset_id=dataset._doc.id),
    usual=IMAGE,
)
PROTOBUF = missing("google.protobuf")

# by name

FO.reads("load_dataset", note="writes last_loaded_at", comparable=False)(
    lambda d: fo.load_dataset(d.name)
)
FO.reads("load_dataset", "reload", note="writes last_loaded_at", comparable=False)(
    lambda d: fo.load_dataset(d.name, reload=True)
)
FO.reads("dataset_exists")(lambda d: fo.dataset_exists(d.name))
FO.reads("list_datasets")(lambda d: d.name in fo.list_datasets())
FO.writes("delete_dataset", media=IMAGE)(lambda d: fo.delete_dataset(d.name))
FO.writes("delete_datasets", media=IMAGE)(lambda d: fo.delete_datasets(d.name))
FO.writes("Dataset", "overwrite", media=IMAGE)(lambda d: fo.Dataset(d.name, overwrite=True))
FO.writes("Dataset.from_images", "overwrite", media=IMAGE)(
    lambda d: fo.Dataset.from_images([], name=d.name, overwrite=True)
)

# documents

DATABASE.writes("delete_dataset")(lambda d: foo.delete_dataset(d.name))
DATABASE.writes("delete_saved_view")(lambda d: foo.delete_saved_view(d.name, "kept"))
DATABASE.writes("delete_saved_views")(lambda d: foo.delete_saved_views(d.name))
DATABASE.writes("delete_workspace")(lambda d: foo.delete_workspace(d.name, "kept"))
DATABASE.writes("delete_workspaces")(lambda d: foo.delete_workspaces(d.name))
DATABASE.writes("delete_annotation_run")(lambda d: foo.delete_annotation_run(d.name, "paper"))
DATABASE.writes("delete_annotation_runs")(lambda d: foo.delete_annotation_runs(d.name))
DATABASE.writes("delete_brain_run")(lambda d: foo.delete_brain_run(d.name, "similar"))
DATABASE.writes("delete_brain_runs")(lambda d: foo.delete_brain_runs(d.name))
DATABASE.writes("delete_evaluation")(lambda d: foo.delete_evaluation(d.name, "verdict"))
DATABASE.writes("delete_evaluations")(lambda d: foo.delete_evaluations(d.name))
DATABASE.writes("delete_run")(lambda d: foo.delete_run(d.name, "own"))
DATABASE.writes("delete_runs")(lambda d: foo.delete_runs(d.name))
DATABASE.writes("bulk_write")(
    lambda d: foo.bulk_write([UpdateOne({}, {"$set": {"quality": 10}})], d._sample_collection)
)
DATABASE.writes("insert_documents")(
    lambda d: foo.insert_documents([{"filepath": "new"}], d._sample_collection)
)
DATABASE.writes("drop_collection")(lambda d: foo.drop_collection(d._sample_collection_name))

PRIVATE = "the private document behind every dataset"
REPAIR = "writes only where references dangle, or what no dataset refers to"
for _name in ("saved_views", "workspaces", "annotation_runs", "brain_runs", "evaluations", "runs"):

    def _patch(name: str) -> None:
        DATABASE.reads(f"patch_{name}", note=REPAIR)(
            lambda d: getattr(foo, f"patch_{name}")(d.name)
        )

    _patch(_name)
for _name in (
    "collections",
    "saved_views",
    "generated_datasets",
    "workspaces",
    "runs",
    "delegated_ops",
    "stores",
    "tags",
):

    def _drop(name: str) -> None:
        DATABASE.reads(f"drop_orphan_{name}", note=REPAIR, comparable=False)(
            lambda d: getattr(foo, f"drop_orphan_{name}")()
        )

    _drop(_name)
DATABASE.reads("get_collection_stats", comparable=False)(
    lambda d: sorted(foo.get_collection_stats(d._sample_collection_name))
)
DATABASE.reads("get_indexed_values")(
    lambda d: sorted(foo.get_indexed_values(d._sample_collection, "quality", values_only=True))
)


@DATABASE.writes("DatasetDocument.save", note=PRIVATE)
def _(dataset: fo.Dataset) -> None:
    dataset._doc.info = {"new": 1}
    dataset._doc.save()


DATABASE.writes("DatasetDocument.delete", note=PRIVATE)(lambda d: d._doc.delete())

# other functions of the core

CORE = on(Subject("fiftyone.core", lambda dataset: dataset, IMAGE))
CLIP_CORE = on(Subject("fiftyone.core", lambda dataset: dataset, VIDEO))
CORE.writes("metadata.compute_metadata")(lambda d: fom.compute_metadata(d, overwrite=True))
CORE.writes("metadata.compute_sample_metadata")(
    lambda d: fom.compute_sample_metadata(d.first(), overwrite=True)
)
CORE.reads("patches.make_patches_dataset")(
    lambda d: fop.make_patches_dataset(d, "ground_truth").values("ground_truth.label")
)
CORE.reads("patches.make_evaluation_patches_dataset", comparable=False)(
    lambda d: fop.make_evaluation_patches_dataset(d, "boxes")
)
CLIP_CORE.reads("clips.make_clips_dataset", comparable=False)(
    lambda d: focl.make_clips_dataset(d, "events")
)
CLIP_CORE.reads("video.make_frames_dataset", comparable=False)(fovi.make_frames_dataset)

# temporal tags

_tag_reads = on(TAGS).reads
_tag_writes = on(TAGS).writes
_tag_reads("count")(lambda t: t.count())
_tag_reads("count", "by sample")(lambda t: t.count(by_sample=True))
_tag_reads("keys")(lambda t: len(list(t.keys())))
_tag_reads("__len__")(len)
_tag_reads("__bool__")(bool)
_tag_reads("__iter__")(lambda t: len(list(t)))
_tag_reads("__str__", comparable=False)(str)
_tag_reads("__repr__", comparable=False)(repr)
_tag_reads("values", cannot_run=PROTOBUF)(lambda t: len(list(t.values())))
_tag_reads("items", cannot_run=PROTOBUF)(lambda t: len(list(t.items())))
_tag_reads("first", comparable=False, cannot_run=PROTOBUF)(lambda t: t.first())
_tag_reads("head", comparable=False, cannot_run=PROTOBUF)(lambda t: t.head())
_tag_reads("tail", comparable=False, cannot_run=PROTOBUF)(lambda t: t.tail())
_tag_writes("add", cannot_run=PROTOBUF)(lambda t: t.add(_tag(t)))
_tag_writes("update", cannot_run=PROTOBUF)(lambda t: t.update(next(t.keys()), end=20))
_tag_writes("delete")(lambda t: t.delete(tags="kept"))
_tag_writes("clear")(lambda t: t.clear())


def _tag(tags: Any) -> fota.TemporalTag:
    return fota.TemporalTag(tags._sample_collection.first().id, 1, 2, "new")


TAG_FUNCTIONS = on(Subject("fiftyone.core.tags", lambda dataset: dataset, usual=IMAGE))
TAG_FUNCTIONS.writes("add_temporal_tags", cannot_run=PROTOBUF)(
    lambda d: fota.add_temporal_tags(d, _tag(d.temporal_tags))
)
TAG_FUNCTIONS.writes("delete_temporal_tags")(
    lambda d: fota.delete_temporal_tags(d, delete_all=True)
)
TAG_FUNCTIONS.writes("update_temporal_tag", cannot_run=PROTOBUF)(
    lambda d: fota.update_temporal_tag(d, next(d.temporal_tags.keys()), end=20)
)
TAG_FUNCTIONS.writes("delete_for_dataset_id")(lambda d: fota.delete_for_dataset_id(d._doc.id))
TAG_FUNCTIONS.writes("delete_for_sample_ids")(
    lambda d: fota.delete_for_sample_ids(d._doc.id, [ObjectId(d.first().id)])
)
TAG_FUNCTIONS.reads("count_temporal_tags")(fota.count_temporal_tags)
TAG_FUNCTIONS.reads("count_for_dataset_id")(lambda d: fota.count_for_dataset_id(d._doc.id))
TAG_FUNCTIONS.reads("list_temporal_tags", comparable=False, cannot_run=PROTOBUF)(
    fota.list_temporal_tags
)


@TAG_FUNCTIONS.reads("export_tags", comparable=False)
def _(dataset: fo.Dataset) -> int:
    with tempfile.TemporaryDirectory() as folder:
        return fota.export_tags(dataset, str(Path(folder) / "tags.json"))


@TAG_FUNCTIONS.writes("import_tags", cannot_run=PROTOBUF)
def _(dataset: fo.Dataset) -> int:
    with tempfile.TemporaryDirectory() as folder:
        path = str(Path(folder) / "tags.json")
        fota.export_tags(dataset, path)
        other = dataset.clone()
        return fota.import_tags(dataset, path, sample_ids=None) or len(other)


# stores

# clones get only the stores that FiftyOne names, so what these read is not comparable
PANELS = "a panel's state: the read-only wall may let it through"
_store_reads = on(STORE).reads
_store_writes = on(STORE).writes
_store_reads("create", comparable=False)(lambda s: foos.ExecutionStore.create("notes"))
_store_reads("subscribe", comparable=False)(lambda s: s.subscribe(print))
_store_reads("unsubscribe", comparable=False)(lambda s: s.unsubscribe(s.subscribe(print)))
_store_reads("get", comparable=False)(lambda s: s.get("note"))
_store_reads("has", comparable=False)(lambda s: s.has("note"))
_store_reads("list_keys", comparable=False)(lambda s: s.list_keys())
_store_reads("list_stores", comparable=False)(lambda s: s.list_stores())
_store_reads("get_metadata", comparable=False)(lambda s: s.get_metadata("note"))
_store_writes("set", note=PANELS)(lambda s: s.set("note", {"text": "new"}))
_store_writes("set", "a new key", note=PANELS)(lambda s: s.set("new", 1, ttl=60))
_store_writes("set_cache", note=PANELS)(lambda s: s.set_cache("cached", 1))
_store_writes("set_if_absent", note=PANELS)(lambda s: s.set_if_absent("new", 1))
_store_writes("compare_and_set", note=PANELS)(
    lambda s: s.compare_and_set("note", {"text": "hello"}, {"text": "new"})
)
_store_writes("delete", note=PANELS)(lambda s: s.delete("note"))
_store_writes("clear", note=PANELS)(lambda s: s.clear())
_store_reads("clear_cache", note="nothing is cached")(lambda s: s.clear_cache())
_store_writes("update_ttl", note=PANELS)(lambda s: s.update_ttl("note", 60))
_store_writes("update_policy", cannot_run="FiftyOne 1.22 itself lacks what it calls")(
    lambda s: s.update_policy("note", "evict")
)
