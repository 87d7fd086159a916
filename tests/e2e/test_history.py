"""The History panel, used as a person uses it."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from pathlib import Path

import fiftyone as fo
import pytest
from fiftyone import ViewField as F
from playwright.sync_api import Browser, expect

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.guard.server import environment as server_environment
from support.app import AppServer
from support.browser import App
from support.datasets import video_dataset
from support.media import grouped_digits

pytestmark = pytest.mark.e2e


def test_the_whole_story(dataset: fo.Dataset, open_app: Callable[..., App]) -> None:
    app = open_app()
    app.open("digits")
    app.open_history()
    expect(app.panel).to_contain_text("No snapshots yet")
    expect(app.add_group).to_have_count(1)
    app.picture("empty")

    # Create; a name that is taken is told while typing
    app.create("labelled", "All digits, checked by two people")
    expect(app.notice).to_contain_text("holds 40 samples")
    app.panel.get_by_placeholder("Name").fill("labelled")
    expect(app.panel).to_contain_text("is saved. Choose another name")
    expect(app.button("Save new snapshot")).to_be_disabled()
    app.panel.get_by_placeholder("Name").fill("")

    # Edit samples elsewhere; the panel notices, and counts on demand
    changed = dataset.match(F("ground_truth.label") == "1").limit(3)
    changed.set_values("ground_truth.label", ["9", "9", "9"])
    dataset.delete_samples(dataset.match_tags("validation").limit(2))
    expect(app.panel).to_contain_text("out of date")
    app.button("Refresh").click()
    expect(app.panel.get_by_test_id("count-deleted").first).to_have_text(re.compile("2"))
    expect(app.panel.get_by_test_id("count-changed").first).to_have_text("~3")
    app.create("reviewed", "Three labels corrected, two bad images removed")
    assert app.rows() == ["reviewed", "labelled"]
    app.picture("history")

    # Compare
    app.choose("reviewed", "Compare with previous")
    expect(app.panel.get_by_test_id("compared-changed")).to_contain_text("3 samples changed")
    expect(app.panel.get_by_test_id("compared-deleted")).to_contain_text("2 samples deleted")
    expect(app.panel).to_contain_text("3 labels relabelled")
    one_by_one = app.panel.get_by_test_id("compared-one-by-one")
    expect(one_by_one.get_by_text("ground_truth: 1 → 9")).to_have_count(3)
    app.panel.locator(".js-plotly-plot").first.wait_for()
    app.picture("compare")
    app.panel.get_by_role("button", name="Show changed samples", exact=True).click()
    expect(app.page.get_by_text("3 samples", exact=True).first).to_be_visible()
    expect(app.banner).to_contain_text("Snapshot reviewed of digits")
    app.panel.get_by_role("button", name="Back to the list").click()
    app.row("labelled").wait_for()

    # Browse: editing is off, and stays off after a reload
    app.row("labelled").get_by_role("button", name="Browse labelled").click()
    expect(app.banner).to_contain_text("Snapshot labelled of digits")
    app.wait_for_samples()
    expect(app.page).to_have_url(re.compile("digits%40labelled"))
    expect(app.page.get_by_text("40 samples", exact=True).first).to_be_visible()
    expect(app.add_group).to_have_count(0)
    app.picture("browse")
    app.page.reload()
    app.wait_for_samples()
    expect(app.add_group).to_have_count(0)
    other = open_app()
    other.page.goto(app.page.url)
    other.wait_for_samples()
    expect(other.page.get_by_text("40 samples", exact=True).first).to_be_visible()
    other.open_history()
    expect(other.banner).to_contain_text("Snapshot labelled of digits")
    other.close()

    # Back to the current dataset by the marked action, and everything is on again
    app.close_history()
    app.page.get_by_text("lock_clock").last.click()
    expect(app.dialog).to_contain_text("This is snapshot 'labelled' of 'digits'")
    app.picture("read-only")
    app.confirm("Back to current dataset")
    expect(app.page).to_have_url(re.compile(r"digits(\?.*)?$"))
    app.wait_for_samples()
    expect(app.add_group).to_have_count(1)

    # Roll back, with a dialog that says what is lost, and undo it
    app.open_history()
    app.choose("labelled", "Rollback to this snapshot")
    expect(app.dialog).to_contain_text("2 samples deleted since will come back")
    expect(app.dialog).to_contain_text("'reviewed' will be deleted")
    app.picture("rollback")
    app.confirm("Rollback")
    expect(app.notice).to_contain_text("rolled back to snapshot 'labelled'")
    assert app.rows() == ["labelled"]
    assert len(fo.load_dataset("digits")) == 40
    app.picture("undo")
    app.notice.get_by_role("button", name="Undo").click()
    app.row("reviewed").wait_for()
    assert fos.list_snapshots("digits") == ["labelled", "reviewed"]

    # Delete, and undo that; then search
    app.choose("labelled", "Delete snapshot")
    expect(app.dialog).to_contain_text("Delete snapshot 'labelled' of 'digits'?")
    app.confirm("Delete snapshot")
    expect(app.notice).to_contain_text("moved to the trash")
    expect(app.row("labelled")).to_have_count(0)
    app.notice.get_by_role("button", name="Undo").click()
    app.row("labelled").wait_for()
    app.panel.get_by_placeholder("Search snapshots").fill("corrected")
    expect(app.row("labelled")).to_have_count(0)
    assert app.rows() == ["reviewed"]


def test_two_browsers_see_the_same(dataset: fo.Dataset, open_app: Callable[..., App]) -> None:
    one, other = open_app(), open_app(size=(1920, 1080), theme="light")
    for app in (one, other):
        app.open("digits")
        app.open_history()
    one.create("from one")
    other.row("from one").wait_for()
    other.create("from the other", "The list follows what others do")
    one.row("from the other").wait_for()
    other.button("Timeline").click()
    other.panel.locator(".js-plotly-plot").first.wait_for()
    other.picture("timeline-light")
    other.row("from one").get_by_role("button", name="Browse from one").click()
    expect(other.banner).to_contain_text("Snapshot from one of digits")
    other.switch("from the other")
    other.leave()
    expect(other.panel).to_contain_text("Create snapshot")


# Makes plans take longer than the App waits for anything
SLOW_PLANS = """
import time
from fiftyone_snapshots.backend.operations import reporting
from fiftyone_snapshots.backend.revert import revert
original = revert.plan

