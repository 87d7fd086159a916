"""Merging only some fields of a branch, or only some of its samples."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.command_line import Run, in_this_process
from support.datasets import grouped_dataset, image_dataset, video_dataset
from support.full import Document
from support.operators import PLUGIN, execute, form, problems

STREET, NIGHT = "street", "street.night"


@pytest.fixture(params=["duplication", "delta"])
def street(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    """A dataset with a branch on which fields and samples were changed."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    made = image_dataset(STREET, 6, persistent=True)
    fos.create_branch(STREET, "night")
    night = fo.load_dataset(NIGHT)
    for number in range(3):
        change(NIGHT, number, "theirs", 10.0 + number)
    night.add_samples([fo.Sample("/media/new.jpg", weather=fo.Classification(label="theirs"))])
    night.set_values("score", [1.0] * 7)
    night.save_view("dark", night.limit(2))
    night.info["of"] = "night"
    night.save()
    night.delete_samples(night.skip(5).limit(1))
    return made


one = pytest.mark.parametrize("street", ["duplication"], indirect=True)


def change(name: str, number: int, label: str, size: float) -> None:
    dataset = fo.load_dataset(name, reload=True)
    sample = dataset.skip(number).first()
    sample["weather"].label, sample["größe"] = label, size
    sample.save()


def load(name: str = STREET) -> fo.Dataset:
    return fo.load_dataset(name, reload=True)


def weather(name: str = STREET) -> list[str]:
    return load(name).values("weather.label")


def plan(**options: Any) -> fos.MergePlan:
    return fos.plan_merge(NIGHT, progress=False, **options)


def test_only_some_fields_come(street: fo.Dataset) -> None:
    before = weather()
    found = plan(fields="weather")
    assert (found.fields, found.samples, found.is_full) == (("weather",), None, False)
    assert (found.changes.samples_changed, found.changes.samples_added) == (3, 0)
    assert "only: the field weather" in str(found)
    made = fos.apply_merge(found)
    assert made.merged_from is not None
    assert made.merged_from.is_full is False
    assert weather() == ["theirs"] * 3 + before[3:]
    merged = load()
    assert merged.values("größe") == [0.0, 1.0, 2.0, 3.0, 4.0, 5.0]
    assert not merged.has_field("score")
    assert (merged.list_saved_views(), "of" in merged.info) == ([], False)


def test_a_partial_merge_never_moves_the_base(street: fo.Dataset) -> None:
    """What came already is the same on both sides, and the rest was not reverted on purpose."""
    base = fos.list_snapshots(STREET)[0]
    fos.apply_merge(plan(fields=["weather"]))
    fos.apply_merge(plan(view=load(NIGHT).limit(1)))
    rest = plan()
    assert (rest.base_snapshot, rest.total_conflicts, rest.is_full) == (base, 0, True)
    assert (rest.changes.samples_added, rest.changes.samples_deleted) == (1, 1)
    fos.apply_merge(rest)
    assert weather() == weather(NIGHT)
    assert load().values("größe") == load(NIGHT).values("größe")
    assert load().values("score") == [1.0] * 6
    assert (load().list_saved_views(), load().info["of"]) == (["dark"], "night")
    after = plan()
    assert (after.base_snapshot, after.changes.samples_changed) == (
        fos.list_snapshots(NIGHT)[-1],
        0,
    )


def test_what_the_target_makes_of_it_is_in_conflict_as_it_would_be(street: fo.Dataset) -> None:
    """The base does not move, so what both sides have said of a field still is two answers."""
    fos.apply_merge(plan(fields=["weather"]))
    change(STREET, 0, "later", 0.0)
    change(NIGHT, 1, "later", 11.0)
    found = plan()
    assert {str(c.kind) for c in found.counts} == {"label_class"}
    assert found.total_conflicts == 2


@pytest.mark.parametrize("of", [STREET, NIGHT])
def test_only_the_samples_of_a_view_come(street: fo.Dataset, of: str) -> None:
    before = weather()
    dataset = load(of)
    found = plan(view=dataset.skip(1).limit(1))
    assert (found.fields, found.samples) == (None, 1)
    assert "only: 1 sample" in str(found)
    fos.apply_merge(found)
    assert weather() == [before[0], "theirs", *before[2:]]
    assert load().values("größe") == [0.0, 11.0, 2.0, 3.0, 4.0, 5.0]
    assert load().values("score") == [None, 1.0, None, None, None, None]
    assert (load().list_saved_views(), "of" in load().info) == ([], False)


