"""Every case of a merge on real datasets of each kind, with both sides taken: one row a case."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo
import pytest
from bson import ObjectId
from fiftyone.operators.store import ExecutionStore

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.merge.conflicts import ConflictKind as K
from support.merges import CASES, Case

EXTENSIONS = {"image": "jpg", "video": "mp4", "group": "jpg"}

WORLDS = [
    ("video", "theirs"),
    ("group", "ours"),
    *(
        pytest.param(world, marks=pytest.mark.long)
        for world in (
            ("image", "ours"),
            ("image", "theirs"),
            ("video", "ours"),
            ("group", "theirs"),
        )
    ),
]


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
        for key in ("r", "q"):
            dataset.register_run(key, dataset.init_run(method=key))
            dataset.save_run_results(key, dataset.init_run_results(key, numbers=[1]))

    def ours(self, dataset: fo.Dataset, media: str) -> None:
        samples = by_name(dataset)
        dataset.add_samples([sample(media, name) for name in ("4o", "7")])
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
        dataset.save_run_results("r", dataset.init_run_results("r", numbers=[2]), overwrite=True)
        dataset.delete_run("q")
        self._run(dataset, "k", [2])
        self._run(dataset, "n", [3])
        dataset.create_index("v", name="theirs")

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


@pytest.fixture(scope="module", params=WORLDS, ids=" ".join)
def world(request: pytest.FixtureRequest) -> World:
    made = World(*request.param)
    media, others = made.media, Others()
    ours = fo.Dataset(f"street {media}", persistent=True)
    if media == "group":
        ours.add_group_field("group", default="left")
    ours.add_samples([sample(media, case.number) for case in CASES])
    for name, kind in (("x", fo.IntField), ("v", fo.VectorField), ("d", fo.DictField)):
        ours.add_sample_field(name, fo.ListField if kind is fo.VectorField else kind)
    edit(ours, media, "base")
    others.base(ours, media)
    fos.create_snapshot(ours, "v1")
    theirs = ours.clone(f"{ours.name}.lab", persistent=True)
    made.found["ids"] = {name: each.id for name, each in by_name(ours).items()}
    for dataset, side in ((ours, "ours"), (theirs, "theirs")):
        edit(dataset, media, side)
        getattr(others, side)(dataset, media)
    made.found["before"] = by_name(ours)["2"].last_modified_at
    plan = fos.plan_merge(theirs, ours, base="v1")
    made.conflicts = list(plan.conflicts())
    made.found["suspects"] = plan.suspects
    made.found["notes"] = plan.notes
    plan.resolve(None, made.take)
    made.found["snapshot"] = fos.apply_merge(plan)
    merged = fo.load_dataset(ours.name, reload=True)
    read(made, merged)
    made.found["again"] = fos.plan_merge(
        theirs,
        ours,
        base=made.found["snapshot"].merged_from
        and str(made.found["snapshot"].merged_from.snapshot_id),
    )
    made.found["equal"] = fos.is_head_equal(ours, made.found["snapshot"])
    fos.undo_revert(ours)
    made.found["undone"] = fo.load_dataset(ours.name, reload=True).get_field_schema().keys()
    for dataset in (theirs, ours):
        dataset.delete()
    return made


def read(made: World, merged: fo.Dataset) -> None:
    """Reads all that is looked at: the database is emptied between tests."""
    samples = by_name(merged)
    found = made.found
    # They follow their dataset, which is taken back and deleted
    found["samples"] = {name: each.copy() for name, each in samples.items()}
    found["names"] = sorted(samples)
    found["schema"] = merged.get_field_schema()
    found["merged"] = {
        "both": merged.get_field("both"),
        "classes": merged.default_classes,
        "mask_targets": merged.mask_targets,
        "info": merged.info,
        "views": {
            name: merged.load_saved_view(name)._stages[0].limit
            for name in merged.list_saved_views()
        },
        "runs": {key: merged.load_run_results(key).numbers for key in merged.list_runs()},
        "indexes": merged.get_index_information(),
        "tags": _tags(merged),
        "store": ExecutionStore.create("notes", dataset_id=merged._doc.id).get("a"),
        "named": {name: each[_named(merged)] for name, each in samples.items()},
        "old": {name: each["new"] for name, each in samples.items()},
        "frames": {},
    }
    if made.media == "video":
        found["merged"]["frames"] = {
            name: {number: frame.copy() for number, frame in each.frames.items()}
            for name, each in samples.items()
        }


def _named(merged: fo.Dataset) -> str:
    (name,) = [field for field in merged.get_field_schema() if field.startswith("named")]
    return name


def _tags(merged: fo.Dataset) -> list[tuple[str, str]]:
    names = {each.id: name for name, each in by_name(merged).items()}
    found = foo.get_db_conn()["tags"].find({"_dataset_id": merged._doc.id})
    return sorted((names[str(tag["_sample_id"])], tag["tag"]) for tag in found)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.number)
def test_each_case(world: World, case: Case) -> None:
    expected = case.with_theirs if case.kind and world.take == "theirs" else case.result
    kinds = [] if case.kind is None else [case.kind]
    assert world.kinds(case.number, frames=False) == kinds
    assert case.found(world.found["samples"][case.number]) == expected
    if world.media == "video":
        assert world.kinds(case.number, frames=True) == kinds
        assert case.found(world.found["merged"]["frames"][case.number][1]) == expected
    if case.number == "24":
        suspects = [
            each for each in world.found["suspects"] if each.sample_id == world.found["ids"]["24"]
        ]
        assert len(suspects) == (2 if world.media == "video" else 1)


def dataset_kinds(world: World, path: str) -> list[K]:
    return [c.kind for c in world.conflicts if c.sample_id is None and c.path == path]


OF_DATASETS: dict[str, Callable[[World, bool], None]] = {}


def case(number: str) -> Callable[[Callable[[World, bool], None]], None]:
    def note(function: Callable[[World, bool], None]) -> None:
        OF_DATASETS[number] = function

    return note


NUMBERS = "4 5 6 7 9 13 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40"


@pytest.mark.parametrize("number", NUMBERS.split())
def test_each_case_of_datasets(world: World, number: str) -> None:
    OF_DATASETS[number](world, world.take == "theirs")


@case("4")
def _(world: World, theirs: bool) -> None:
    assert {"4o", "4t"} <= set(world.found["names"])


@case("5")
def _(world: World, theirs: bool) -> None:
    assert not {"5", "5t"} & set(world.found["names"])


@case("6")
def _(world: World, theirs: bool) -> None:
    kept, gone = ("6", "6t") if theirs else ("6t", "6")
    for name in ("6", "6t"):
        assert world.kinds(name, frames=False) == [K.SAMPLE_DELETED_MODIFIED]
    assert kept in world.found["names"]
    assert gone not in world.found["names"]
    if world.media == "video":
        assert world.found["merged"]["frames"][kept][1]["x"] == 1
    else:
        assert world.found["samples"][kept]["x"] == 9


@case("7")
def _(world: World, theirs: bool) -> None:
    assert [c.kind for c in world.conflicts if c.path == "filepath"] == [K.SAME_MEDIA]
    assert world.found["names"].count("7") == 1


@case("9")
def _(world: World, theirs: bool) -> None:
    kinds = [c.kind for c in world.conflicts if c.path == "group"]
    if world.media == "group":
        assert kinds == [K.GROUP_SLOT]
        assert ("9t" in world.found["names"]) == theirs
        assert ("9o" in world.found["names"]) != theirs


@case("13")
def _(world: World, theirs: bool) -> None:
    assert world.kinds("13", frames=False) == []
    assert world.found["samples"]["13"].tags == ["t", "b", "a", "d"]


@case("26")
def _(world: World, theirs: bool) -> None:
    both = world.found["merged"]["both"]
    assert (both.description, both.info) == ("ours", {"t": 1})


@case("27")
def _(world: World, theirs: bool) -> None:
    assert dataset_kinds(world, "typed") == [K.SCHEMA_TYPE]
    kind = fo.StringField if theirs else fo.FloatField
    assert isinstance(world.found["schema"]["typed"], kind)
    assert world.found["samples"]["1"]["typed"] == ("1" if theirs else 1.0)
    assert world.found["samples"]["4o"]["typed"] == (None if theirs else 1.0)
    assert world.found["samples"]["4t"]["typed"] == ("1" if theirs else None)


@case("28")
def _(world: World, theirs: bool) -> None:
    assert dataset_kinds(world, "gone") == []
    assert "gone" not in world.found["schema"]


@case("29")
def _(world: World, theirs: bool) -> None:
    conflicts = [c for c in world.conflicts if c.path == "contested"]
    assert [(c.kind, c.count) for c in conflicts] == [(K.SCHEMA_DROPPED_MODIFIED, 2)]
    assert ("contested" in world.found["schema"]) == theirs
    if theirs:
        values = [world.found["samples"][name]["contested"] for name in ("1", "3", "10")]
        assert values == [2.0, 1.0, 1.0]


@case("30")
def _(world: World, theirs: bool) -> None:
    assert "old" not in world.found["schema"]
    names = ("1", "2", "3", "4t")
    found = [world.found["merged"]["old"][name] for name in names]
    assert found == ["changed", "changed", "old", None]


@case("31")
def _(world: World, theirs: bool) -> None:
    assert dataset_kinds(world, "named") == [K.SCHEMA_RENAME]
    name = "named_t" if theirs else "named_o"
    assert [n for n in world.found["schema"] if n.startswith("named")] == [name]
    assert {world.found["merged"]["named"][each] for each in ("1", "31")} == {"named"}


@case("32")
def _(world: World, theirs: bool) -> None:
    assert world.found["merged"]["classes"] == ["c", "o", "t"]


@case("33")
def _(world: World, theirs: bool) -> None:
    assert dataset_kinds(world, "mask_targets.m.7") == [K.MASK_TARGET]
    expected = {1: "one", 7: "tree" if theirs else "road"}
    assert world.found["merged"]["mask_targets"] == {"m": expected}


@case("34")
def _(world: World, theirs: bool) -> None:
    assert world.found["merged"]["info"] == {"a": 2, "b": 2, "o": 1}


@case("35")
def _(world: World, theirs: bool) -> None:
    lab = f"street {world.media}.lab".removeprefix(f"street {world.media}.")
    assert world.found["merged"]["views"] == {"v": 2, f"v ({lab})": 3, "w": 4}


@case("36")
def _(world: World, theirs: bool) -> None:
    runs = world.found["merged"]["runs"]
    assert (runs["k"], runs["k_lab"], runs["n"]) == ([1], [2], [3])


@case("37")
def _(world: World, theirs: bool) -> None:
    assert dataset_kinds(world, "runs.r") == [K.RUN]
    runs = world.found["merged"]["runs"]
    assert "q" not in runs
    assert runs.get("r") == ([2] if theirs else None)


@case("38")
def _(world: World, theirs: bool) -> None:
    assert world.found["merged"]["store"] == "ours"


@case("40")
def _(world: World, theirs: bool) -> None:
    assert world.kinds("40", frames=False) == []
    assert world.kinds("40t", frames=False) == [K.SAMPLE_DELETED_MODIFIED]
    kept = [("40t", "d"), ("40t", "t")] if theirs else []
    assert world.found["merged"]["tags"] == [("40", "a"), ("40", "d"), ("40", "t"), *kept]


@case("39")
def _(world: World, theirs: bool) -> None:
    assert {"x", "v"} <= set(world.found["merged"]["indexes"])


def test_a_merge_ends_as_a_snapshot_and_the_next_one_begins_there(world: World) -> None:
    snapshot = world.found["snapshot"]
    assert snapshot.merged_from.dataset_name.endswith(".lab")
    assert world.found["equal"]
    again = world.found["again"]
    assert (again.total_conflicts, again.changes.samples_changed) == (0, 0)


def test_an_undo_takes_it_back_whole(world: World) -> None:
    assert "contested" not in world.found["undone"]
    assert "new" in world.found["undone"]
