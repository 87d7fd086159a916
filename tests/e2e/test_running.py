"""What takes long, as it is seen in the History panel."""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import fiftyone as fo
import pytest
from playwright.sync_api import expect

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults
from fiftyone_snapshots.backend.operations import operation as running
from support.browser import App

pytestmark = pytest.mark.e2e

PATIENCE_SECONDS = 300


class SlowCreate:
    """Somebody else's process, as far as the App can tell, that creates a snapshot step by step.

    Args:
        dataset: the dataset
        name: the snapshot
    """

    STEPS = ("create.reserved", "create.captured")

    def __init__(self, dataset: fo.Dataset, name: str) -> None:
        self.error: Exception | None = None
        self._arrived, self._going = threading.Semaphore(0), threading.Semaphore(0)
        self._thread = threading.Thread(target=self._create, args=(dataset, name))

    @contextmanager
    def run(self) -> Iterator[None]:
        """Begins it, and stops at the first step; at the end, lets it go on to its end."""
        with faults.arm(self.STEPS[0], self._stop), faults.arm(self.STEPS[1], self._stop):
            self._thread.start()
            self._wait()
            try:
                yield
            finally:
                self._going.release(len(self.STEPS))
                self._thread.join(PATIENCE_SECONDS)

    def go_on(self) -> None:
        """Lets it go on to the next step."""
        self._going.release()
        self._wait()

    def _create(self, dataset: fo.Dataset, name: str) -> None:
        try:
            fos.create_snapshot(dataset, name)
        except fos.OperationCancelledError as error:
            self.error = error

    def _stop(self) -> None:
        # Other threads pass as if there was nothing
        if threading.current_thread() is self._thread:
            self._arrived.release()
            self._going.acquire(timeout=PATIENCE_SECONDS)

    def _wait(self) -> None:
        assert self._arrived.acquire(timeout=PATIENCE_SECONDS)


def test_a_running_operation_shows_its_progress_and_can_be_cancelled(
    dataset: fo.Dataset, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(running, "_PROGRESS_INTERVAL_SECONDS", 0.0)
    fos.create_snapshot(dataset, "before")
    app.open("digits")
    app.open_history()
    operation = SlowCreate(dataset, "slow")
    with operation.run():
        expect(app.running).to_contain_text("Creating snapshot slow")
        expect(app.running).to_contain_text("0%")
        expect(app.row("slow")).to_contain_text("creating 0%")
        operation.go_on()
        expect(app.running).to_contain_text(re.compile(r"[1-9]\d?%"))
        expect(app.row("slow")).to_contain_text(re.compile(r"creating [1-9]\d?%"))
        app.picture("running")
        app.running.get_by_role("button", name="Cancel").click()
        expect(app.running).to_contain_text("being cancelled")
    expect(app.running).to_have_count(0)
    expect(app.row("slow")).to_have_count(0)
    assert operation.error is not None
    assert fos.list_snapshots(dataset) == ["before"]


def test_an_operation_of_the_app_outlives_its_panel_and_its_browser(
    dataset: fo.Dataset, open_app: Callable[..., App]
) -> None:
    one = open_app()
    one.open("digits")
    one.open_history()
    # While somebody else is at work, this one has to wait: for longer than the App does
    with SlowCreate(dataset, "theirs").run():
        one.save("ours")
        expect(one.running.filter(has_text="Create snapshot: ours")).to_have_count(1)
        # The panel has got its answer, which is that this will take longer
        expect(one.panel.get_by_placeholder("Name")).to_have_value("")
        one.close_history()
        one.close()
        assert "ours" not in fos.list_snapshots(dataset)
    other = open_app()
    other.open("digits")
    other.open_history()
    other.row("ours").get_by_role("button", name="Browse ours").wait_for()
    expect(other.notice).to_contain_text("Snapshot 'ours' holds 40 samples")
