"""Histories in a remote: pushed and pulled by servers that know nothing of each other."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.remote import manifest, sending
from fiftyone_snapshots.backend.remote.manifest import StoredManifest
from support.command_line import in_this_process
from support.crash import killed_at, points_of
from support.datasets import grouped_dataset, image_dataset, video_dataset
from support.full import Document, digest
from support.invariants import assert_sound

_ID_OF_OURS = r'("id": \{\s*"\$oid": ")[0-9a-f]{24}(?="\s*\},\s*"name": "ours")'

DATASETS = {
    "image": lambda: image_dataset("d", 6, persistent=True),
    "video": lambda: video_dataset("d", 2, 3, persistent=True),
    "grouped": lambda: grouped_dataset("d", 3, persistent=True),
}


def _without_names(found: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in found.items() if key != "dataset"}


@pytest.mark.parametrize(
    ("kind", "backend"), [("image", "duplication"), ("video", "delta"), ("grouped", "delta")]
)
def test_a_history_starts_a_new_dataset(
    kind: str,
    backend: str,
    remote: Path,
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    dataset = DATASETS[kind]()
    fos.create_snapshot(dataset, "v1", "first", tags=["gold"])
    states = {"v1": digest(database, dataset._doc.id)}
    for name in ("v2", "v3"):
        sample = dataset.first()
        sample["note"] = name
        sample.save()
        dataset.delete_samples([dataset.last().id])
        fos.create_snapshot(dataset, name)
        states[name] = digest(database, dataset._doc.id)
    fos.pin_snapshot(dataset, "v2")
    id_ = dataset._doc.id

    told = fos.push("d", remote)
    assert told.snapshots == ["v1", "v2", "v3"]
    again = fos.push("d", remote)
    assert (again.snapshots, again.already_there, again.size_bytes) == ([], 3, 0)
    fo.delete_dataset("d")
    assert not database["snapshots.catalog"].count_documents({})

    fos.clone_from(remote, "d")
    snapshots = [fos.get_snapshot_info("d", name) for name in fos.list_snapshots("d")]
    assert [each.name for each in snapshots] == ["v1", "v2", "v3"]
    assert [each.is_pinned for each in snapshots] == [False, True, False]
    assert (snapshots[0].description, snapshots[0].tags) == ("first", ("gold",))
    back = fo.load_dataset("d")
    assert back._doc.id == id_
    for name, state in reversed(states.items()):
        fos.revert_dataset_to_snapshot("d", name)
        assert _without_names(digest(database, id_)) == _without_names(state)
    assert_sound(database)


def _made(count: int = 6) -> fo.Dataset:
    dataset = image_dataset("d", count, persistent=True)
    fos.create_snapshot(dataset, "v1")
    return dataset


def _edited(dataset: fo.Dataset, name: str) -> None:
    sample = dataset.first()
    sample["note"] = name
    sample.save()
    fos.create_snapshot(dataset, name)


def _files(remote: Path) -> dict[str, bytes]:
    found = [path for path in remote.rglob("*") if path.is_file()]
    return {str(path.relative_to(remote)): path.read_bytes() for path in found}


def test_a_little_change_costs_little(remote: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (manifest, sending):
        monkeypatch.setattr(module, "WHOLE_EVERY", 3)
    dataset = image_dataset("d", 400, persistent=True)
    fos.create_snapshot(dataset, "v1")
    first = fos.push("d", remote)
    for number in range(4):
        _edited(dataset, f"more {number}")
    assert len(fos.push("d", remote, dry_run=True).snapshots) == 4
    pushed = fos.push("d", remote)
    assert pushed.size_bytes < first.size_bytes
    depths = sorted(
        StoredManifest.from_bytes(path.read_bytes(), "").depth
        for path in remote.rglob("manifests/*")
    )
    assert depths == [0, 0, 1, 1, 2]
    assert fos.verify_remote(remote).is_ok
    fo.delete_dataset("d")
    fos.clone_from(remote, "d")
    assert all(fos.verify_all())


def test_what_is_there_is_not_overwritten(remote: Path) -> None:
    dataset = _made()
    fos.push(dataset, remote)
    _edited(dataset, "v2")
    before = _files(remote)
    fos.delete_snapshot("d", "v1")
    fos.create_snapshot(dataset, "v1")
    with pytest.raises(fos.RemoteConflictError, match="'v1'"):
        fos.push(dataset, remote)
    assert _files(remote) == before
    fos.empty_trash("d")
    with pytest.raises(fos.RemoteConflictError, match="'v1'"):
        fos.pull(remote, dataset)


def test_names_choose_what_travels(remote: Path) -> None:
    dataset = _made()
    _edited(dataset, "v2")
    _edited(dataset, "v3")
    assert fos.push(dataset, remote, names=["v1", "v3"]).snapshots == ["v1", "v3"]
    assert [each.name for each in fos.list_remote(remote)] == ["v1", "v3"]
    with pytest.raises(fos.SnapshotNotFoundError, match="v9"):
        fos.push(dataset, remote, names=["v9"])
    fo.delete_dataset("d")
    told = fos.clone_from(remote, "d", "copy", dry_run=True)
    assert (told.snapshots, told.dataset_name) == (["v1", "v3"], "copy")
    assert not fo.dataset_exists("copy")
    assert fos.clone_from(remote, "d", "copy", names=["v1"]).dataset_name == "copy"
    assert fos.list_snapshots("copy") == ["v1"]
    assert fos.pull(remote, "copy").snapshots == ["v3"]
    assert fos.list_snapshots("copy") == ["v1", "v3"]


def test_a_remote_that_lies_is_not_believed(remote: Path, database: Database[Document]) -> None:
    dataset = _made()
    _edited(dataset, "v2")
    fos.push(dataset, remote)
    fo.delete_dataset("d")
    whole = _files(remote)

    def is_refused(key: str) -> None:
        assert not fos.verify_remote(remote).is_ok, key
        # In the newest snapshot, or in one before it
        with pytest.raises((fos.DamagedSnapshotError, fos.SnapshotNotFoundError)):
            fos.clone_from(remote, "d")
        if fo.dataset_exists("d"):
            assert fos.list_snapshots("d") == ["v2"]
            fo.delete_dataset("d")

    for key in sorted(set(whole) - {"remote.json"}):
        path = remote / key
        path.write_bytes(whole[key][:-9] + b"\0" + whole[key][-8:])
        is_refused(key)
        path.unlink()
        if "snapshots/" not in key:
            is_refused(key)
        path.write_bytes(whole[key])
    assert not database["snapshots.catalog"].count_documents({})
    other = image_dataset("other", 2, persistent=True)
    fos.create_snapshot(other, "v1")
    # Under the id of something else here, and under the name of another dataset
    folder = next(each for each in remote.iterdir() if each.is_dir())
    moved = remote / str(other._doc.id)
    folder.rename(moved)
    with pytest.raises(fos.DamagedRemoteError, match="another dataset"):
        fos.pull(remote, "other")
    text = "".join(path.read_text() for path in sorted((moved / "snapshots").iterdir())[:1])
    commit = next((moved / "snapshots").iterdir())
    commit.write_text(text.replace(folder.name, moved.name))
    with pytest.raises(fos.SnapshotError):
        fos.pull(remote, "other")
    assert fos.list_snapshots("other") == ["v1"]
    assert_sound(database)


def test_a_push_that_is_killed_anywhere_is_repeated(
    remote: Path, database: Database[Document]
) -> None:
    dataset = _made()
    fos.push(dataset, remote)
    _edited(dataset, "v2")
    _edited(dataset, "v3")
    before = {path: path.read_bytes() for path in remote.rglob("*") if path.is_file()}
    points = points_of(lambda: fos.push("d", remote))
    # Each snapshot passes the same ones
    points = list(dict.fromkeys(points))

    def set_back() -> None:
        for path in remote.rglob("*"):
            if path.is_file() and path not in before:
                path.unlink()

    assert len(points) > 5
    for point in points:
        set_back()
        assert killed_at(point, lambda: fos.push("d", remote))
        there = [each.name for each in fos.list_remote(remote)]
        assert there == ["v1", "v2", "v3"][: len(there)]
        assert fos.verify_remote(remote).is_ok, point
        # Nothing that the next push will count on is collected
        fos.gc_remote(remote, older_than=timedelta(0), dry_run=False)
        assert fos.push("d", remote).snapshots == ["v1", "v2", "v3"][len(there) :]
        assert fos.verify_remote(remote).is_ok, point
        assert not list(remote.glob("*/pushing/*"))
    assert_sound(database)


def test_two_push_at_once(remote: Path) -> None:
    """Of one dataset, to one remote, as two servers do: the second comes in between."""
    dataset = _made()
    fos.push(dataset, remote)
    _edited(dataset, "ours")
    (folder,) = (each for each in remote.iterdir() if each.is_dir())
    commits = folder / "snapshots"

    def others_push() -> None:
        whole = (commits / "v1.json").read_text()
        theirs = whole.replace('"name": "v1"', '"name": "ours"')
        theirs = re.sub(_ID_OF_OURS, rf"\g<1>{'7' * 24}", theirs)
        (commits / "ours.json").write_text(theirs)

    with (
        faults.arm("push.committing_there", others_push),
        pytest.raises(fos.RemoteConflictError, match=r"'ours'.*Pull first"),
    ):
        fos.push(dataset, remote)
    assert [each.id for each in fos.list_remote(remote) if each.name == "ours"] == ["7" * 24]
    # What was sent before is there, so that it need not travel again under another name
    fos.edit_snapshot("d", "ours", new_name="mine")
    assert fos.push(dataset, remote).snapshots == ["mine"]
    assert len(fos.list_remote(remote)) == 3


def test_what_may_be_collected_is_not_counted_on(
    remote: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A segment that is there, but of no snapshot, is written again under another name."""
    dataset = _made()
    fos.push(dataset, remote)
    (folder,) = (each for each in remote.iterdir() if each.is_dir())
    for kind in ("snapshots", "manifests"):
        for path in (folder / kind).iterdir():
            path.unlink()
    left = set((folder / "segments").iterdir())
    collected = fos.gc_remote(remote, older_than=timedelta(0))
    assert collected.objects == len(left)
    fos.push(dataset, remote)
    # As a collection does that began before the push
    for path in left:
        path.unlink()
    assert fos.verify_remote(remote).is_ok
    fo.delete_dataset("d")
    fos.clone_from(remote, "d")
    assert all(fos.verify_all())


