"""Pulling many snapshots at once: each segment is read once, each document written once."""

from __future__ import annotations

import errno
import io
import os
import tempfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.mongo.collections import DELTA
from fiftyone_snapshots.backend.remote import write
from fiftyone_snapshots.backend.remote.folder import FolderRemote
from support.crash import killed_at, points_of
from support.datasets import image_dataset, video_dataset
from support.full import Document, digest
from support.invariants import assert_sound

_COUNT = 40


@pytest.fixture(autouse=True)
def _small_segments(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(write, "SEGMENT_BYTES", 4096)


def _without_names(found: dict[str, object]) -> dict[str, object]:
    return {key: value for key, value in found.items() if key != "dataset"}


def _edit(dataset: fo.Dataset, number: int) -> None:
    """Changes, adds, removes and reorders a little; every third time, nothing."""
    if number % 3 == 2:
        return
    sample = dataset.skip(number).first()
    sample["note"] = f"edit {number}"
    sample.tags.append(f"t{number}")
    sample.save()
    ending = "mp4" if dataset.media_type == "video" else "jpg"
    dataset.add_sample(fo.Sample(filepath=f"/more/{number}.{ending}"))
    dataset.delete_samples([dataset.skip(5).first().id])
    if number % 4 == 1:
        samples = dataset._sample_collection
        moved = samples.find_one({"_id": dataset.skip(3).first()._id})
        assert moved is not None
        samples.delete_one({"_id": moved["_id"]})
        samples.insert_one(moved)
        dataset.save_view(f"view {number}", dataset.limit(number))
    if dataset.media_type == "video":
        sample = dataset.skip(1).first()
        sample.frames[1]["note"] = f"frame {number}"
        del sample.frames[2]
        sample.frames[number + 20] = fo.Frame()
        sample.save()


def _history(dataset: fo.Dataset, database: Database[Document], count: int) -> dict[str, object]:
    states: dict[str, object] = {}
    for number in range(count):
        if number:
            _edit(dataset, number)
        fos.create_snapshot(dataset, f"v{number}", f"the {number}th")
        states[f"v{number}"] = _without_names(digest(database, dataset._doc.id))
    return states


def _assert_states(database: Database[Document], states: dict[str, object]) -> None:
    id_ = fo.load_dataset("d")._doc.id
    assert all(fos.verify_all())
    for name, state in reversed(states.items()):
        fos.revert_dataset_to_snapshot("d", name)
        assert _without_names(digest(database, id_)) == state, name
    assert_sound(database)


KINDS: dict[str, Callable[[], fo.Dataset]] = {
    "image": lambda: image_dataset("d", _COUNT, persistent=True),
    "video": lambda: video_dataset("d", 12, 5, persistent=True),
}


@pytest.fixture
def reads(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    found: Counter[str] = Counter()
    find = FolderRemote.find

    def counted(self: FolderRemote, key: str) -> bytes | None:
        if "/segments/" in key or "/manifests/" in key:
            found[key] += 1
        return find(self, key)

    monkeypatch.setattr(FolderRemote, "find", counted)
    return found


@pytest.mark.parametrize("backend", ["delta", "duplication"])
@pytest.mark.parametrize("kind", KINDS)
def test_a_long_history_comes_in(
    kind: str,
    backend: str,
    remote: Path,
    reads: Counter[str],
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    dataset = KINDS[kind]()
    states = _history(dataset, database, 6)
    fos.push("d", remote)
    fo.delete_dataset("d")
    reads.clear()
    fos.clone_from(remote, "d")
    assert max(reads.values()) == 1, reads.most_common(3)
    infos = [fos.get_snapshot_info("d", name) for name in fos.list_snapshots("d")]
    assert [each.name for each in infos] == list(states)
    assert [each.description for each in infos] == [f"the {n}th" for n in range(6)]
    told = [each.linear_change_summary for each in infos[1:]]
    assert [each is not None and each.has_changes for each in told] == [
        number % 3 != 2 for number in range(1, 6)
    ]
    _assert_states(database, states)


@pytest.mark.parametrize("is_open", [False, True])
@pytest.mark.parametrize("backend", ["delta", "duplication"])
@pytest.mark.parametrize("kind", KINDS)
def test_what_is_newer_comes_in_as_what_differs(
    kind: str,
    backend: str,
    is_open: bool,
    remote: Path,
    reads: Counter[str],
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    dataset = KINDS[kind]()
    states = _history(dataset, database, 6)
    fos.push("d", remote)
    fo.delete_dataset("d")
    fos.clone_from(remote, "d", names=["v2"])
    kept = _without_names(digest(database, fo.load_dataset("d")._doc.id))
    if is_open:
        opened = fos.load_snapshot("d", "v2")
        before = [sample.to_dict() for sample in opened]
    whole = {key for key in reads if "/segments/" in key}
    reads.clear()
    # Older ones as well
    told = fos.pull(remote, "d", dry_run=True)
    again = {key for key in reads if "/segments/" in key}
    assert (told.snapshots, again) == (["v0", "v1", "v3", "v4", "v5"], set())
    reads.clear()
    assert fos.pull(remote, "d").snapshots == told.snapshots
    assert max(reads.values()) == 1
    assert {key for key in reads if "/segments/" in key} - whole
    assert _without_names(digest(database, fo.load_dataset("d")._doc.id)) == kept
    if is_open:
        assert [sample.to_dict() for sample in opened] == before
    _assert_states(database, states)


def test_each_document_is_written_once(
    remote: Path, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The newest snapshot has a full copy, and the others what it has not."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "delta")
    dataset = KINDS["image"]()
    _history(dataset, database, 6)

    def stored() -> list[int]:
        names = database.list_collection_names(filter={"name": {"$regex": rf"^{DELTA}\."}})
        return sorted(database[n].count_documents({}) for n in names if n.endswith(".samples"))

    before = stored()
    fos.push("d", remote)
    fo.delete_dataset("d")
    fos.clone_from(remote, "d")
    after = stored()
    # Documents that only changed their places were put aside as well
    assert (len(after), after[-1]) == (len(before), _COUNT)
    assert sum(after) <= sum(before)
    # And of those that are deleted nothing is left, whatever comes after
    for name in ("v3", "v0", "v5"):
        fos.delete_snapshot("d", name)
        fos.empty_trash("d")
        assert all(fos.verify_all())
    _edit(fo.load_dataset("d"), 4)
    fos.create_snapshot("d", "more")
    assert all(fos.verify_all())
    assert_sound(database)


@pytest.mark.parametrize(
    ("backend", "is_newer"), [("delta", True), ("delta", False), ("duplication", True)]
)
def test_a_pull_that_is_killed_anywhere_is_repeated(
    backend: str,
    is_newer: bool,
    remote: Path,
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    dataset = image_dataset("d", 12, persistent=True)
    _history(dataset, database, 2)
    fos.push("d", remote)
    here, missing = ("v0", ["v1"]) if is_newer else ("v1", ["v0"])

    def begin() -> None:
        fo.delete_dataset("d")
        fos.clone_from(remote, "d", names=[here])

    begin()
    points = list(dict.fromkeys(points_of(lambda: fos.pull(remote, "d"))))
    assert len(points) > 8
    for point in points:
        begin()
        assert killed_at(point, lambda: fos.pull(remote, "d"))
        left = [name for name in missing if name not in fos.list_snapshots("d")]
        assert fos.pull(remote, "d").snapshots == left, point
        assert fos.list_snapshots("d") == ["v0", "v1"]
        assert all(fos.verify_all()), point
        assert_sound(database)


def test_what_does_not_fit_comes_in_whole(
    remote: Path, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between two that are here."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "delta")
    dataset = KINDS["image"]()
    states = _history(dataset, database, 4)
    fos.push("d", remote)
    fo.delete_dataset("d")
    fos.clone_from(remote, "d", names=["v0", "v2"])
    assert fos.pull(remote, "d").snapshots == ["v1", "v3"]
    _assert_states(database, states)


def test_documents_that_were_altered_are_refused(
    remote: Path, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where the rest of a snapshot is not read, because it is here."""
    dataset = KINDS["image"]()
    _history(dataset, database, 2)
    fos.push("d", remote)
    fo.delete_dataset("d")
    fos.clone_from(remote, "d", names=["v0"])
    (commit,) = remote.glob("*/snapshots/v1.json")
    told = commit.read_text()
    for lie in ("samples", "dataset"):
        at = told.index(f'"{lie}": "') + len(lie) + 5
        commit.write_text(f"{told[:at]}{'0' * 64}{told[at + 64 :]}")
        with pytest.raises(fos.DamagedSnapshotError):
            fos.pull(remote, "d")
        assert fos.list_snapshots("d") == ["v0"]
    commit.write_text(told)
    assert fos.pull(remote, "d").snapshots == ["v1"]
    assert all(fos.verify_all())
    assert_sound(database)


def test_frames_of_one_number_are_refused(remote: Path, database: Database[Document]) -> None:
    """No index could be built of them when the dataset goes back to the snapshot."""
    dataset = KINDS["video"]()
    fos.create_snapshot(dataset, "v0")
    frames = dataset._frame_collection
    frame = frames.find_one({"frame_number": 1})
    assert frame is not None
    unique = next(
        index for index in frames.list_indexes() if index.get("unique") and index["name"] != "_id_"
    )
    frames.drop_index(unique["name"])
    del frame["_id"]
    frames.insert_one(frame)
    fos.create_snapshot(dataset, "v1")
    fos.push(dataset, remote)
    (commit,) = remote.glob("*/snapshots/v1.json")
    whole = (commit.parent / "v0.json").read_text()
    start = '"indexes":'
    indexes = whole[whole.index(start) :]
    told = commit.read_text()
    commit.write_text(told[: told.index(start)] + indexes)
    fo.delete_dataset("d")
    fos.clone_from(remote, "d", names=["v0"])
    with pytest.raises(fos.DamagedSnapshotError):
        fos.pull(remote, "d")
    assert fos.list_snapshots("d") == ["v0"]
    assert_sound(database)


class _Full(io.BytesIO):
    """A file on a disk that is full."""

    def write(self, data: Any) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _full() -> _Full:
    return _Full()


def _closed() -> _Full:
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))


@pytest.mark.parametrize("temporary", [_full, _closed])
def test_without_room_for_what_is_passed_it_is_read_again(
    temporary: Callable[[], _Full],
    remote: Path,
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "delta")
    states = _history(KINDS["video"](), database, 4)
    fos.push("d", remote)
    fo.delete_dataset("d")
    monkeypatch.setattr(tempfile, "TemporaryFile", temporary)
    fos.clone_from(remote, "d")
    _assert_states(database, states)
