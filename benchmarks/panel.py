"""The History panel in a Chromium, over a slow link: for how long it keeps the App from answering.

What is measured is the longest task of the page's main thread, which is for how long a key or a
click has to wait, beside what FiftyOne itself needs for something of the kind without the panel.
"""

from __future__ import annotations

import os
import shutil
import statistics
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

import fiftyone as fo
from playwright.sync_api import Browser, expect

import fiftyone_snapshots as fos

from .harness import Row
from .slow_link import slow_link

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))

from support.app import AppServer
from support.browser import CHROMIUM_NAMES, App, chromium
from support.media import street_dataset

_NAME = "bench-panel"
_SAMPLES = 60
_SNAPSHOTS = 60
_SECONDS = 0.02
_ALLOWED = 0.1
"""How long the panel may block, beyond what FiftyOne does."""
_SHORTEST = 0.05
"""Browsers tell of longer tasks only."""
_REPEATS = 3
_SIZE = 10_000
_TEN_LETTERS = "reviewed 2"
_KEY_MILLISECONDS = 80
_POLL_MILLISECONDS = 5000
_SETTLED_MILLISECONDS = 700

_WATCH = """
    window.benchTasks = [];
    window.benchFrames = [];
    new PerformanceObserver((list) => {
        for (const { startTime, duration } of list.getEntries()) {
            window.benchTasks.push([startTime, duration]);
        }
    }).observe({ type: "longtask", buffered: true });
    let last = performance.now();
    const frame = () => {
        const now = performance.now();
        window.benchFrames.push([last, now - last]);
        last = now;
        requestAnimationFrame(frame);
    };
    requestAnimationFrame(frame);
"""
_FOUND = """
    (start) => [window.benchTasks, window.benchFrames].map((found) =>
        Math.max(0, ...found.filter(([at]) => at >= start).map(([, lasted]) => lasted)))
"""


@dataclass(frozen=True)
class _Blocked:
    """What one step did to the page's main thread, in seconds."""

    task: float
    """The longest task."""
    frame: float
    """The longest time between two frames."""
    busy: float
    """Processor time of all tasks, which other programs do not disturb."""


@dataclass(frozen=True)
class _Pair:
    """Something that is done in the panel, and what FiftyOne does of the kind."""

    name: str
    baseline_name: str
    ours: Callable[[], None]
    baseline: Callable[[], None]


def rows(samples: int) -> Iterator[Row]:
    """Measures what people do in the panel, on a dataset of 60 samples and 60 snapshots.

    Args:
        samples: the size that is asked for; measured once, as the panel shows no samples

    Returns:
        an iterator over the rows
    """
    if samples != _SIZE:
        return
    if not any(map(shutil.which, CHROMIUM_NAMES)):
        print("  the panel is not measured: there is no Chromium", file=sys.stderr)
        return
    unlimited = {
        "FIFTYONE_SNAPSHOTS_MAX_PER_DATASET": "-1",
        "FIFTYONE_SNAPSHOTS_MAX_IN_DB": "-1",
    }
    with (
        patch.dict(os.environ, unlimited),
        tempfile.TemporaryDirectory() as folder,
        slow_link(os.environ["FIFTYONE_DATABASE_URI"], _SECONDS) as uri,
    ):
        _make(Path(folder))
        log = Path(folder, "server.log")
        with (
            AppServer(log, **unlimited, FIFTYONE_DATABASE_URI=uri) as server,
            chromium() as browser,
        ):
            yield from _measured(browser, server)
        fo.delete_dataset(_NAME)


def _make(folder: Path) -> None:
    dataset = street_dataset(_NAME, folder, _SAMPLES)
    for number in range(_SNAPSHOTS):
        sample = dataset.skip(number % 5).first()
        sample.ground_truth.detections[0].label = f"car {number}"
        sample.save()
        fos.create_snapshot(dataset, f"version {number:02d}", f"Label {number} was changed")


def _measured(browser: Browser, server: AppServer) -> Iterator[Row]:
    found: dict[tuple[str, str], list[tuple[_Blocked, _Blocked]]] = {}
    for number in range(_REPEATS):
        # All is shown for the first time, as when somebody opens the App
        app = App(browser, server.url)
        app.page.add_init_script(_WATCH)
        app.open(_NAME)
        meter = _Meter(app)
        pairs = _Steps(app).pairs()
        # Whoever goes second may find what the other one has loaded: take turns
        measured = {}
        for is_ours in (True, False) if number % 2 else (False, True):
            for pair in pairs:
                step = pair.ours if is_ours else pair.baseline
                try:
                    measured[pair.name, is_ours] = meter.measure(step)
                except Exception:
                    print(app.describe("bench", number), file=sys.stderr)
                    raise
            app.close_history()
        for pair in pairs:
            sides = measured[pair.name, True], measured[pair.name, False]
            found.setdefault((pair.name, pair.baseline_name), []).append(sides)
            print(f"    {pair.name}: {sides[0]} / {sides[1]}", file=sys.stderr)
        app.close()
        server.forget()
    for (name, baseline_name), sides in found.items():
        yield _row(name, baseline_name, sides)