@one
def test_samples_are_added_and_deleted_by_a_view(street: fo.Dataset) -> None:
    new = load(NIGHT).last().id
    fos.apply_merge(plan(view=[new]))
    assert load().last().id == new
    assert (len(load()), load()[new]["score"]) == (7, 1.0)
    gone = load().skip(5).limit(1)
    fos.apply_merge(plan(view=gone))
    assert (len(load()), weather()[:3]) == (6, weather(STREET)[:3])
    rest = plan()
    assert (rest.changes.samples_added, rest.changes.samples_deleted) == (0, 0)


@one
def test_fields_of_the_samples_of_a_view(street: fo.Dataset) -> None:
    before = weather()
    fos.apply_merge(plan(fields=["größe"], view=load(NIGHT).limit(2)))
    assert (weather(), load().values("größe")) == (before, [10.0, 11.0, 2.0, 3.0, 4.0, 5.0])


@one
def test_a_field_is_added_deleted_and_renamed_by_its_name(street: fo.Dataset) -> None:
    night = load(NIGHT)
    night.rename_sample_field("größe", "size")
    night.delete_sample_field("ground_truth")
    fos.apply_merge(plan(fields=["score"]))
    assert load().values("score") == [1.0] * 5 + [None]
    fos.apply_merge(plan(fields=["größe"]))
    assert load().values("size") == [10.0, 11.0, 12.0, 3.0, 4.0, 5.0]
    assert not load().has_field("größe")
    fos.apply_merge(plan(fields=["ground_truth"]))
    assert not load().has_field("ground_truth")
    assert weather()[0] != "theirs"
    rest = plan()
    assert rest.total_conflicts == 0
    fos.apply_merge(rest)
    assert weather() == weather(NIGHT)


@one
def test_with_a_view_names_and_fields_stay_and_values_come(street: fo.Dataset) -> None:
    """A field is renamed or deleted in all samples or in none."""
    night = load(NIGHT)
    night.rename_sample_field("größe", "size")
    night.delete_sample_field("ground_truth")
    found = plan(view=night.limit(1))
    assert len(found.notes) == 2
    fos.apply_merge(found)
    merged = load()
    assert merged.values("größe")[:2] == [10.0, 1.0]
    assert not merged.has_field("size")
    assert None not in merged.values("ground_truth")
    rest = plan()
    assert rest.total_conflicts == 0
    fos.apply_merge(rest)
    assert load().values("size") == load(NIGHT).values("size")
    assert not load().has_field("ground_truth")


@one
def test_a_field_of_another_type_comes_whole_or_not_at_all(street: fo.Dataset) -> None:
    night = load(NIGHT)
    night.delete_sample_field("größe")
    night.set_values("größe", ["big"] * len(night))
    with pytest.raises(fos.InvalidRequestError, match="'größe' has another type"):
        plan(view=night.limit(1))
    assert plan(view=night.limit(1), fields=["weather"]).changes.samples_changed == 1
    fos.apply_merge(plan(fields=["größe"]))
    assert load().values("größe") == ["big"] * 5 + [None]


@one
def test_a_sample_that_the_target_has_deleted(street: fo.Dataset) -> None:
    first = load().first().id
    load().delete_samples([first])
    found = plan(fields=["weather"])
    assert [c.kind for c in found.counts] == ["sample_deleted_modified"]
    found.resolve(None, "theirs")
    fos.apply_merge(plan(fields=["weather"]))
    back = load()[first]
    assert (back["weather"].label, back["größe"]) == ("theirs", 0.0)


@one
def test_plans_of_different_parts_are_open_side_by_side(
    street: fo.Dataset, database: Database[Document]
) -> None:
    whole, fields, few = plan(), plan(fields=["weather"]), plan(view=load(NIGHT).limit(2))
    assert [merge.state for merge in fos.list_merges(STREET)] == ["open"] * 3
    again = plan(fields=["weather"])
    states = {merge.id: merge.state for merge in fos.list_merges(STREET)}
    assert (states[fields.id], states[whole.id], states[few.id]) == ("discarded", "open", "open")
    other = plan(view=load(NIGHT).skip(2).limit(2))
    assert fos.get_merge(few.id).state == "open"
    for merge in (whole, again, few, other):
        fos.discard_merge(merge)
    assert database["snapshots.merges"].count_documents({"plan_id": {"$exists": True}}) == 0


@one
def test_a_decision_holds_for_every_plan_that_meets_the_conflict(street: fo.Dataset) -> None:
    change(STREET, 0, "ours", 5.0)
    whole = plan()
    assert whole.resolve({"field": "weather"}, "theirs") == 1
    part = plan(fields=["weather"])
    assert (part.total_conflicts, part.open_conflicts) == (1, 0)


