"""Every case of a merge on real datasets of each kind, with both sides taken: one row a case."""

from __future__ import annotations

from collections.abc import Callable

import fiftyone as fo
import fiftyone.core.odm as foo
import pytest
from fiftyone.operators.store import ExecutionStore

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.merge.conflicts import ConflictKind as K
from support.merged_worlds import Others, World, by_name, edit, sample
from support.merges import CASES, Case

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
        "workspaces": {
            name: merged.load_workspace(name).children[0].state["side"]
            for name in merged.list_workspaces()
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


NUMBERS = "4 5 6 7 8 9 13 26 27 28 29 30 31 32 33 34 35 36 37 38 39 40"


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


@case("8")
def _(world: World, theirs: bool) -> None:
    found = world.found["samples"]["8"]
    known = world.found["ids"].values()
    new = [c for c in world.conflicts if c.path == "x" and c.sample_id not in known]
    assert [(c.kind, c.base) for c in new] == [(K.VALUE, None)]
    assert (found["x"], found.tags) == (2 if theirs else 1, ["o", "t"])


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
    assert world.found["merged"]["workspaces"] == {
        "v": "ours",
        f"v ({lab})": "theirs",
        "w": "theirs",
    }


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
