"""Datasets that have everything FiftyOne can keep of a dataset, and digests to compare them by.

What the SDK cannot write here (temporal tags need protobuf) or would not (odd documents of other
clients) is written as it would lie in the database.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from typing import Any

import bson
import fiftyone as fo
import fiftyone.brain as fob
import fiftyone.core.annotation as foan
import numpy as np
from bson import Binary, Decimal128, Int64, ObjectId, Regex
from bson.raw_bson import RawBSONDocument
from fiftyone.operators.store import ExecutionStore
from pymongo.collection import Collection
from pymongo.database import Database

from .datasets import grouped_dataset, image_dataset, point_cloud_dataset, video_dataset

Document = dict[str, Any]

STORE = "Бот 🤖"
BRAIN_KEY, EVAL_KEY, ANNO_KEY, RUN_KEY = "points_点", "eval", "labels_vom_März", "meine_läufe"

_INDEXES: list[tuple[list[tuple[str, Any]], Document]] = [
    ([("filepath", 1), ("tags", -1)], {"name": "zwei Felder 🎯", "unique": True}),
    ([("location.point", "2dsphere")], {}),
    ([("note", "text")], {"default_language": "german", "weights": {"note": 7}}),
    ([("strange.$**", 1)], {"name": "joker"}),
    ([("note", 1)], {"partialFilterExpression": {"note": {"$gt": "a"}}, "name": "partial"}),
    ([("note", -1)], {"collation": {"locale": "de", "strength": 2}, "name": "collated"}),
    ([("_rand", 1)], {"hidden": True, "sparse": True, "name": "hidden"}),
    ([("metadata.seen_at", 1)], {"expireAfterSeconds": 10**9, "name": "ttl"}),
    ([("filepath", "hashed")], {}),
]


def full_image_dataset(name: str, database: Database[Document]) -> fo.Dataset:
    """Makes an image dataset with everything, and one sample of almost 16 MB."""
    dataset = image_dataset(name, 6, persistent=True)
    _fill(dataset, database)
    dataset.save_view("Flicken 🧩", dataset.to_patches("ground_truth"))
    dataset.add_sample_field("blob", fo.VectorField)
    samples = database[dataset._sample_collection_name]
    last = dataset.last().id
    samples.update_one({"_id": ObjectId(last)}, {"$set": {"blob": Binary(bytes(16_700_000))}})
    return dataset


def full_video_dataset(name: str, database: Database[Document]) -> fo.Dataset:
    """Makes a video dataset with everything."""
    dataset = video_dataset(name, 3, 4, persistent=True)
    dataset.add_frame_field("strange", fo.DictField)
    dataset.add_frame_field("filepath", fo.StringField)
    _fill(dataset, database)
    frames = database[dataset._frame_collection_name]
    _make_strange(frames)
    frames.update_many(
        {}, [{"$set": {"filepath": {"$concat": ["/media/", {"$toString": "$_id"}]}}}]
    )
    frames.create_index("strange.zahl", name="Bilder 🎞")
    dataset.save_view("clips 🎬", dataset.to_clips("events"))
    dataset.save_view("frames", dataset.to_frames())
    dataset.save_view("frame patches", dataset.to_frames().to_patches("objects"))
    return dataset


def full_grouped_dataset(name: str, database: Database[Document]) -> fo.Dataset:
    """Makes a grouped dataset with everything, whose default slice is not its first."""
    dataset = grouped_dataset(name, 2, 3, persistent=True)
    _fill(dataset, database)
    dataset.default_group_slice = dataset.group_slice = "drive"
    dataset.save_view("scenes", dataset.select_group_slices("scene"))
    return dataset


def full_point_cloud_dataset(name: str, database: Database[Document]) -> fo.Dataset:
    """Makes a point cloud dataset with everything."""
    dataset = point_cloud_dataset(name, 3, persistent=True)
    _fill(dataset, database)
    return dataset


def empty_dataset(name: str, database: Database[Document]) -> fo.Dataset:
    """Makes a dataset with nothing."""
    return fo.Dataset(name, persistent=True)


FULL_DATASETS: dict[str, Callable[[str, Database[Document]], fo.Dataset]] = {
    "image": full_image_dataset,
    "video": full_video_dataset,
    "group": full_grouped_dataset,
    "point-cloud": full_point_cloud_dataset,
    "empty": empty_dataset,
}


def _fill(dataset: fo.Dataset, database: Database[Document]) -> None:
    _add_fields(dataset, database)
    _add_settings(dataset)
    _add_runs(dataset)
    dataset.save_view("all 全部 🌍", dataset.match(fo.ViewField("note") > "a"), description="alle")
    workspace = fo.Space(children=[fo.Panel(type="Samples", pinned=True)])
    dataset.save_workspace("Bureau №1 🖥", workspace, description="…", color="#ff0000")
    _add_store_records(dataset)
    _add_raw(dataset, database)
    dataset.reload()


def _add_fields(dataset: fo.Dataset, database: Database[Document]) -> None:
    dataset.add_sample_field("strange", fo.DictField)
    dataset.add_sample_field("note", fo.StringField, description="Notiz", info={"seit": 2024})
    dataset.add_sample_field(
        "location", fo.EmbeddedDocumentField, embedded_doc_type=fo.GeoLocation
    )
    view = dataset.select_group_slices(_allow_mixed=True) if dataset.group_field else dataset
    ids = view.values("id")
    view.set_values("note", [f"größe {i} 🐘" for i in range(len(ids))])
    view.set_values("location", [fo.GeoLocation(point=[i, 48.1]) for i in range(len(ids))])
    samples = database[dataset._sample_collection_name]
    _make_strange(samples)
    for keys, options in _INDEXES:
        samples.create_index(keys, **options)
    dataset.add_sample_field("caption", fo.StringField)
    dataset.set_label_schemas({"caption": {"type": "str", "component": "text"}})
    dataset.active_label_schemas = ["caption"]
    field = dataset.get_field("note")
    field.read_only = True
    field.save()


def _make_strange(collection: Collection[Document]) -> None:
    """Gives documents values and an order of keys that FiftyOne itself would not write."""
    for number, document in enumerate(list(collection.find())):
        strange = {
            "z": number,
            "a": Decimal128("1.10"),
            "int64": Int64(number),
            "zahl": 5 if number % 2 else 5.0,
            "minus zero": -0.0,
            "nan": float("nan"),
            "bytes": Binary(b"\x00\xff", 128),
            "regex": Regex("^ä", "i"),
            "空": None,
            "": [[], {}, [None]],
        }
        keys = ["_id", *reversed([key for key in document if key != "_id"])]
        replacement = {key: document[key] for key in keys} | {"strange": strange}
        for label in ("weather", "ground_truth", "objects"):
            if isinstance(replacement.get(label), dict):
                replacement[label]["undeclared_属性"] = [Int64(1), 1, 1.0]
        collection.replace_one({"_id": document["_id"]}, replacement)


def _add_settings(dataset: fo.Dataset) -> None:
    dataset.info = {"ключ": {"nested": [1, 2.0, None]}}
    dataset.classes = {"weather": ["sunny", "rainy"], "ünused": []}
    dataset.mask_targets = {"mask": {1: "cat", 255: "狗"}}
    dataset.default_mask_targets = {0: "back ground"}
    dataset.skeletons = {"pose": fo.KeypointSkeleton(labels=["a", "b"], edges=[[0, 1]])}
    dataset.default_skeleton = fo.KeypointSkeleton(edges=[[0, 1], [1, 2]])
    dataset.app_config.color_scheme = fo.ColorScheme(
        color_pool=["#ff0000", "#00ff00"], color_by="value", fields=[{"path": "weather"}]
    )
    dataset.app_config.sidebar_groups = fo.DatasetAppConfig.default_sidebar_groups(dataset)
    dataset.app_config.sidebar_groups[0].name = "Etiketten 🏷"
    dataset.app_config.plugins = {"my-plugin": {"x": [1, {"y": None}]}}
    dataset.app_config.media_fields = ["filepath"]
    dataset.save()


def _add_runs(dataset: fo.Dataset) -> None:
    """Adds a run of every kind, all with results."""
    view = dataset.select_group_slices("camera") if dataset.group_field else dataset
    points = np.arange(2.0 * len(view)).reshape(-1, 2)
    fob.compute_visualization(view, points=points, brain_key=BRAIN_KEY, verbose=False)
    if dataset.media_type != "point-cloud":
        view.evaluate_classifications("weather", gt_field="weather", eval_key=EVAL_KEY)
    config = dataset.init_run(method="Zählung", größe=[1, 2])
    dataset.register_run(RUN_KEY, config)
    results = dataset.init_run_results(RUN_KEY, summe=12, список=["а", "б"])
    dataset.save_run_results(RUN_KEY, results)
    annotation = AnnotationConfig(server="https://example.com")
    annotation.build().register_run(dataset, ANNO_KEY)
    outcome = AnnotationResults(dataset, annotation, ANNO_KEY, {"1": "Aufgabe 任务"})
    foan.AnnotationMethod.save_run_results(dataset, ANNO_KEY, outcome)


class AnnotationConfig(foan.AnnotationMethodConfig):
    """The config of an annotation run, as backends make them; ours asks nobody."""

    def __init__(self, server: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.server = server

    @property
    def method(self) -> str:
        return "test"

    @property
    def run_cls(self) -> type:
        return Annotation

    @property
    def label_schema(self) -> Document:
        return {}


class Annotation(foan.AnnotationMethod):
    """An annotation run."""


class AnnotationResults(foan.AnnotationResults):
    """The results of an annotation run."""

    def __init__(
        self, samples: Any, config: Any, anno_key: str, tasks: Document, backend: Any = None
    ) -> None:
        super().__init__(samples, config, anno_key, backend=backend)
        self.tasks = tasks

    @classmethod
    def _from_dict(cls, d: Document, samples: Any, config: Any, anno_key: str) -> Any:
        return cls(samples, config, anno_key, d["tasks"])


def _add_store_records(dataset: fo.Dataset) -> None:
    store = ExecutionStore.create(STORE, dataset_id=dataset._doc.id)
    store.set("ключ", {"run": str(dataset._doc.runs[RUN_KEY].id), "список": [1, 2.5, None]})
    store.set("vergänglich", "x", ttl=10**6)


def _add_raw(dataset: fo.Dataset, database: Database[Document]) -> None:
    moment = datetime(2024, 2, 29, 12, 0, 0, 123000)  # noqa: DTZ001 (as the database gives it)
    dataset_id = dataset._doc.id
    sample_id = dataset.first()._id
    database["tags"].insert_many(
        {
            "_dataset_id": dataset_id,
            "_sample_id": sample_id,
            "kind": "temporal",
            "index_type": 1,
            "anchor": None,
            "start": Int64(i * 10**9),
            "end": Int64((i + 1) * 10**9),
            "tag": f"переход {i} 🚦",
            "created_at": moment,
            "last_modified_at": moment,
        }
        for i in range(3)
    )
    database["datasets"].update_one(
        {"_id": dataset_id},
        {
            "$set": {
                "_media_sources": [{"id": str(ObjectId()), "name": "源"}],
                "_media_source_layouts": [{"topics": ["/a"]}],
                "plugin_state": {"z": 1, "a": Decimal128("0.10")},
            }
        },
    )


def content(collection: Collection[Document], query: Document | None = None) -> list[bytes]:
    """Returns the documents of a collection as they lie there, in natural order."""
    raw = collection.with_options(
        codec_options=collection.codec_options.with_options(document_class=RawBSONDocument)
    )
    found: list[Any] = list(raw.find(query or {}).sort("$natural", 1))
    return [document.raw for document in found]


def digest(database: Database[Document], dataset_id: ObjectId) -> dict[str, Any]:
    """Returns everything that the database holds of a dataset, comparable byte by byte.

    Collections are told by what they hold, since a revert changes their names. Of the dataset's
    own document, what must not follow a revert is left out. On a replica set the order of samples
    and frames is left out too: each member has its own, and another may be the primary by now.
    """
    in_order = list if "setName" not in database.client.admin.command("hello") else sorted
    document = database["datasets"].find_one({"_id": dataset_id})
    assert document is not None
    found: dict[str, Any] = {}
    for part in ("sample", "frame"):
        name = document.get(f"{part}_collection_name")
        found[f"{part}s"] = in_order(
            hashlib.sha256(raw).hexdigest() for raw in _in(database, name)
        )
        found[f"{part} indexes"] = database[name].index_information() if name else {}
    for key in ("sample_collection_name", "frame_collection_name", "last_loaded_at"):
        document.pop(key, None)
    found["dataset"] = list(map(bson.encode, [{key: value} for key, value in document.items()]))
    mine = {"_dataset_id": dataset_id}
    for name in ("views", "workspaces", "runs", "tags"):
        found[name] = sorted(content(database[name], mine))
    found["store"] = sorted(content(database["execution_store"], {"dataset_id": dataset_id}))
    results = database["runs"].distinct("results", mine)
    found["files"] = sorted(content(database["fs.files"], {"_id": {"$in": results}}))
    found["chunks"] = sorted(content(database["fs.chunks"], {"files_id": {"$in": results}}))
    return found


def assert_same(found: Document, expected: Document) -> None:
    """Compares digests part by part: a difference of megabytes helps nobody."""
    different = [part for part in expected if found[part] != expected[part]]
    assert different == [], f"Different: {', '.join(different)}"


def _in(database: Database[Document], name: str | None) -> list[bytes]:
    return content(database[name]) if name else []
