"""Files and places in groups that both sides want for different samples."""

from __future__ import annotations

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from support.datasets import image_dataset, video_dataset
from support.street import NIGHT, STREET, plan


def groups() -> dict[str, str]:
    """Makes groups 0 and 1, each of which has a left sample, and one more that has a right one."""
    street = fo.Dataset(STREET, persistent=True)
    street.add_group_field("group", default="left")
    made = [fo.Group(), fo.Group(), fo.Group()]
    places = (made[0], "left"), (made[1], "left"), (made[2], "right")
    street.add_samples(
        [fo.Sample(f"/media/{n}.jpg", group=g.element(name)) for n, (g, name) in enumerate(places)]
    )
    fos.create_branch(STREET, "night")
    return {"group": made[0].id}


def samples(name: str) -> dict[str, fo.Sample]:
    whole = fo.load_dataset(name, reload=True).select_group_slices(_allow_mixed=True)
    return {sample.filename: sample for sample in whole}


def put(name: str, file: str, group: str) -> None:
    """Puts a sample into the right slice of a group; one that is not there is added."""
    place = fo.Group(id=group).element("right")
    found = samples(name).get(file)
    if found is None:
        fo.load_dataset(name).add_sample(fo.Sample(f"/media/{file}", group=place))
    else:
        found["group"] = place
        found.save()


@pytest.mark.parametrize("take", ["ours", "theirs"])
@pytest.mark.parametrize(
    ("ours", "theirs"), [("1.jpg", "2.jpg"), ("9.jpg", "2.jpg"), ("1.jpg", "9.jpg")]
)
def test_a_slice_into_which_both_have_put_a_sample(ours: str, theirs: str, take: str) -> None:
    group = groups()["group"]
    before = {name: (s.group.id, s.group.name) for name, s in samples(STREET).items()}
    put(STREET, ours, group)
    put(NIGHT, theirs, group)
    fo.load_dataset(NIGHT).first().save()
    found = plan()
    assert [(c.kind, c.total) for c in found.counts] == [("group_slot", 1)]
    with pytest.raises(fos.ConflictsRemainError):
        fos.apply_merge(found)
    found.resolve(None, take)
    fos.apply_merge(found)
    wanted, other = (ours, theirs) if take == "ours" else (theirs, ours)
    after = {name: (s.group.id, s.group.name) for name, s in samples(STREET).items()}
    expected = {**before, wanted: (group, "right")}
    assert after == expected
    assert other not in after or other in before
    again = plan()
    assert (again.total_conflicts, again.changes.samples_changed) == (0, 0)


@pytest.mark.parametrize("is_ours", [True, False])
def test_a_file_that_one_side_has_moved_to_and_the_other_one_added(is_ours: bool) -> None:
    image_dataset(STREET, 2, persistent=True)
    fos.create_branch(STREET, "night")
    mover, adder = (STREET, NIGHT) if is_ours else (NIGHT, STREET)
    sample = fo.load_dataset(mover).first()
    sample.filepath = "/media/new.jpg"
    sample.save()
    fo.load_dataset(adder).add_sample(fo.Sample("/media/new.jpg"))
    found = plan()
    side = "target" if is_ours else "branch"
    assert [note for note in found.notes if note.startswith(f"The {side} gave 1 of the samples")]
    fos.apply_merge(found)
    assert fo.load_dataset(STREET, reload=True).values("filepath").count("/media/new.jpg") == 2


@pytest.mark.parametrize("sides", [(STREET, NIGHT), (NIGHT,)])
def test_two_samples_of_a_file_do_not_both_stay_under_a_unique_index(
    sides: tuple[str, ...],
) -> None:
    image_dataset(STREET, 2, persistent=True)
    fos.create_branch(STREET, "night")
    for name in (STREET, NIGHT):
        dataset = fo.load_dataset(name)
        dataset.add_sample(fo.Sample("/media/new.jpg", tags=[name]))
        if name in sides:
            dataset.create_index("filepath", unique=True)
    found = plan()
    with pytest.raises(fos.InvalidRequestError, match="cannot both stay"):
        found.resolve("same_media", "both")
    assert fos.get_merge(found.id).open_conflicts == 1
    assert found.resolve("same_media", "combine") == 1
    fos.apply_merge(found)
    assert fo.load_dataset(STREET, reload=True).last().tags == [STREET, NIGHT]


@pytest.mark.parametrize("is_new", [True, False])
def test_two_frames_with_the_same_value_under_a_unique_index(is_new: bool) -> None:
    street = video_dataset(STREET, 2, 2, persistent=True)
    # MongoDB takes none for a value
    for sample in street:
        for frame in sample.frames.values():
            frame["code"] = f"{sample.filename} {frame.frame_number}"
        sample.save()
    fos.create_branch(STREET, "night")
    for number, name in enumerate((STREET, NIGHT)):
        dataset = fo.load_dataset(name)
        sample = dataset.skip(number).first()
        sample.frames[1]["code"] = "same"
        sample.save()
        if is_new is (name == NIGHT):
            dataset.create_index("frames.code", unique=True)
    found = plan()
    assert [(c.kind, c.field, c.total) for c in found.counts] == [
        ("unique_index", "frames.code_1", 1)
    ]
    with pytest.raises(fos.ConflictsRemainError):
        fos.apply_merge(found)
    assert fo.load_dataset(STREET, reload=True).values("frames.code")[0][0] == "same"


def test_saved_views_that_read_the_same_in_an_address() -> None:
    street = image_dataset(STREET, 3, persistent=True)
    fos.create_branch(STREET, "night")
    street.save_view("My view", street.limit(1))
    night = fo.load_dataset(NIGHT)
    night.save_view("my-view", night.limit(2))
    found = plan()
    assert found.notes == ("The saved view 'my-view' of the branch comes as 'my-view (night)'",)
    fos.apply_merge(found)
    merged = fo.load_dataset(STREET, reload=True)
    assert {name: len(merged.load_saved_view(name)) for name in merged.list_saved_views()} == {
        "My view": 1,
        "my-view (night)": 2,
    }
    assert len(merged.load_saved_view("My view")) == 1
    with pytest.raises(ValueError, match="in use"):
        merged.save_view("my view", merged.limit(2))