@one
def test_what_is_refused(street: fo.Dataset) -> None:
    other = image_dataset("other", 2)
    for options, error in (
        ({"fields": ["nothing"]}, "no top-level field 'nothing'"),
        ({"fields": ["weather.label"]}, "'weather'"),
        ({"fields": []}, "fields"),
        ({"fields": ["id"]}, "'id'"),
        ({"fields": [7]}, "fields"),
        ({"view": other}, "neither '"),
        ({"view": load(NIGHT).match({"größe": -1})}, "no samples"),
        ({"view": ["0" * 24]}, "0" * 24),
        ({"view": 7}, "view"),
    ):
        with pytest.raises(fos.SnapshotError, match=error):
            plan(**options)
    assert fos.list_merges(STREET) == []


@one
def test_the_command_line(street: fo.Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    run: Run = in_this_process(capsys)
    merge = run("merge", "plan", NIGHT, "--field", "weather", "--field", "größe", "--json").json
    assert (merge["fields"], merge["is_full"]) == (["größe", "weather"], False)
    shown = run("merge", "plan", NIGHT, "--view", "dark")
    assert (shown.code, "only: 2 samples" in shown.out) == (0, True)
    assert run("merge", "plan", NIGHT, "--view", "none").code == 1


@one
@pytest.mark.usefixtures("installed_plugin")
def test_the_operator(street: fo.Dataset) -> None:
    assert problems(form("plan_merge", STREET, branch=NIGHT)) == []
    merge = execute("plan_merge", street, branch=NIGHT, fields=["weather"])["merge"]
    assert merge["fields"] == ["weather"]
    night = load(NIGHT)
    params = {"branch": NIGHT, "samples": "view"}
    done = foo.execute_operator(f"{PLUGIN}/plan_merge", {"view": night.limit(2), "params": params})
    merge = done.result["merge"]
    assert (merge["samples"], merge["dataset_name"]) == (2, STREET)


def test_frames_and_their_fields(monkeypatch: pytest.MonkeyPatch) -> None:
    video_dataset(STREET, 3, persistent=True)
    fos.create_branch(STREET, "night")
    night = load(NIGHT)
    for sample in night:
        sample.frames[1]["objects"].detections[0].label = "theirs"
        sample.frames[1]["quality"] = 7
        sample.frames[20] = fo.Frame(quality=7)
        sample.save()
    fos.apply_merge(plan(fields=["frames.objects"], view=night.limit(2)))
    merged = load()
    labels = merged.values("frames[].objects.detections[].label")
    assert labels.count("theirs") == 2
    assert not merged.has_frame_field("quality")
    assert 20 not in merged.first().frames
    fos.apply_merge(plan(view=night.limit(1)))
    assert load().first().frames[20]["quality"] == 7
    assert load().values("frames[].quality").count(7) == 2
    fos.apply_merge(plan(fields=["frames.quality"]))
    assert load().values("frames[].quality").count(7) == 6
    rest = plan()
    assert (rest.total_conflicts, rest.changes.frames_changed) == (0, 1)


def test_a_view_of_groups_means_all_slices() -> None:
    grouped_dataset(STREET, 3, persistent=True)
    fos.create_branch(STREET, "night")
    night = load(NIGHT)
    for slice_ in night.group_slices:
        night.group_slice = slice_
        night.tag_samples("theirs")
    fos.apply_merge(plan(view=night.limit(1)))
    merged = load().select_group_slices(_allow_mixed=True)
    assert merged.count_sample_tags()["theirs"] == 3


def test_meanings_of_fields_come_with_them(monkeypatch: pytest.MonkeyPatch) -> None:
    made = image_dataset(STREET, 2, persistent=True)
    made.mask_targets = {"seg": {1: "road"}}
    made.save()
    fos.create_branch(STREET, "night")
    night = load(NIGHT)
    night.add_sample_field("seg", fo.EmbeddedDocumentField, embedded_doc_type=fo.Segmentation)
    night.mask_targets = {"seg": {1: "road", 7: "tree"}, "other": {1: "x"}}
    night.classes = {"weather": ["a"], "ground_truth": ["b"]}
    night.save()
    fos.apply_merge(plan(fields=["seg", "weather"]))
    merged = load()
    assert merged.mask_targets == {"seg": {1: "road", 7: "tree"}}
    assert merged.classes == {"weather": ["a"]}
    fos.apply_merge(plan(view=night.limit(1)))
    assert (load().mask_targets, load().classes) == (night.mask_targets, night.classes)
