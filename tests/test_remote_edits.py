"""What travels besides documents: media, merges, and what is edited of a snapshot later."""

from __future__ import annotations

import json
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.remote import edits
from fiftyone_snapshots.backend.remote.layout import Said
from fiftyone_snapshots.backend.remote.store import open_store
from support.crash import killed_at
from support.datasets import image_dataset
from support.full import Document
from support.invariants import assert_sound


@pytest.fixture
def dataset() -> fo.Dataset:
    made = image_dataset("d", 6, persistent=True)
    fos.create_snapshot(made, "v1", "first", tags=["gold"])
    return made


def _edited(dataset: fo.Dataset, name: str) -> None:
    dataset.limit(1).tag_samples(name)
    fos.create_snapshot(dataset, name)


def test_what_was_captured_of_the_media_comes_along(
    remote: Path, tmp_path: Path, database: Database[Document]
) -> None:
    files = [tmp_path / f"{number}.jpg" for number in range(3)]
    for file in files:
        file.write_bytes(file.name.encode())
    dataset = fo.Dataset("d", persistent=True)
    dataset.add_samples([fo.Sample(filepath=str(file)) for file in files])
    fos.create_snapshot(dataset, "v1", media="hash")
    fos.create_snapshot(dataset, "v2")
    before = fos.get_captured_media("d", "v1")
    assert before is not None
    fos.push("d", remote)
    (note,) = remote.glob("*/notes/*")
    assert not fos.gc_remote(remote, older_than=timedelta(0)).objects
    fo.delete_dataset("d")
    fos.clone_from(remote, "d")
    after = fos.get_captured_media("d", "v1")
    assert after is not None
    assert (after.level, after.hashed, after.found) == (before.level, 3, 3)
    assert fos.get_captured_media("d", "v2") is None
    files[0].write_bytes(b"painted over")
    media = fos.diff("d", "v1", media=True).media
    assert media is not None
    assert media.replaced.total == 1
    # It is no more believed than anything else
    whole = note.read_bytes()
    fo.delete_dataset("d")
    for spoilt in (whole[:-9], None):
        note.unlink() if spoilt is None else note.write_bytes(spoilt)
        assert any("v1" in each for each in fos.verify_remote(remote).problems)
        with pytest.raises(fos.DamagedRemoteError):
            fos.clone_from(remote, "d", names=["v1"])
        assert not fo.dataset_exists("d")
    assert_sound(database)


