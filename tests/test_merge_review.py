"""The review of a merge: a hidden dataset of what is in conflict, and edits of it by hand."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.merge import reviews
from support.datasets import image_dataset, video_dataset
from support.full import Document
from support.merges import BOX, MOVED, OTHER, labels

STREET, NIGHT = "street", "street.night"


def edit(name: str, number: int, change: Any) -> None:
    sample = fo.load_dataset(name, reload=True).skip(number).first()
    change(sample)
    sample.save()


def relabel(number: int, label: str) -> Any:
    def change(sample: fo.Sample) -> None:
        sample["gt"].detections[number].label = label

    return change


def move(number: int, box: list[float]) -> Any:
    def change(sample: fo.Sample) -> None:
        sample["gt"].detections[number].bounding_box = box

    return change


@pytest.fixture
def plan() -> fos.MergePlan:
    """Four conflicts on three samples of six, in two fields."""
    street = image_dataset(STREET, 6, persistent=True)
    street.set_values("gt", [labels("car", "bus", box=BOX) for _ in range(6)])
    fos.create_branch(STREET, "night")
    edit(STREET, 0, relabel(0, "truck"))
    edit(NIGHT, 0, relabel(0, "van"))
    edit(STREET, 1, move(0, MOVED))
    edit(NIGHT, 1, move(0, OTHER))
    edit(STREET, 1, relabel(1, "tram"))
    edit(NIGHT, 1, relabel(1, "coach"))
    edit(STREET, 2, lambda s: s["gt"].detections.pop(0))
    edit(NIGHT, 2, relabel(0, "van"))
    edit(NIGHT, 4, relabel(0, "bike"))
    return fos.plan_merge(NIGHT, progress=False)


def classes(dataset: fo.Dataset, field: str) -> list[list[str]]:
    return [[each.label for each in found] for found in dataset.values(f"{field}.detections")]


def test_it_shows_both_sides_and_the_base_of_what_is_in_conflict(plan: fos.MergePlan) -> None:
    review = fos.review_merge(plan)
    assert review.name == f"{STREET}.merge-{plan.id[-6:]}"
    assert review.values("id") == fo.load_dataset(STREET)[:3].values("id")
    assert classes(review, "gt") == [["truck", "bus"], ["car", "tram"], ["bus"]]
    assert classes(review, "gt_theirs") == [["van", "bus"], ["car", "coach"], ["van", "bus"]]
    assert classes(review, "gt_base") == [["car", "bus"]] * 3
    assert review.first()["gt_theirs"].detections[0].bounding_box == BOX
    assert review.values("merge_conflicts")[1] == ["label_geometry", "label_class"]
    assert "weather_theirs" not in review.get_field_schema()
    # The App's annotation fails on a whole dataset that has read-only labels
    schemas = review.generate_label_schemas(["gt", "gt_theirs", "gt_base"])
    assert {schema["type"] for schema in schemas.values()} == {"detections"}
    # The same one for everybody, as often as it is opened
    review.tag_samples("seen")
    assert fos.review_merge(plan.id).count_sample_tags()["seen"] == 3


def test_it_is_no_dataset_for_lists_and_for_snapshots(plan: fos.MergePlan) -> None:
    name = plan.review().name
    assert name not in fo.list_datasets()
    assert fo.load_dataset(name).persistent
    with pytest.raises(fos.NotVersionableError, match="review of a merge"):
        fos.create_snapshot(name, "v1")
    found = fos.locate(name)
    assert (found.dataset_name, found.snapshot, found.merge) == (STREET, None, plan.id)
    assert fos.locate(STREET).merge is None


def test_edits_by_hand_are_what_is_merged(plan: fos.MergePlan) -> None:
    review = plan.review()
    edit(review.name, 0, relabel(0, "lorry"))
    edit(review.name, 1, move(0, [0.3, 0.3, 0.3, 0.3]))
    # Ours had deleted it: here it is again, as neither side has it
    theirs = review.skip(2).first()["gt_theirs"].detections[0]
    theirs.label = "minibus"
    edit(review.name, 2, lambda s: s["gt"].detections.append(theirs))
    assert plan.use_edits().to_dict() == {"taken": 3, "not_taken": 0}
    left = fos.get_merge(plan.id)
    assert (left.total_conflicts, left.open_conflicts) == (4, 1)
    left.resolve({"resolved": False}, "theirs")
    fos.apply_merge(left)
    street = fo.load_dataset(STREET, reload=True)
    assert classes(street, "gt")[:3] == [["lorry", "bus"], ["car", "coach"], ["bus", "minibus"]]
    assert classes(street, "gt")[4] == ["bike", "bus"]
    assert street.skip(1).first()["gt"].detections[0].bounding_box == [0.3, 0.3, 0.3, 0.3]


def test_edits_of_what_is_not_in_conflict_are_told(plan: fos.MergePlan) -> None:
    review = plan.review()
    edit(review.name, 0, relabel(1, "ferry"))
    edit(review.name, 1, lambda s: s["gt"].detections.pop(0))
    assert plan.use_edits().to_dict() == {"taken": 0, "not_taken": 2}
    assert fos.get_merge(plan.id).open_conflicts == 4


def test_a_deletion_by_hand_decides_what_only_one_side_deleted(plan: fos.MergePlan) -> None:
    fos.discard_merge(plan)
    other = fos.plan_merge(STREET, NIGHT, progress=False)
    review = other.review()
    assert review.name.startswith(f"{NIGHT}.merge-")
    edit(review.name, 2, lambda s: s["gt"].detections.pop(0))
    assert other.use_edits().taken == 1
    (decided,) = other.conflicts(kind="label_deleted_modified")
    assert (decided.resolution, decided.value) == ("value", None)


def test_scalars_replaced_lists_and_single_labels_are_edited_as_well() -> None:
    street = image_dataset(STREET, 3, persistent=True)
    street.set_values("gt", [labels("car", "bus") for _ in range(3)])
    street.set_values("score", [1, 2, 3])
    fos.create_branch(STREET, "night")
    edit(STREET, 0, lambda s: s.set_field("score", 10))
    edit(NIGHT, 0, lambda s: s.set_field("score", 20))
    edit(STREET, 1, lambda s: s.set_field("gt", labels("new")))
    edit(NIGHT, 1, relabel(0, "van"))
    edit(STREET, 2, lambda s: s["weather"].set_field("label", "fog"))
    edit(NIGHT, 2, lambda s: s["weather"].set_field("label", "snow"))
    plan = fos.plan_merge(NIGHT, progress=False)
    review = plan.review()
    assert review.values("score_theirs")[0] == 20
    edit(review.name, 0, lambda s: s.set_field("score", 15))
    edit(review.name, 1, lambda s: s["gt"].detections.append(labels("more").detections[0]))
    edit(review.name, 2, lambda s: s["weather"].set_field("label", "hail"))
    assert plan.use_edits().to_dict() == {"taken": 3, "not_taken": 0}
    fos.apply_merge(plan)
    street.reload()
    assert street.values("score") == [15, 2, 3]
    assert classes(street, "gt")[1] == ["new", "more"]
    assert street.values("weather.label")[2] == "hail"


def test_frames_are_shown_and_edited() -> None:
    video = video_dataset("clips", 2, persistent=True)
    frame = video.first().frames[1]
    frame["gt"] = labels("car")
    frame.save()
    fos.create_branch("clips", "night")
    for name, label in (("clips", "truck"), ("clips.night", "van")):
        frame = fo.load_dataset(name, reload=True).first().frames[1]
        frame["gt"].detections[0].label = label
        frame.save()
    plan = fos.plan_merge("clips.night", progress=False)
    review = plan.review()
    assert len(review) == 1
    shown = review.first().frames[1]
    assert [shown[name].detections[0].label for name in ("gt", "gt_theirs", "gt_base")] == [
        "truck",
        "van",
        "car",
    ]
    assert len(review.first().frames) == len(video.first().frames)
    shown["gt"].detections[0].label = "lorry"
    shown.save()
    assert plan.use_edits().taken == 1
    fos.apply_merge(plan)
    merged = fo.load_dataset("clips", reload=True).first().frames[1]
    assert merged["gt"].detections[0].label == "lorry"


def test_a_field_that_has_the_name_already_is_left_alone(plan: fos.MergePlan) -> None:
    street = fo.load_dataset(STREET)
    street.set_values("gt_theirs", ["mine"] * 6)
    review = fos.plan_merge(NIGHT, progress=False).review()
    assert review.values("gt_theirs") == ["mine"] * 3
    assert classes(review, "gt_theirs_2")[0] == ["van", "bus"]


def gone(plan: fos.MergePlan, database: Database[Document]) -> bool:
    found = [name for name in database.list_collection_names() if plan.id in name]
    return not found and not any(
        plan.id[-6:] in name for name in database["datasets"].distinct("name")
    )


@pytest.mark.parametrize("end", ["apply", "discard", "plan again", "delete the target"])
def test_it_goes_with_its_plan(
    plan: fos.MergePlan, database: Database[Document], end: str
) -> None:
    review = plan.review()
    review.save_view("first", review.limit(1))
    if end == "apply":
        plan.resolve(None, "ours")
        fos.apply_merge(plan)
    elif end == "discard":
        fos.discard_merge(plan)
    elif end == "plan again":
        fos.plan_merge(NIGHT, progress=False)
    else:
        fo.delete_dataset(STREET)
        fos.recover()
    assert gone(plan, database)
    assert not database["views"].count_documents({"name": "first"})
    with pytest.raises(fos.SnapshotError):
        fos.review_merge(plan)


def test_one_that_nobody_needs_is_found_and_removed(
    plan: fos.MergePlan, database: Database[Document]
) -> None:
    plan.review()
    fo.delete_dataset(NIGHT)
    told = [each for each in fos.diagnose().problems if "reviews of merges" in each.message]
    assert len(told) == 1
    fos.recover()
    assert gone(plan, database)
    assert not reviews.leftovers(database)


def test_fiftyones_clean_up_takes_one_away_and_it_is_made_again(plan: fos.MergePlan) -> None:
    fo.delete_dataset(plan.review().name)
    assert len(plan.review()) == 3


def test_purging_takes_it_away(plan: fos.MergePlan, database: Database[Document]) -> None:
    plan.review()
    fos.purge(dry_run=False)
    assert gone(plan, database)


def test_there_is_none_without_conflicts() -> None:
    image_dataset(STREET, 2, persistent=True)
    fos.create_branch(STREET, "night")
    found = fos.plan_merge(NIGHT, progress=False)
    with pytest.raises(fos.InvalidRequestError, match="No sample is in conflict"):
        found.review()
    with pytest.raises(fos.InvalidRequestError, match="is not open"):
        found.use_edits()
