"""The list in the History panel: search, menus, archives, comparisons, keys, activity."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import fiftyone as fo
import pytest
from fiftyone import ViewField as F
from playwright.sync_api import expect

import fiftyone_snapshots as fos
from support.browser import App

pytestmark = pytest.mark.e2e


def test_hundreds_of_snapshots_stay_quick(
    dataset: fo.Dataset, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_PER_DATASET", "-1")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_IN_DB", "-1")
    dataset.delete_samples(dataset.values("id")[3:])
    for number in range(125):
        fos.create_snapshot(dataset, f"version {number:03d}", "even" if number % 2 == 0 else None)
    # Else the server would archive some
    for name in fos.list_snapshots(dataset):
        fos.pin_snapshot(dataset, name)
    app.open("digits")
    app.open_history()
    # The server has the usual limit, which is reached
    expect(app.panel).to_contain_text("at most 20 are allowed")
    assert app.rows() == [f"version {number}" for number in range(124, 114, -1)]
    app.button("Older").click()
    app.row("version 114").wait_for()
    expect(app.panel).to_contain_text("11-20 of 125 snapshots")
    app.panel.get_by_placeholder("Search snapshots").fill("even")
    expect(app.panel).to_contain_text("1-10 of 63 snapshots")


def test_search_by_creator_and_date(
    dataset: fo.Dataset, app: App, database: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    for creator in ("ada", "grace"):
        monkeypatch.setenv("FIFTYONE_SNAPSHOTS_USER", creator)
        fos.create_snapshot(dataset, f"new by {creator}")
        fos.create_snapshot(dataset, f"old by {creator}")
    long_ago = datetime.now(timezone.utc) - timedelta(days=20)
    old = {"name": {"$regex": "^old"}}
    database["snapshots.catalog"].update_many(old, {"$set": {"created_at": long_ago}})
    app.open("digits")
    app.open_history()
    app.select("Created", "Last 7 days")
    expect(app.row("old by ada")).to_have_count(0)
    assert app.rows() == ["new by grace", "new by ada"]
    app.select("Created by", "ada")
    expect(app.row("new by grace")).to_have_count(0)
    assert app.rows() == ["new by ada"]
    app.select("Created", "Last 30 days")
    app.row("old by ada").wait_for()
    assert app.rows() == ["old by ada", "new by ada"]
    # Whoever opens what was found goes on with the search
    search = app.panel.get_by_placeholder("Search snapshots")
    search.fill("old")
    expect(app.row("new by ada")).to_have_count(0)
    app.row("old by ada").get_by_role("button", name="Browse old by ada").click()
    expect(app.banner).to_contain_text("Snapshot old by ada of digits")
    app.row("old by ada").get_by_text("open", exact=True).wait_for()
    assert app.rows() == ["old by ada"]
    expect(search).to_have_value("old")
    expect(app.panel.get_by_role("combobox", name="Created by")).to_contain_text("ada")
    app.leave()
    app.row("old by ada").wait_for()
    assert app.rows() == ["old by ada"]
    search.fill("nothing of the kind")
    expect(app.panel).to_contain_text("No snapshot fits the search.")


def test_the_menu_offers_everything(dataset: fo.Dataset, app: App) -> None:
    for name in ("v1", "v2"):
        fos.create_snapshot(dataset, name)
    app.open("digits")
    app.open_history()
    app.row("v2").get_by_role("button", name="More for v2").click()
    app.page.get_by_role("menuitem").first.wait_for()
    offered = app.page.get_by_role("menuitem").all_inner_texts()
    assert offered == [
        "Compare with current dataset",
        "Compare with previous (v1)",
        "Verify",
        "Create branch of it",
        "Edit name and description",
        "Edit tags",
        "Pin: keep from automatic archival and pruning",
        "Export to a file",
        "Clone to a new dataset",
        "Archive",
        "Rollback to this snapshot",
        "Restore samples from it",
        "Delete snapshot",
    ]
    # What discards something is red, and nothing else
    colors = app.page.get_by_role("menuitem").evaluate_all(
        "(items) => items.map((item) => getComputedStyle(item).color)"
    )
    assert colors[-3:] == ["rgb(255, 123, 116)"] * 3
    assert colors[-1] not in colors[:-3]
    app.page.get_by_role("menuitem", name="Clone to a new dataset").click()
    app.dialog.get_by_role("textbox").fill("digits")
    expect(app.dialog).to_contain_text("A dataset named 'digits' already exists")
    app.dialog.get_by_role("textbox").fill("copy")
    app.confirm("Clone")
    expect(app.notice).to_contain_text("Dataset 'copy' was made of snapshot 'v2'")
    assert len(fo.load_dataset("copy")) == 40
    app.choose("v1", "Verify")
    app.confirm("Verify")
    expect(app.notice).to_contain_text("v1")
    # A tag that nobody has pressed Enter for is not lost
    app.choose("v1", "Edit tags")
    field = app.dialog.get_by_placeholder("Type and press enter to add a value")
    field.fill("gold")
    field.blur()
    app.confirm("Save")
    expect(app.row("v1").get_by_text("gold", exact=True)).to_be_visible()


def test_archive_and_bring_back(dataset: fo.Dataset, app: App) -> None:
    for name in ("v1", "v2"):
        fos.create_snapshot(dataset, name)
        dataset.delete_samples(dataset.first().id)
    app.open("digits")
    app.open_history()
    app.choose("v1", "Archive")
    expect(app.dialog).to_contain_text("nobody can open it until it is brought back")
    app.confirm("Archive")
    expect(app.notice).to_contain_text("Snapshot 'v1' is archived")
    expect(app.row("v1").get_by_text("archived", exact=True)).to_be_visible()
    expect(app.row("v1").get_by_role("button", name="Browse v1")).to_be_disabled()
    app.picture("archived")

    # Still comparable, to the label
    app.choose("v2", "Compare with previous")
    expect(app.panel.get_by_test_id("compared-deleted")).to_contain_text("1 sample deleted")
    app.panel.get_by_role("button", name="Back to the list").click()

    app.choose("v1", "Bring back from the archive")
    app.confirm("Unarchive")
    expect(app.notice).to_contain_text("can be opened again")
    app.row("v1").get_by_role("button", name="Browse v1").click()
    expect(app.banner).to_contain_text("Snapshot v1 of digits")
    app.leave()
    app.button("Save new snapshot").wait_for()
    app.choose("v1", "Pin")
    expect(app.row("v1").get_by_text("pinned", exact=True)).to_be_visible()
    assert fos.get_snapshot_info("digits", "v1").is_pinned


def test_a_comparison_tells_of_the_selected_samples(dataset: fo.Dataset, app: App) -> None:
    fos.create_snapshot(dataset, "v1")
    dataset.set_values("ground_truth.label", ["7"] * 40)
    changed = dataset.match(F("filepath").ends_with("0004.png")).first()
    app.open("digits")
    app.open_history()
    app.choose("v1", "Compare with current dataset")
    one_by_one = app.panel.get_by_test_id("compared-one-by-one")
    expect(one_by_one).to_contain_text("1-10 of 37 samples")
    one_by_one.get_by_role("button", name="Next").click()
    expect(one_by_one).to_contain_text("11-20 of 37 samples")
    app.operator("set_selected_samples", samples=[changed.id])
    expect(one_by_one).to_contain_text("Selected samples")
    expect(one_by_one).to_contain_text("1 of 37 changed samples")
    expect(one_by_one).to_contain_text("digit-0004.png")
    expect(one_by_one).to_contain_text("ground_truth: 4 → 7")
    one_by_one.get_by_role("button", name="Show sample digit-0004.png").click()
    expect(app.page.get_by_text("1 sample", exact=True).first).to_be_visible()


def test_the_keyboard_is_enough(dataset: fo.Dataset, app: App) -> None:
    app.open("digits")
    app.open_history()
    name = app.panel.get_by_placeholder("Name")
    description = app.panel.get_by_placeholder("Description (optional)")
    name.focus()
    app.page.keyboard.press("Tab")
    expect(description).to_be_focused()
    # The page is drawn anew while it is used, so each key is pressed where it is meant to be
    name.press_sequentially("typed")
    expect(name).to_have_value("typed")
    description.press_sequentially("without a mouse")
    expect(app.button("Save new snapshot")).to_be_enabled()
    app.button("Save new snapshot").press("Enter")
    expect(app.notice).to_contain_text("holds 40 samples")
    app.row("typed").get_by_role("button", name="More for typed").press("Enter")
    expect(app.page.get_by_role("menuitem").first).to_be_focused()
    edit = app.page.get_by_role("menuitem", name="Edit name and description")
    for _ in range(3):
        app.page.keyboard.press("ArrowDown")
    expect(edit).to_be_focused()
    app.page.keyboard.press("Enter")
    expect(app.dialog).to_contain_text("Edit snapshot")


def test_activity_tells_who_did_what(dataset: fo.Dataset, app: App) -> None:
    with fos.acting_as(fos.Interface.SDK, "anna"):
        fos.create_snapshot("digits", "labelled", "All digits checked")
        fos.edit_snapshot("digits", "labelled", description="All digits checked twice")
    with pytest.raises(fos.SnapshotNotFoundError), fos.acting_as(fos.Interface.CLI, "ben"):
        fos.delete_snapshot("digits", "typo")
    app.open("digits")
    app.open_history()
    app.create("reviewed", "")
    app.button("Activity").click()
    events = app.panel.get_by_test_id("history-event")
    expect(events).to_have_count(4)
    expect(events.first).to_contain_text("Create")
    expect(events.first).to_contain_text("panel on")
    expect(events.nth(1)).to_contain_text("Dataset 'digits' has no snapshot 'typo'")
    app.panel.get_by_role("combobox", name="User").click()
    app.page.get_by_role("option", name="anna").click()
    expect(events).to_have_count(2)
    app.panel.get_by_role("button", name="Back to the list").click()
    app.row("labelled").wait_for()
