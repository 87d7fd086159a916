"""What is left of the panel, walked by mouse: redo, restoring samples, pulling, narrow panels."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import pytest
from playwright.sync_api import Locator, expect

import fiftyone_snapshots as fos
from support.browser import App
from support.media import street_dataset

pytestmark = pytest.mark.e2e

NARROW = 280


def _corner(tile: Locator) -> tuple[float, float]:
    """Where the App puts a tile's checkbox."""
    box = tile.bounding_box()
    assert box is not None
    return box["x"] + 14, box["y"] + 14


def spilt(panel: Locator) -> list[str]:
    """Returns what of a narrow panel lies beyond its right edge."""
    found: list[str] = panel.evaluate(
        """(panel) => [...panel.querySelectorAll("*")]
            .filter((part) => !part.closest(".js-plotly-plot, svg, style"))
            .filter((part) => part.getBoundingClientRect().width)
            .filter((part) => part.getBoundingClientRect().right >
                panel.getBoundingClientRect().right + 1)
            .map((part) => part.outerHTML.slice(0, 160))"""
    )
    return found


def narrow(panel: Locator) -> None:
    """Makes the panel narrow: everything is still in it."""
    panel.evaluate("(panel, width) => { panel.style.width = `${width}px`; }", NARROW)
    assert spilt(panel) == []


def test_a_rollback_is_undone_and_made_again(dataset: fo.Dataset, app: App) -> None:
    fos.create_snapshot(dataset, "v1")
    dataset.delete_samples(dataset.limit(2))
    app.open("digits")
    app.open_history()
    app.choose("v1", "Rollback to this snapshot")
    expect(app.dialog).to_contain_text("2 samples deleted since will come back")
    app.confirm("Rollback")
    expect(app.notice).to_contain_text("rolled back")
    app.button("Undo rollback to v1").click()
    expect(app.dialog).to_contain_text("2 samples")
    app.confirm("Undo rollback to v1")
    redo = app.button("Redo rollback to v1")
    redo.wait_for()
    assert len(fo.load_dataset("digits", reload=True)) == 38
    redo.click()
    expect(app.dialog).to_contain_text("2 samples")
    app.confirm("Redo rollback to v1")
    app.button("Undo rollback to v1").wait_for()
    assert len(fo.load_dataset("digits", reload=True)) == 40


def test_selected_samples_are_restored(dataset: fo.Dataset, app: App) -> None:
    fos.create_snapshot(dataset, "v1")
    labels = dataset.values("ground_truth.label")
    dataset.set_values("ground_truth.label", ["9"] * len(dataset))
    app.open("digits")
    app.open_history()
    tiles = app.page.locator("[data-cy=fo-grid] [data-cy=looker]")
    for number in (0, 1):
        tiles.nth(number).hover()
        app.page.mouse.move(*_corner(tiles.nth(number)))
        app.page.mouse.down()
        app.page.mouse.up()
    app.choose("v1", "Restore samples from it")
    expect(app.dialog).to_contain_text("2 samples")
    app.confirm("Restore samples")
    expect(app.notice).to_contain_text("2 samples")
    dataset.reload()
    assert dataset.values("ground_truth.label")[:3] == [*labels[:2], "9"]


def test_a_pull_brings_what_others_have_pushed(
    dataset: fo.Dataset, app: App, tmp_path: Path
) -> None:
    (tmp_path / "remote").mkdir()
    remote = str(tmp_path / "remote")
    fos.create_snapshot(dataset, "v1")
    fos.create_snapshot(dataset, "v2", "Of somebody else")
    fos.push(dataset, remote)
    fos.delete_snapshot(dataset, "v2")
    fos.empty_trash(dataset)
    app.open("digits")
    app.open_history()
    app.button("Push or pull").click()
    app.page.get_by_role("menuitem", name="Pull …").click()
    expect(app.dialog).to_contain_text("1 snapshot ('v2') would be pulled")
    app.confirm("Pull")
    app.row("v2").wait_for()
    expect(app.notice).to_contain_text("'v2'")


def test_a_narrow_panel_shows_comparisons_and_merges(tmp_path: Path, app: App) -> None:
    dataset = street_dataset("streets", tmp_path)
    fos.create_snapshot(dataset, "v1")
    fos.create_branch(dataset, "night")
    for name, label in (("streets.night", "truck"), ("streets", "a van with a long name")):
        sample = fo.load_dataset(name).first()
        sample.ground_truth.detections[0].label = label
        sample.save()
    fos.plan_merge("streets.night", progress=False)
    app.open("streets")
    app.open_history()
    narrow(app.panel)

    app.choose("v1", "Compare with current dataset")
    sample = app.panel.get_by_test_id("compared-sample")
    expect(sample).to_have_count(1)
    narrow(app.panel)
    # Below each other, or nobody could see anything
    before, after = (
        sample.locator(f"[data-version={version}]").bounding_box()
        for version in ("Before", "After")
    )
    assert before is not None
    assert after is not None
    assert after["y"] > before["y"] + before["height"] - 1
    assert before["width"] > NARROW / 2

    app.button("Back to the list").click()
    app.panel.get_by_role("button", name="Open merge").click()
    page = app.page.get_by_test_id("merge-page")
    expect(page).to_contain_text("Merge streets.night into streets")
    narrow(app.panel)
    app.button("Discard").click()
    app.confirm("Discard")
    expect(page).to_have_count(0)