def test_archived_snapshots_are_pushed_too(
    remote: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Database[Document]
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    dataset = _made()
    before = digest(database, dataset._doc.id)
    _edited(dataset, "v2")
    for name in ("v1", "v2"):
        fos.archive_snapshot("d", name)
    fos.push(dataset, remote)
    id_ = dataset._doc.id
    fo.delete_dataset("d")
    fos.clone_from(remote, "d")
    fos.revert_dataset_to_snapshot("d", "v1")
    assert _without_names(digest(database, id_)) == _without_names(before)
    assert all(fos.verify_all())


def test_natural_order_comes_along(remote: Path, database: Database[Document]) -> None:
    """Also where documents do not lie in the order of their ids."""
    dataset = _made()
    samples = dataset._sample_collection
    first = samples.find_one()
    assert first is not None
    samples.delete_one({"_id": first["_id"]})
    samples.insert_one(first)
    fos.create_snapshot(dataset, "v2")
    order = [each["_id"] for each in samples.find()]
    fos.push(dataset, remote)
    fo.delete_dataset("d")
    fos.clone_from(remote, "d")
    back = fo.load_dataset("d")._sample_collection
    assert [each["_id"] for each in back.find()] == order


def test_the_command_line_tells_what_travels(
    remote: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run = in_this_process(capsys)
    dataset = _made()
    assert "Would push v1 (at most" in run("remote", "push", "d", str(remote), "--dry-run").out
    assert not list(remote.iterdir())
    assert run("remote", "push", "d", str(remote)).out.startswith("Pushed v1 (")
    assert run("remote", "push", "d", str(remote)).out == "Nothing to do: all are there\n"
    assert run("remote", "list", str(remote), "--json").json[0]["name"] == "v1"
    assert run("remote", "verify", str(remote)).code == 0
    assert "Would remove 0 objects" in run("remote", "gc", str(remote), "--dry-run").out
    assert run("remote", "gc", str(remote), "--yes").code == 0
    _edited(dataset, "v2")
    fos.push(dataset, remote)
    fos.delete_snapshot("d", "v2")
    fos.empty_trash("d")
    assert run("remote", "pull", "d", str(remote), "--dry-run").out.startswith("Would pull v2 (")
    assert run("remote", "pull", "d", str(remote)).out.startswith("Pulled v2 (")
    fo.delete_dataset("d")
    assert "dataset 'e'" in run("remote", "clone", str(remote), "d", "--name", "e").out
    assert fos.list_snapshots("e") == ["v1", "v2"]
    (segment, *_) = sorted(remote.glob("*/segments/*"))
    segment.write_bytes(b"")
    assert run("remote", "verify", str(remote)).code == 3
