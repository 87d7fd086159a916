"""The media files of new snapshots are looked at in the background, unless somebody says no."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.access.actor import current
from fiftyone_snapshots.backend.media import capture, look
from fiftyone_snapshots.backend.operations import lease
from fiftyone_snapshots.backend.operations.lease import Lease
from support.command_line import in_this_process
from support.crash import SURVIVED, in_child
from support.fail_points import Failing
from support.full import Document
from support.media_files import NAME, images, layers, media, touch
from support.operators import execute
from support.panel import Panel

THREAD = "fiftyone-snapshots-media"


@pytest.fixture(autouse=True)
def as_by_default(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.delenv("FIFTYONE_SNAPSHOTS_MEDIA")
    yield
    fos.wait_for_media()


class Held:
    """A look in the background that goes on when it is told to."""

    def __init__(self) -> None:
        self.begun = threading.Event()
        self.released = threading.Event()
        self.users: list[str | None] = []

    def pass_by(self) -> None:
        """Holds the background, and nobody else."""
        if threading.current_thread().name == THREAD:
            self.users.append(current().user)
            self.begun.set()
            self.released.wait()


@pytest.fixture
def held(as_by_default: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Held]:
    holding = Held()
    looked: Callable[..., Any] = look.look_at_all

    def look_at_all(*given: object, **named: object) -> object:
        holding.pass_by()
        return looked(*given, **named)

    monkeypatch.setattr(look, "look_at_all", look_at_all)
    yield holding
    holding.released.set()
    fos.wait_for_media()


def captured(name: str) -> fos.CapturedMedia | None:
    """Returns what was captured of a snapshot, once all there is to do is done."""
    assert fos.wait_for_media()
    return fos.get_captured_media(NAME, name)


def threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name == THREAD]


@pytest.mark.parametrize("backend", ["duplication", "delta"])
def test_what_became_of_files_is_told_though_nobody_asked_for_it(
    backend: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    images(tmp_path)
    fos.create_snapshot(NAME, "v1")
    found = captured("v1")
    assert found is not None
    assert (found.level, found.files, found.found, found.hashed) == ("stat", 24, 24, 0)
    (tmp_path / "masks/0.png").write_text("painted over in the App")
    (tmp_path / "夜0.png").unlink()
    assert media().replaced.names == (str(tmp_path / "masks/0.png"),)
    assert media().missing.names == (str(tmp_path / "夜0.png"),)
    assert media().unchanged == 22


def test_a_snapshot_is_there_before_its_files_are_looked_at(tmp_path: Path, held: Held) -> None:
    images(tmp_path)
    fos.create_snapshot(NAME, "v1")
    held.begun.wait()
    assert fos.list_snapshots(NAME) == ["v1"]
    assert fos.get_captured_media(NAME, "v1") is None
    assert media().reason is not None
    assert not fos.wait_for_media(0)
    assert not fos.wait_for_media(0.01)
    # Nor is anybody kept from anything
    fos.create_snapshot(NAME, "v2", media="stat")
    assert fos.get_captured_media(NAME, "v2") is not None
    held.released.set()
    assert captured("v1") is not None


def test_one_after_the_other_by_one_thread_that_ends(
    tmp_path: Path, held: Held, database: Database[Document]
) -> None:
    images(tmp_path)
    for name in ("v1", "v2", "v3"):
        fos.create_snapshot(NAME, name)
    held.begun.wait()
    (thread,) = threads()
    assert thread.daemon
    held.released.set()
    assert [captured(name) is not None for name in ("v1", "v2", "v3")] == [True] * 3
    # Files that are as they were take no space
    assert len(layers(database)) == 1
    thread.join()
    assert not threads()
    touch(tmp_path / "夜0.png")
    fos.create_snapshot(NAME, "v4")
    captured("v4")
    assert media("v3", "v4").rewritten.total == 1


def test_who_says_no_is_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Database[Document]
) -> None:
    images(tmp_path)
    fos.create_snapshot(NAME, "v1", media="none")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA", "none")
    fos.create_snapshot(NAME, "v2")
    fos.take_scheduled_snapshot(NAME)
    assert not threads()
    assert not list(database["snapshots.media"].find())


def test_only_the_lowest_level_goes_to_the_background(
    tmp_path: Path, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    images(tmp_path)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA", "hash")
    fos.create_snapshot(NAME, "v1")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA", "stat")
    fos.create_snapshot(NAME, "v2")
    held.begun.wait()
    first = fos.get_captured_media(NAME, "v1")
    assert first is not None
    assert first.hashed == 24
    assert fos.get_captured_media(NAME, "v2") is None
    held.released.set()
    # What was known of a file stays known
    second = captured("v2")
    assert second is not None
    assert (second.level, second.hashed) == ("stat", 24)


@pytest.mark.usefixtures("installed_plugin")
def test_by_whatever_way_it_is_created(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    dataset = images(tmp_path)
    execute("create_snapshot", dataset, name="v1")
    in_this_process(capsys)("create", NAME, "v2")
    dataset.tag_samples("x")
    scheduled = fos.take_scheduled_snapshot(NAME)
    assert scheduled is not None
    for name in ("v1", "v2", scheduled.name):
        found = captured(name)
        assert found is not None
        assert found.found == 24


def test_what_is_made_around_operations_is_not_looked_at(
    tmp_path: Path, database: Database[Document]
) -> None:
    dataset = images(tmp_path)
    with fos.undoable(NAME, "tag"):
        dataset.tag_samples("x")
    assert fos.list_snapshots(NAME, safety=True)
    assert fos.wait_for_media()
    assert not list(database["snapshots.media"].find())


def test_it_is_done_for_who_created_it_and_is_no_event_of_its_own(
    tmp_path: Path, held: Held
) -> None:
    images(tmp_path)
    with fos.acting_as(fos.Interface.OPERATOR, "ben"):
        fos.create_snapshot(NAME, "v1")
    held.released.set()
    assert captured("v1") is not None
    assert held.users == ["ben"]
    assert [event.action for event in fos.list_events(NAME)] == ["create"]
    fos.recover()
    assert [event.action for event in fos.list_events(NAME)][-1] == "create"
    verbs = [operation.verb for operation in fos.list_operations(NAME, 3600)]
    assert verbs == [fos.Action.CREATE, fos.Action.CAPTURE_MEDIA]


def test_what_was_asked_for_meanwhile_stays(tmp_path: Path, held: Held) -> None:
    images(tmp_path)
    fos.create_snapshot(NAME, "v1")
    held.begun.wait()
    asked_for = fos.capture_media(NAME, "v1", "hash")
    held.released.set()
    assert captured("v1") == asked_for


def test_a_snapshot_may_go_or_be_renamed_meanwhile(
    tmp_path: Path, held: Held, database: Database[Document], caplog: pytest.LogCaptureFixture
) -> None:
    images(tmp_path)
    for name in ("v1", "v2", "v3"):
        fos.create_snapshot(NAME, name)
    held.begun.wait()
    fos.delete_snapshot(NAME, "v1")
    fos.delete_snapshot(NAME, "v2")
    fos.empty_trash(NAME)
    fos.edit_snapshot(NAME, "v3", "v2")
    held.released.set()
    assert captured("v2") is not None
    assert len(list(database["snapshots.media"].find({"layers": {"$exists": True}}))) == 1
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_dataset_may_go_meanwhile(
    tmp_path: Path, held: Held, database: Database[Document], caplog: pytest.LogCaptureFixture
) -> None:
    images(tmp_path)
    fos.create_snapshot(NAME, "v1")
    held.begun.wait()
    fo.delete_dataset(NAME)
    held.released.set()
    assert fos.wait_for_media()
    fos.recover()
    assert not list(database["snapshots.media"].find())
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_snapshot_may_be_archived_meanwhile(
    tmp_path: Path, held: Held, monkeypatch: pytest.MonkeyPatch
) -> None:
    images(tmp_path / "images")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    fos.create_snapshot(NAME, "v1")
    fos.create_snapshot(NAME, "v2")
    held.begun.wait()
    for name in ("v1", "v2"):
        fos.archive_snapshot(NAME, name)
    held.released.set()
    # What was looked at before was that of the snapshot
    assert captured("v1") is not None
    assert captured("v2") is None
    fos.unarchive_snapshot(NAME, "v1")
    assert not media()


def test_a_server_that_refuses_or_fails_keeps_nobody_from_anything(
    tmp_path: Path, failing: Failing, caplog: pytest.LogCaptureFixture
) -> None:
    images(tmp_path)
    failing.at("snapshots.media", "insert", errorCode=13)
    fos.create_snapshot(NAME, "v1")
    assert captured("v1") is None
    failing.stop()
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert fos.verify_snapshot(NAME, "v1")
    assert fos.capture_media(NAME, "v1").found == 24


def test_who_will_not_wait_for_others_waits_for_this(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images(tmp_path)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_LOCK_WAIT_SEC", "0")
    stored, met = threading.Event(), threading.Event()
    give_up = Lease._give_up

    def giving_up(wanted: Lease, **options: bool) -> None:
        give_up(wanted, **options)
        met.set()

    def hold() -> None:
        stored.set()
        met.wait()

    monkeypatch.setattr(Lease, "_give_up", giving_up)
    with faults.arm("capture_media.stored", hold):
        fos.create_snapshot(NAME, "v1")
        stored.wait()
        fos.create_snapshot(NAME, "v2")
    assert met.is_set()
    assert captured("v1") is not None


def test_but_not_for_one_that_does_not_come_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images(tmp_path)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_LOCK_WAIT_SEC", "0")
    monkeypatch.setattr(lease, "_BRIEF_SECONDS", 0.1)
    stored, released = threading.Event(), threading.Event()

    def hold() -> None:
        stored.set()
        released.wait()

    with faults.arm("capture_media.stored", hold):
        fos.create_snapshot(NAME, "v1")
        stored.wait()
        try:
            with pytest.raises(fos.DatasetBusyError, match="capture_media has been running"):
                fos.create_snapshot(NAME, "v2")
        finally:
            released.set()
    assert captured("v1") is not None


def test_what_was_lost_to_others_is_looked_at_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    images(tmp_path)
    noted: list[object] = []
    note = capture.note

    def lose_once(*args: Any, **options: Any) -> Any:
        noted.append(args)
        if len(noted) == 1:
            raise fos.LeaseLostError("The computer has slept")
        return note(*args, **options)

    monkeypatch.setattr(capture, "note", lose_once)
    fos.create_snapshot(NAME, "v1")
    assert captured("v1") is not None
    assert len(noted) == 2


def test_a_lease_whose_thread_does_not_start_is_given_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, database: Database[Document]
) -> None:
    images(tmp_path)
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == "fiftyone-snapshots-lease":
            raise RuntimeError("can't start new thread")
        start(thread)

    with monkeypatch.context() as patched:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(fos.DatasetBusyError, match="no more threads"):
            fos.create_snapshot(NAME, "v1")
    assert not list(database["snapshots.leases"].find())
    assert not lease.is_any_in_use()
    fos.create_snapshot(NAME, "v1")
    assert captured("v1") is not None


def test_it_is_known_when_to_give_way(tmp_path: Path) -> None:
    images(tmp_path)
    seen: list[bool] = []
    with faults.arm("create.captured", lambda: seen.append(lease.is_any_in_use())):
        fos.create_snapshot(NAME, "v1", media="none")
    assert [*seen, lease.is_any_in_use()] == [True, False]


def test_a_fork_has_none_of_what_its_parent_has_to_do(tmp_path: Path, held: Held) -> None:
    images(tmp_path)
    fos.create_snapshot(NAME, "v1")
    held.begun.wait()

    def act() -> None:
        assert fos.wait_for_media(0)
        held.released = threading.Event()
        held.released.set()
        fos.create_snapshot(NAME, "v2")
        assert captured("v2") is not None

    assert in_child(act) == SURVIVED
    assert fos.get_captured_media(NAME, "v1") is None
    held.released.set()
    assert captured("v1") is not None


@pytest.mark.usefixtures("installed_plugin")
def test_the_panel_tells_for_as_long_as_it_takes(tmp_path: Path, held: Held) -> None:
    images(tmp_path)
    fos.create_snapshot(NAME, "v1")
    held.begun.wait()
    assert "files are being looked at" in Panel(NAME).text()
    held.released.set()
    captured("v1")
    assert "files are being looked at" not in Panel(NAME).text()