def test_a_merge_is_told_elsewhere(
    remote: Path, dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_branch("d", "b")
    fo.load_dataset("d.b").limit(2).tag_samples("of the branch")
    dataset.skip(3).tag_samples("of the dataset")
    fos.apply_merge(fos.plan_merge("d.b"), "both")
    before = fos.get_snapshot_info("d", "both")
    assert before is not None
    assert before.merged_from is not None
    fos.push("d", remote)
    fo.delete_dataset("d.b")
    fo.delete_dataset("d")
    fos.clone_from(remote, "d")
    after = fos.get_snapshot_info("d", "both")
    assert after is not None
    assert after.merged_from == before.merged_from
    # What is no merge is refused, and more than is known of it is not
    (commit,) = remote.glob("*/snapshots/both.json")
    told = json.loads(commit.read_text())
    for change in ({"snapshot_id": "x"}, {"is_full": 3}, {"dataset_name": None}):
        spoilt = {**told, "merged_from": {**told["merged_from"], **change}}
        commit.write_text(json.dumps(spoilt))
        with pytest.raises(fos.DamagedRemoteError):
            fos.list_remote(remote)
    commit.write_text(json.dumps({**told, "merged_from": {**told["merged_from"], "later": 1}}))
    assert len(fos.list_remote(remote)) == len(fos.list_snapshots("d"))
    assert_sound(database)


def _info(name: str) -> tuple[str | None, tuple[str, ...], bool]:
    found = fos.get_snapshot_info("d", name)
    assert found is not None
    return found.description, found.tags, found.is_pinned


def _others(remote: Path, name: str, number: int, **says: object) -> None:
    """Edits a snapshot as another server does."""
    (commit,) = remote.glob(f"*/snapshots/{name}.json")
    told = json.loads(commit.read_text())
    folder = commit.parent.parent / "edits" / told["snapshot"]["snapshot"]["id"]["$oid"]
    folder.mkdir(parents=True, exist_ok=True)
    edit = {
        "format": told["format"],
        "version": 1,
        "snapshot": told["snapshot"]["snapshot"]["id"],
        "says": {"description": None, "tags": [], "pinned": False, **says},
        "pushed_by": "another",
        "later": "versions say more",
    }
    (folder / f"{number:08d}.json").write_text(json.dumps(edit))


def test_what_is_edited_later_travels(
    remote: Path, dataset: fo.Dataset, database: Database[Document]
) -> None:
    _edited(dataset, "v2")
    fos.push("d", remote)
    commits = {path: path.read_bytes() for path in remote.glob("*/snapshots/*")}
    fos.edit_snapshot("d", "v1", description="of gold")
    fos.tag_snapshot("d", "v1", "more")
    fos.pin_snapshot("d", "v1")
    told = fos.push("d", remote, dry_run=True)
    assert (told.edited, told.snapshots, list(remote.glob("*/edits/*/*"))) == (["v1"], [], [])
    assert fos.push("d", remote).edited == ["v1"]
    assert fos.push("d", remote).edited == []
    assert len(list(remote.glob("*/edits/*/*"))) == 1
    # A commit is never changed
    assert {path: path.read_bytes() for path in commits} == commits
    listed = {each.name: each for each in fos.list_remote(remote)}
    assert (listed["v1"].tags, listed["v1"].is_pinned) == (("gold", "more"), True)
    assert not fos.gc_remote(remote, older_than=timedelta(0)).objects
    fo.delete_dataset("d")
    fos.clone_from(remote, "d")
    assert _info("v1") == ("of gold", ("gold", "more"), True)
    assert (fos.push("d", remote).edited, fos.pull(remote, "d").edited) == ([], [])
    # What others edit comes here
    _others(remote, "v1", 2, description="theirs", tags=["silver"])
    assert fos.pull(remote, "d", dry_run=True).edited == ["v1"]
    assert _info("v1")[0] == "of gold"
    assert fos.push("d", remote).edited == []
    assert fos.pull(remote, "d").edited == ["v1"]
    assert _info("v1") == ("theirs", ("silver",), False)
    assert fos.pull(remote, "d").edited == []
    assert_sound(database)


def test_edits_go_on_travelling_both_ways(
    remote: Path, dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.push("d", remote)
    for number in (1, 3, 5):
        fos.edit_snapshot("d", "v1", description=f"ours {number}")
        assert fos.push("d", remote).edited == ["v1"]
        _others(remote, "v1", number + 1, description=f"theirs {number}")
        assert fos.push("d", remote).edited == []
        assert fos.pull(remote, "d").edited == ["v1"]
        assert _info("v1")[0] == f"theirs {number}"
    assert_sound(database)


def test_who_is_killed_when_a_snapshot_has_come_in_has_not_edited_it(
    remote: Path, dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.push("d", remote)
    _others(remote, "v1", 1, description="theirs")
    fo.delete_dataset("d")
    assert killed_at("import.committed", lambda: fos.clone_from(remote, "d"))
    _others(remote, "v1", 2, description="theirs again")
    assert fos.push("d", remote).edited == []
    assert fos.pull(remote, "d").edited == ["v1"]
    assert _info("v1")[0] == "theirs again"
    assert_sound(database)


def test_of_two_that_edit_the_same_the_last_one_to_push_is_right(
    remote: Path, dataset: fo.Dataset
) -> None:
    fos.push("d", remote)
    fos.edit_snapshot("d", "v1", description="ours")
    _others(remote, "v1", 1, description="theirs")
    assert fos.pull(remote, "d").edited == []
    assert _info("v1")[0] == "ours"
    assert fos.push("d", remote).edited == ["v1"]
    assert [each.description for each in fos.list_remote(remote)] == ["ours"]
    assert fos.push("d", remote).edited == []


def test_each_remote_is_told_of_an_edit(remote: Path, dataset: fo.Dataset) -> None:
    other = remote.parent / "other"
    other.mkdir()
    for each in (remote, other):
        fos.push("d", each)
    fos.edit_snapshot("d", "v1", description="edited")
    assert [fos.push("d", each).edited for each in (remote, other)] == [["v1"], ["v1"]]
    assert [fos.push("d", each).edited for each in (remote, other)] == [[], []]


@pytest.mark.parametrize(
    "says", [{"tags": "gold"}, {"tags": ["a" * 999]}, {"description": 3}, {"tags": [None]}]
)
def test_a_forged_edit_is_refused(
    says: dict[str, object], remote: Path, dataset: fo.Dataset
) -> None:
    fos.push("d", remote)
    _others(remote, "v1", 1, **says)
    with pytest.raises(fos.DamagedRemoteError):
        fos.pull(remote, "d")
    assert _info("v1") == ("first", ("gold",), False)
    # Nor is the edit of another snapshot taken for one of this, nor one after which none has room
    (edit,) = remote.glob("*/edits/*/*")
    _others(remote, "v1", 1, description="theirs")
    told = json.loads(edit.read_text())
    edit.write_text(json.dumps({**told, "snapshot": {"$oid": "0" * 24}}))
    with pytest.raises(fos.DamagedRemoteError, match=r"00000001\.json.*remove that file"):
        fos.pull(remote, "d")
    assert not fos.verify_remote(remote).is_ok
    edit.write_text(json.dumps(told))
    last = edit.rename(edit.with_name("99999999.json"))
    with pytest.raises(fos.DamagedRemoteError):
        fos.pull(remote, "d")
    last.rename(edit)
    # What is called otherwise is not looked at
    (edit,) = remote.glob("*/edits/*/*")
    edit.rename(edit.with_suffix(".json~"))
    assert fos.pull(remote, "d").edited == []


def test_what_is_seen_in_several_remotes_at_once_is_noted_of_each(
    tmp_path: Path, dataset: fo.Dataset, database: Database[Document]
) -> None:
    said = Said("seen", ("gold",), False)
    stores = []
    for number in range(16):
        (tmp_path / str(number)).mkdir()
        stores.append(open_store(str(tmp_path / str(number))))
    id_ = ObjectId(fos.get_snapshot_info("d", "v1").id)
    with ThreadPoolExecutor(len(stores)) as pool:
        list(pool.map(lambda store: edits.note(database, store, id_, said), stores))
    noted = database["snapshots.catalog"].find_one({"_id": id_})["shared"]
    assert list(noted.values()) == [said.to_document()] * len(stores)
