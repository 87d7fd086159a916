"""Datasets of each kind in which all cases of a merge are made, on both sides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo
from bson import ObjectId
from fiftyone.operators.store import ExecutionStore

from fiftyone_snapshots.backend.merge.conflicts import ConflictKind as K
from support.merges import CASES

EXTENSIONS = {"image": "jpg", "video": "mp4", "group": "jpg"}


@dataclass
class World:
    """A merge, and all that came of it."""

    media: str
    take: str
    conflicts: list[Any] = field(default_factory=list)
    found: dict[str, Any] = field(default_factory=dict)

    def kinds(self, number: str, frames: bool) -> list[K]:
        return [
            conflict.kind
            for conflict in self.conflicts
            if (conflict.frame_number is not None) == frames
            and conflict.sample_id == self.found["ids"].get(number)
        ]


def sample(media: str, name: str) -> fo.Sample:
    made = fo.Sample(f"/media/{name}.{EXTENSIONS[media]}")
    if media == "group":
        made["group"] = fo.Group().element("left")
    return made


def by_name(dataset: fo.Dataset) -> dict[str, fo.Sample]:
    whole = dataset
    if dataset.media_type == "group":
        whole = dataset.select_group_slices(_allow_mixed=True)
    return {each.filename.rsplit(".", 1)[0]: each for each in whole}


def edit(dataset: fo.Dataset, media: str, side: str) -> None:
    samples = by_name(dataset)
    for case in CASES:
        getattr(case, side)(samples[case.number])
        if media == "video":
            frame = samples[case.number].frames[1]
            getattr(case, side)(frame)
        samples[case.number].save()


class Others:
    """The cases that are not about the content of one document."""

    def base(self, dataset: fo.Dataset, media: str) -> None:
        names = ("5", "5t", "6", "6t", "13", "31", "40", "40t")
        dataset.add_samples([sample(media, name) for name in names])
        dataset.add_sample_field("named", fo.StringField)
        dataset.set_values("named", ["named"] * len(dataset))
        for name, tag in (("40", "t"), ("40", "c"), ("40t", "t")):
            _tag(dataset, by_name(dataset)[name], tag)
        dataset.add_sample_field("gone", fo.FloatField)
        dataset.add_sample_field("contested", fo.FloatField)
        dataset.add_sample_field("old", fo.StringField)
        dataset.set_values("gone", [1.0] * len(dataset))
        dataset.set_values("contested", [1.0] * len(dataset))
        dataset.set_values("old", ["old"] * len(dataset))
        s = by_name(dataset)["13"]
        s.tags = ["t", "b", "c"]
        s.save()
        dataset.default_classes = ["c"]
        dataset.mask_targets = {"m": {1: "one"}}
        dataset.info = {"a": 1, "b": 1}
        dataset.save()
        dataset.save_view("v", dataset.limit(1))
        dataset.save_view("w", dataset.limit(1))
        _workspace(dataset, "v", "base")
        _workspace(dataset, "w", "base")
        for key in ("r", "q"):
            dataset.register_run(key, dataset.init_run(method=key))
            dataset.save_run_results(key, dataset.init_run_results(key, numbers=[1]))

    def ours(self, dataset: fo.Dataset, media: str) -> None:
        samples = by_name(dataset)
        dataset.add_samples([sample(media, name) for name in ("4o", "7")])
        restored = sample(media, "8")
        restored["x"], restored.tags = 1, ["o"]
        dataset.add_sample(restored)
        dataset.delete_samples([samples["5"].id, samples["6"].id])
        self._touch(samples["6t"], media)
        samples["13"].tags = ["t", "b", "c", "a"]
        samples["13"].save()
        dataset.add_sample_field("both", fo.FloatField, description="ours")
        dataset.add_sample_field("typed", fo.FloatField)
        dataset.set_values("typed", [1.0] * len(dataset))
        dataset.delete_sample_fields(["gone", "contested"])
        dataset.rename_sample_field("old", "new")
        dataset.rename_sample_field("named", "named_o")
        samples["31"].reload()
        _tag(dataset, samples["40"], "a")
        dataset.delete_samples([samples["40t"].id])
        ExecutionStore.create("notes", dataset_id=dataset._doc.id).set("a", "ours")
        if media == "group":
            dataset.add_sample(_right(samples["1"], "9o"))
        dataset.default_classes = ["c", "o"]
        dataset.mask_targets = {"m": {1: "one", 7: "road"}}
        dataset.info = {"a": 2, "b": 1, "o": 1}
        dataset.save()
        dataset.delete_saved_view("v")
        dataset.save_view("v", dataset.limit(2))
        _workspace(dataset, "v", "ours")
        dataset.delete_run("r")
        self._run(dataset, "k", [1])
        dataset.create_index("x", name="ours")

    def theirs(self, dataset: fo.Dataset, media: str) -> None:
        samples = by_name(dataset)
        dataset.add_samples([sample(media, name) for name in ("4t", "7")])
        dataset.delete_samples([samples["5t"].id, samples["6t"].id])
        self._touch(samples["6"], media)
        samples["13"].tags = ["t", "b", "d"]
        samples["13"].save()
        dataset.add_sample_field("both", fo.FloatField, info={"t": 1})
        dataset.add_sample_field("typed", fo.StringField)
        dataset.set_values("typed", ["1"] * len(dataset))
        for name in ("1", "2"):
            samples[name]["contested"] = 2.0
            samples[name]["old"] = "changed"
            samples[name].save()
        dataset.rename_sample_field("named", "named_t")
        _tag(dataset, samples["40"], "d")
        mine = {"_dataset_id": dataset._doc.id, "_sample_id": ObjectId(samples["40"].id)}
        foo.get_db_conn()["tags"].delete_one({**mine, "tag": "c"})
        _tag(dataset, samples["40t"], "d")
        ExecutionStore.create("notes", dataset_id=dataset._doc.id).set("a", "theirs")
        if media == "group":
            dataset.add_sample(_right(samples["1"], "9t"))
        dataset.default_classes = ["c", "t"]
        dataset.mask_targets = {"m": {1: "one", 7: "tree"}}
        dataset.info = {"a": 1, "b": 2}
        dataset.save()
        for name, limit in (("v", 3), ("w", 4)):
            dataset.delete_saved_view(name)
            dataset.save_view(name, dataset.limit(limit))
            _workspace(dataset, name, "theirs")
        dataset.save_run_results("r", dataset.init_run_results("r", numbers=[2]), overwrite=True)
        dataset.delete_run("q")
        self._run(dataset, "k", [2])
        self._run(dataset, "n", [3])
        dataset.create_index("v", name="theirs")
        # As if both had brought it back
        parent = fo.load_dataset(dataset.name.rsplit(".", 1)[0])._sample_collection
        restored = parent.find_one({"filepath": sample(media, "8").filepath})
        declared = {*dataset.get_field_schema(), "_id", "_media_type", "_rand", "_dataset_id"}
        found = {key: item for key, item in restored.items() if key in declared - {"typed"}}
        dataset._sample_collection.insert_one({**found, "x": 2, "tags": ["t"]})

    def _touch(self, sample: fo.Sample, media: str) -> None:
        if media == "video":
            # Only its frames
            sample.frames[1] = fo.Frame(x=1)
        else:
            sample["x"] = 9
        sample.save()

    def _run(self, dataset: fo.Dataset, key: str, numbers: list[int]) -> None:
        dataset.register_run(key, dataset.init_run(method=key))
        dataset.save_run_results(key, dataset.init_run_results(key, numbers=numbers))


def _workspace(dataset: fo.Dataset, name: str, panel: str) -> None:
    """Saves a workspace of one panel."""
    space = fo.Space(children=[fo.Panel(type="Embeddings", state={"side": panel})])
    dataset.save_workspace(name, space, overwrite=True)


def _right(sample: fo.Sample, name: str) -> fo.Sample:
    made = fo.Sample(f"/media/{name}.jpg")
    made["group"] = fo.Group(id=sample["group"].id).element("right")
    return made


def _tag(dataset: fo.Dataset, sample: fo.Sample, tag: str) -> None:
    """Tags a part of a sample; FiftyOne itself needs protobuf for that."""
    foo.get_db_conn()["tags"].insert_one(
        {
            "_dataset_id": dataset._doc.id,
            "_sample_id": ObjectId(sample.id),
            "kind": "temporal",
            "index_type": 1,
            "anchor": None,
            "start": 1,
            "end": 2,
            "tag": tag,
        }
    )