def plan(*args):
    for step in range(8):
        reporting.reporter()(step / 8, "reading")
        time.sleep(0.5)
    return original(*args)

revert.plan = plan
"""


def test_a_fresh_server_opens_snapshots_and_previews_what_takes_long(
    dataset: fo.Dataset, browser: Browser, plugins: Path, tmp_path: Path
) -> None:
    for name in ("v1", "v2"):
        fos.create_snapshot(dataset, name)
        dataset.delete_samples(dataset.first().id)
    opened = fos.load_snapshot(dataset, "v1").name
    (tmp_path / "slow_plans.py").write_text(SLOW_PLANS)
    # Plugins are loaded after the first page; the package has to be there before
    environment = server_environment(lambda _: {})(None)
    environment["FIFTYONE_MODULE_PATH"] += ":slow_plans"
    environment["PYTHONPATH"] += f"{os.pathsep}{tmp_path}"
    environment["FIFTYONE_PLUGINS_DIR"] = str(plugins)
    with AppServer(tmp_path / "server.log", **environment) as fresh:
        app = App(browser, fresh.url, size=(1600, 800))
        app.open(opened)
        expect(app.add_group).to_have_count(0)
        expect(app.page.get_by_text("lock_clock")).to_have_count(1)

        # Links to what is not open yet, and to what is not there
        app.page.goto(f"{app.url}/datasets/digits?snapshot=v2")
        expect(app.page).to_have_url(re.compile(r"digits%40v2$"))
        app.page.goto(f"{app.url}/datasets/digits@v9")
        expect(app.dialog).to_contain_text("Dataset 'digits' has no snapshot 'v9'")
        app.confirm("Open current dataset")
        app.wait_for_samples()

        # Nothing can be confirmed before it is on screen what it would do
        app.open_history()
        app.choose("v1", "Rollback to this snapshot")
        preview = app.dialog.get_by_test_id("history-preview")
        expect(preview.get_by_role("progressbar")).to_have_attribute(
            "aria-valuenow", re.compile(r"[1-9]\d")
        )
        rollback = app.dialog.get_by_role("button", name="Rollback", exact=True)
        expect(rollback).to_be_disabled()
        expect(app.dialog).to_contain_text("2 samples deleted since will come back")
        expect(rollback).to_be_enabled()
        expect(app.notice).to_have_count(0)
        app.close()


def test_one_window_acts_and_all_see_what_came_of_it(
    dataset: fo.Dataset, open_app: Callable[..., App]
) -> None:
    fos.create_snapshot(dataset, "v1")
    dataset.delete_samples(dataset.values("id")[:5])
    one, other = open_app(size=(1600, 800)), open_app(size=(1600, 800))
    for app in (one, other):
        app.open("digits")
        expect(app.page.get_by_text("35 samples", exact=True).first).to_be_visible()
    one.open_history()
    one.choose("v1", "Rollback to this snapshot")
    expect(one.dialog).to_contain_text("5 samples deleted since will come back")
    expect(other.dialog).to_have_count(0)
    one.confirm("Rollback")
    for app in (one, other):
        expect(app.page.get_by_text("40 samples", exact=True).first).to_be_visible()
    expect(other.dialog).to_have_count(0)
    one.button("Undo rollback to v1").click()
    expect(one.dialog).to_contain_text("5 samples will be removed")
    one.confirm("Undo rollback to v1")
    one.button("Redo rollback to v1").wait_for()


def test_a_dataset_that_has_lost_all_samples_offers_its_snapshots(
    dataset: fo.Dataset, app: App
) -> None:
    fos.create_snapshot(dataset, "v1")
    dataset.delete_samples(dataset.values("id"))
    app.page.goto(f"{app.url}/datasets/digits")
    expect(app.dialog).to_contain_text("'digits' has no samples")
    expect(app.dialog).to_contain_text("40 samples deleted since will come back")
    app.picture("lost")
    app.confirm("Rollback")
    app.wait_for_samples()
    assert len(fo.load_dataset("digits")) == 40


@pytest.mark.parametrize("kind", ["grouped", "video"])
def test_other_media(kind: str, tmp_path: Path, app: App) -> None:
    if kind == "grouped":
        dataset = grouped_digits("other", tmp_path)
    else:
        dataset = video_dataset("other", persistent=True)
    app.page.goto(f"{app.url}/datasets/other")
    app.open_history()
    app.create("v1")
    dataset.delete_samples(dataset.values("id")[:1])
    app.choose("v1", "Rollback to this snapshot")
    expect(app.dialog).to_contain_text("will come back")
    app.confirm("Rollback")
    expect(app.notice).to_contain_text("rolled back")
    app.row("v1").get_by_role("button", name="Browse v1").click()
    expect(app.banner).to_contain_text("Snapshot v1 of other")
    app.leave()
    expect(app.panel).to_contain_text("Create snapshot")