def _row(name: str, baseline_name: str, sides: list[tuple[_Blocked, _Blocked]]) -> Row:
    task, baseline = (statistics.median(each[i].task for each in sides) for i in (0, 1))
    frames = [f"{statistics.median(each[i].frame for each in sides) * 1000:.0f}" for i in (0, 1)]
    busy = [f"{statistics.median(each[i].busy for each in sides) * 1000:.0f}" for i in (0, 1)]
    return Row(
        name=name,
        data=f"{_SNAPSHOTS} snapshots, 2 x {_SECONDS * 1000:.0f} ms",
        baseline=baseline_name,
        ours_seconds=task,
        baseline_seconds=baseline,
        ratio=statistics.median(ours.task / theirs.task for ours, theirs in sides),
        bar=1 + _ALLOWED / baseline,
        note=(
            f"ms between frames {' / '.join(frames)}; ms of processor in all {' / '.join(busy)}; "
            f"load {os.getloadavg()[0]:.0f}"
        ),
    )


class _Meter:
    """Tells how a step kept the page from answering."""

    def __init__(self, app: App) -> None:
        self._page = app.page
        self._tools = app.context.new_cdp_session(app.page)
        self._tools.send("Performance.enable", {"timeDomain": "threadTicks"})

    def measure(self, step: Callable[[], None]) -> _Blocked:
        self._page.wait_for_timeout(_SETTLED_MILLISECONDS)
        busy = self._busy()
        start = self._page.evaluate("performance.now()")
        step()
        self._page.wait_for_timeout(_SETTLED_MILLISECONDS)
        task, frame = self._page.evaluate(_FOUND, start)
        return _Blocked(max(_SHORTEST, task / 1000), frame / 1000, self._busy() - busy)

    def _busy(self) -> float:
        metrics = self._tools.send("Performance.getMetrics")["metrics"]
        return next(each["value"] for each in metrics if each["name"] == "TaskDuration")


class _Steps:
    """What a person does, in this order: with the panel, and without."""

    def __init__(self, app: App) -> None:
        self._app = app
        self._page = app.page

    def pairs(self) -> list[_Pair]:
        return [
            _Pair("open the panel", "open Histograms", self._open, self._open_histograms),
            _Pair("type a name", "type in the operator browser", self._type, self._browse),
            _Pair("go to the next page", "scroll the grid", self._next_page, self._scroll),
            _Pair("a poll, no news", "the same time, no panel", self._idle, self._idle),
            _Pair("a poll, news", "reload_dataset", self._news, self._reload),
            _Pair("sample history", "open the sample", self._versions, self._open_sample),
        ]

    def _open(self) -> None:
        self._page.get_by_text("history", exact=True).last.click()
        self._app.row(f"version {_SNAPSHOTS - 1}").wait_for()

    def _open_histograms(self) -> None:
        self._app.operator("open_panel", name="Histograms", layout="horizontal", isActive=True)
        self._page.locator("[data-cy=histograms-container]").wait_for()

    def _type(self) -> None:
        name = self._app.panel.get_by_placeholder("Name")
        name.click()
        self._page.keyboard.type(_TEN_LETTERS, delay=_KEY_MILLISECONDS)
        expect(self._app.button("Save new snapshot")).to_be_enabled()

    def _browse(self) -> None:
        self._app.operator("close_panel", name="Histograms")
        self._page.keyboard.press("`")
        self._page.get_by_placeholder("Search operations by name").click()
        self._page.keyboard.type(_TEN_LETTERS, delay=_KEY_MILLISECONDS)
        self._page.keyboard.press("Escape")

    def _next_page(self) -> None:
        self._app.button("Older").click()
        self._app.row(f"version {_SNAPSHOTS - 11}").wait_for()
        self._app.button("Newer").click()
        self._app.row(f"version {_SNAPSHOTS - 1}").wait_for()

    def _scroll(self) -> None:
        self._page.locator("[data-cy=fo-grid]").hover()
        self._page.mouse.wheel(0, 800)
        self._page.wait_for_timeout(_SETTLED_MILLISECONDS)
        self._page.mouse.wheel(0, -800)

    def _idle(self) -> None:
        self._page.wait_for_timeout(_POLL_MILLISECONDS)

    def _news(self) -> None:
        name = f"version {_SNAPSHOTS - 1}"
        chip = self._app.row(name).get_by_text("pinned", exact=True)
        fos.pin_snapshot(_NAME, name)
        chip.wait_for()
        fos.unpin_snapshot(_NAME, name)
        chip.wait_for(state="detached")

    def _reload(self) -> None:
        self._app.operator("reload_dataset")
        self._page.wait_for_timeout(_SETTLED_MILLISECONDS)
        self._app.wait_for_samples()

    def _open_sample(self) -> None:
        self._click_sample()
        self._page.locator("#modal [data-cy=looker]").first.wait_for()
        self._close_sample()

    def _versions(self) -> None:
        """Both are measured together: the window has to be opened first."""
        self._click_sample()
        self._page.locator("#modal [data-cy=looker]").first.wait_for()
        modal = self._page.locator("#modal")
        modal.get_by_text("Sample history").click()
        strip = modal.get_by_role("group", name="Versions of this sample")
        strip.get_by_role("button").first.wait_for()
        modal.locator("[data-version=After] img").wait_for()
        self._page.locator("[data-cy=panel-tab-sample_history]").wait_for()
        modal.get_by_text("Sample", exact=True).first.click()
        self._close_sample()

    def _click_sample(self) -> None:
        # The upper part of a small tile selects it
        tile = self._page.locator("[data-cy=fo-grid] [data-cy=looker]").first
        tile.click(position={"x": 80, "y": 60})

    def _close_sample(self) -> None:
        self._app.operator("close_sample")
        self._page.locator("#modal.modalon").wait_for(state="detached")
