"""What was discarded can be brought back, exactly, until it has expired."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.datasets import image_dataset, video_dataset
from support.full import Document, digest
from support.invariants import World, assert_no_debris, assert_sound
from support.stories import STORIES
from support.story import NAME, make


def head(database: Database[Document], name: str = NAME) -> object:
    """Returns everything that belongs to the dataset."""
    return World.now(database, name).head


def age(database: Database[Document], days: float) -> None:
    """Makes all that is in the trash older."""
    then = datetime.now(timezone.utc) - timedelta(days=days)
    database["snapshots.trash"].update_many({}, {"$set": {"trashed_at": then}})
    database["snapshots.catalog"].update_many({"live": False}, {"$set": {"trashed_at": then}})


def kinds(name: str | None = NAME) -> list[str]:
    """Returns what is listed as in the trash."""
    return [f"{item.kind.value} {item.name}" for item in fos.list_trash(name)]


def test_trash_is_listed_with_sizes_and_expiry() -> None:
    make("video", STORIES["revert"])
    fos.revert_dataset_to_snapshot(NAME, "v1")
    items = fos.list_trash(NAME)
    assert sorted(kinds()) == ["head v1", "snapshot v2"]
    assert all(item.size_bytes > 1000 for item in items)
    assert all(item.expires_at - item.trashed_at == timedelta(days=7) for item in items)
    assert kinds(None) == kinds()


def test_trash_does_not_count_against_the_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    image_dataset(NAME, 2, persistent=True)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_PER_DATASET", "1")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_IN_DB", "1")
    for number in range(3):
        fos.create_snapshot(NAME, f"v{number}")
        with pytest.raises(fos.LimitExceededError):
            fos.create_snapshot(NAME, "one too many")
        fos.delete_snapshot(NAME, f"v{number}")
    assert len(fos.list_trash(NAME)) == 3


@pytest.mark.parametrize(
    ("days", "setting", "expired"),
    [(6.9, None, False), (7.1, None, True), (1.1, "1", True), (0.9, "1", False), (0.0, "0", True)],
)
def test_trash_expires_at_the_next_change_of_any_dataset(
    days: float,
    setting: str | None,
    expired: bool,
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    make("video", STORIES["revert"])
    image_dataset("another", 1, persistent=True)
    fos.revert_dataset_to_snapshot(NAME, "v1")
    age(database, days)
    if setting is not None:
        monkeypatch.setenv("FIFTYONE_SNAPSHOTS_TRASH_DAYS", setting)
    fos.create_snapshot("another", "v1")
    assert bool(kinds()) is not expired
    assert_sound(database)
    if expired:
        with pytest.raises(fos.NothingToUndoError):
            fos.undo_revert(NAME)
        with pytest.raises(fos.NothingToUndoError):
            fos.restore_snapshot(NAME, "v2")
    else:
        fos.undo_revert(NAME)


def test_no_trash_if_it_is_turned_off(
    database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_TRASH_DAYS", "0")
    make("video", STORIES["revert"])
    fos.revert_dataset_to_snapshot(NAME, "v1")
    assert kinds() == []
    assert not [name for name in database.list_collection_names() if ".trashed." in name]
    fos.delete_snapshot(NAME, "v1")
    assert kinds() == []
    assert_sound(database)


def test_undo_can_be_undone_and_that_as_well(database: Database[Document]) -> None:
    make("video", STORIES["revert"])
    edited = World.now(database, NAME)
    fos.revert_dataset_to_snapshot(NAME, "v1")
    reverted = World.now(database, NAME)
    for _ in range(2):
        fos.undo_revert(NAME)
        found = World.now(database, NAME)
        assert (found.head, found.snapshots) == (edited.head, edited.snapshots)
        fos.undo_revert(NAME)
        assert World.now(database, NAME) == reverted
    assert_sound(database)


def test_reverts_are_undone_one_after_the_other_backwards(database: Database[Document]) -> None:
    dataset = image_dataset(NAME, 3, persistent=True)
    fos.create_snapshot(NAME, "v1")
    dataset.tag_samples("two")
    fos.create_snapshot(NAME, "v2")
    dataset.tag_samples("three")
    fos.revert_dataset_to_snapshot(NAME, "v2")
    fos.revert_dataset_to_snapshot(NAME, "v1")
    assert kinds() == ["head v2", "head v1", "snapshot v2"]
    fos.undo_revert(NAME)
    assert "two" in dataset.distinct("tags")
    assert "three" not in dataset.distinct("tags")
    assert fos.list_snapshots(NAME) == ["v1", "v2"]


def test_undo_is_refused_if_a_name_was_taken_since(database: Database[Document]) -> None:
    make("image", STORIES["revert"])
    edited = head(database)
    fos.revert_dataset_to_snapshot(NAME, "v1")
    fos.create_snapshot(NAME, "V2")
    before = World.now(database, NAME)
    with pytest.raises(fos.DuplicateNameError, match="'V2'"):
        fos.undo_revert(NAME)
    with pytest.raises(fos.DuplicateNameError, match="cannot come back"):
        fos.undo_revert(NAME, dry_run=True)
    assert World.now(database, NAME) == before
    assert_sound(database)
    fos.edit_snapshot(NAME, "V2", new_name="other")
    fos.undo_revert(NAME)
    assert head(database) == edited
    assert fos.list_snapshots(NAME) == ["v1", "v2", "other"]


def test_undo_after_the_dataset_was_renamed(database: Database[Document]) -> None:
    dataset = make("video", STORIES["revert"])
    fos.revert_dataset_to_snapshot(NAME, "v1")
    dataset.name = "renamed"
    fos.undo_revert("renamed")
    assert "größe_zwei" in fo.load_dataset("renamed").get_field_schema()
    assert not fo.dataset_exists(NAME)
    assert_sound(database)


def test_what_was_known_of_changes_comes_back_as_well() -> None:
    dataset = make("image", STORIES["revert"])
    dataset.tag_samples("again")
    known = fos.calculate_dataset_latest_changes_summary(NAME)
    assert known.has_changes
    fos.revert_dataset_to_snapshot(NAME, "v1")
    summary = fos.get_dataset_latest_changes_summary(NAME)
    assert summary is not None
    assert not summary.has_changes
    fos.undo_revert(NAME)
    assert fos.get_dataset_latest_changes_summary(NAME) == known


def test_indexes_are_those_of_the_state(database: Database[Document]) -> None:
    dataset = image_dataset(NAME, 5, persistent=True)
    dataset.create_index("größe", unique=True)
    dataset.create_index([("weather.label", 1), ("größe", -1)], name="compound")
    fos.create_snapshot(NAME, "v1")
    then = head(database)
    for name in ("größe", "compound"):
        dataset.drop_index(name)
    dataset.add_sample(fo.Sample("/media/twice.jpg", größe=0.0))
    dataset.create_index("tags", name="späterer")
    now = head(database)
    assert then != now
    fos.revert_dataset_to_snapshot(NAME, "v1")
    assert head(database) == then
    fos.undo_revert(NAME)
    assert head(database) == now


def test_frames_that_were_added_since_go_and_come_back(database: Database[Document]) -> None:
    dataset = fo.Dataset(NAME, persistent=True)
    fos.create_snapshot(NAME, "v1")
    then = head(database)
    sample = fo.Sample("/media/video.mp4")
    sample.frames[1] = fo.Frame(note="new")
    dataset.add_sample(sample)
    now = head(database)
    fos.revert_dataset_to_snapshot(NAME, "v1")
    assert head(database) == then
    assert not dataset._has_frame_fields()
    fos.undo_revert(NAME)
    assert head(database) == now
    assert_sound(database)


def test_a_dataset_is_deleted_with_its_trash_and_former_names(
    database: Database[Document],
) -> None:
    dataset = make("video", STORIES["revert"])
    fos.revert_dataset_to_snapshot(NAME, "v1")
    fos.load_snapshot(NAME, "v1")
    dataset.delete()
    assert_no_debris(database)
    assert fos.list_trash() == []
    left = [name for name in database.list_collection_names() if "." in name]
    owned = ("samples.", "frames.", "snapshots.masters", "snapshots.delta.", "snapshots.trashed")
    assert not [name for name in left if name.startswith(owned)]


def test_a_dataset_deleted_by_others_takes_its_trash_with_it_at_the_next_change(
    database: Database[Document],
) -> None:
    dataset = make("video", STORIES["revert"])
    fos.revert_dataset_to_snapshot(NAME, "v1")
    others = video_dataset("another", 1, 1, persistent=True)
    fos.create_snapshot("another", "v1")
    before = digest(database, others._doc.id)
    document = database["datasets"].find_one_and_delete({"name": NAME})
    assert document is not None
    for key in ("sample_collection_name", "frame_collection_name"):
        database.drop_collection(document[key])
    for name in ("views", "workspaces", "runs"):
        database[name].delete_many({"_dataset_id": dataset._doc.id})
    database["fs.files"].delete_many({})
    database["fs.chunks"].delete_many({})
    database["execution_store"].delete_many({"dataset_id": dataset._doc.id})
    fos.tag_snapshot("another", "v1", "new")
    assert fos.list_trash() == []
    assert digest(database, others._doc.id) == before
    assert_sound(database)


def test_records_of_a_newer_version_stop_only_their_own_dataset(
    database: Database[Document],
) -> None:
    make("image", STORIES["revert"])
    fos.revert_dataset_to_snapshot(NAME, "v1")
    image_dataset("another", 1, persistent=True)
    database["snapshots.trash"].update_one({}, {"$set": {"format": 99}})
    age(database, 30)
    fos.create_snapshot("another", "v1")
    assert fos.list_snapshots("another") == ["v1"]
    with pytest.raises(fos.NewerFormatError):
        fos.undo_revert(NAME)
    with pytest.raises(fos.NewerFormatError):
        fos.recover()
    assert database["snapshots.trash"].count_documents({}) == 1


def test_an_operation_of_a_newer_version_is_left_alone(database: Database[Document]) -> None:
    dataset = image_dataset(NAME, 1, persistent=True)
    entry = {"dataset_id": dataset._doc.id, "verb": "teleport", "state": "running", "format": 1}
    database["snapshots.journal"].insert_one(dict(entry))
    with pytest.raises(fos.NewerFormatError, match="teleport"):
        fos.create_snapshot(NAME, "v1")
    assert database["snapshots.journal"].count_documents(entry) == 1


def test_strays_of_a_server_that_finished_a_copy_too_late_are_found(
    database: Database[Document],
) -> None:
    image_dataset(NAME, 2, persistent=True)
    fos.create_snapshot(NAME, "v1")
    stray = "snapshots.masters.0123456789abcdef01234567.samples"
    database[stray].insert_one({})
    database["snapshots.manifests"].insert_one({"snapshot_id": 1, "part": "samples", "number": 0})
    assert fos.recover().stray_collections == 1
    assert_sound(database)
