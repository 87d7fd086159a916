"""The versions of the open sample, in its window, before and after."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fiftyone as fo
import pytest
from playwright.sync_api import Locator, expect

import fiftyone_snapshots as fos
from support.browser import App
from support.media import grouped_digits, street_dataset

pytestmark = pytest.mark.e2e


def history(tmp_path: Path) -> fo.Dataset:
    """Three snapshots of streets; the first sample changes in each of them, and now."""
    dataset = street_dataset("streets", tmp_path)
    fos.create_snapshot(dataset, "raw")
    sample = dataset.first()
    sample.ground_truth.detections[0].label = "truck"
    sample.save()
    fos.create_snapshot(dataset, "relabelled")
    bus = sample.ground_truth.detections[1]
    bus.bounding_box = [bus.bounding_box[0] - 0.2, *bus.bounding_box[1:]]
    sample.tags.append("checked")
    sample.save()
    fos.create_snapshot(dataset, "checked")
    sample.ground_truth.detections.pop(0)
    person = fo.Detection(label="person", bounding_box=[0.42, 0.6, 0.1, 0.3])
    sample.ground_truth.detections.append(person)
    sample.save()
    return dataset


def open_sample(app: App, number: int) -> Locator:
    """Opens a sample, and the panel in its window by the window's own action."""
    app.page.locator("[data-cy=fo-grid] [data-cy=looker]").nth(number).click()
    app.page.locator("#modal.modalon").wait_for()
    app.page.locator("#modal").get_by_text("Sample history").click()
    panel = app.page.get_by_test_id("sample-history")
    panel.wait_for()
    return panel


def drawn(panel: Locator, version: str) -> Locator:
    """One of the two pictures."""
    return panel.locator(f"[data-version={version}]").filter(has=panel.page.locator("img"))


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_two_versions_of_the_open_sample_are_seen_beside_each_other(
    tmp_path: Path, open_app: Callable[..., App], theme: str
) -> None:
    dataset = history(tmp_path)
    app = open_app(theme=theme)
    app.open("streets")
    panel = open_sample(app, 0)

    strip = panel.get_by_role("group", name="Versions of this sample")
    expect(strip.get_by_role("button")).to_have_count(4)
    raw, relabelled, checked, current = strip.get_by_role("button").all()
    expect(relabelled).to_contain_text("1 relabelled")
    expect(checked).to_contain_text("1 moved")
    expect(current).to_have_attribute("aria-current", "true")
    # What changed last: one label removed, one added
    expect(checked).to_have_attribute("aria-pressed", "true")
    expect(drawn(panel, "After")).to_contain_text("person")
    expect(drawn(panel, "Before").locator("rect")).to_have_count(1)

    # One beside the current dataset, then two; by keyboard as well
    raw.click()
    expect(drawn(panel, "Before")).to_contain_text("Before: raw")
    expect(drawn(panel, "After")).to_contain_text("After: Current dataset")
    relabelled.press("Enter")
    expect(drawn(panel, "After")).to_contain_text("car → truck")
    checked.click()
    expect(drawn(panel, "Before")).to_contain_text("Before: relabelled")
    # Where it was, too
    expect(drawn(panel, "After").locator("rect")).to_have_count(2)
    for picture in panel.locator("img").all():
        expect(picture).to_have_js_property("complete", True)
        assert picture.evaluate("(picture) => picture.naturalWidth") == 480
    # Two clicks before the first one is answered
    raw.click()
    current.click()
    expect(drawn(panel, "Before")).to_contain_text("Before: raw")
    expect(drawn(panel, "After")).to_contain_text("After: Current dataset")
    app.picture("sample-history" if theme == "dark" else "sample-history-light")

    # It goes along, however quickly somebody goes on
    app.page.keyboard.press("ArrowRight")
    expect(panel).to_contain_text("The sample is the same in both versions")
    expect(strip.get_by_role("button")).to_have_count(2)
    for _ in range(3):
        app.page.keyboard.press("ArrowRight")
    last = Path(dataset.values("filepath")[4]).name
    expect(panel).to_contain_text(last)
    for _ in range(4):
        app.page.keyboard.press("ArrowLeft")
    expect(panel).to_contain_text("street-000.png")
    expect(strip.get_by_role("button")).to_have_count(4)


def test_it_goes_along_when_another_version_is_opened(tmp_path: Path, app: App) -> None:
    history(tmp_path)
    app.page.goto(f"{app.url}/datasets/streets?snapshot=relabelled")
    # Before the snapshot opens, the grid shows the current dataset for a moment
    expect(app.banner).to_contain_text("Snapshot relabelled of")
    app.wait_for_samples()
    panel = open_sample(app, 0)
    strip = panel.get_by_role("group", name="Versions of this sample")
    expect(strip.locator("[aria-current=true]")).to_contain_text("relabelled")
    expect(drawn(panel, "After")).to_contain_text("After: Current dataset")
    # It can be closed, and opened again by the action above the window
    app.page.locator("[data-cy=panel-tab-sample_history]").get_by_title("Close").click()
    expect(panel).to_have_count(0)
    app.page.locator("#modal").get_by_text("history", exact=True).first.click()
    expect(strip).to_be_visible()
    # Its tooltip would lie on the banner
    app.page.mouse.move(400, 700)
    app.switch("checked")
    expect(strip.locator("[aria-current=true]")).to_contain_text("checked")
    app.leave()
    expect(strip.locator("[aria-current=true]")).to_contain_text("Current dataset")


def test_it_goes_along_to_another_slice_of_a_group(tmp_path: Path, app: App) -> None:
    dataset = grouped_digits("pairs", tmp_path)
    fos.create_snapshot(dataset, "paired")
    other = next(name for name in dataset.group_slices if name != dataset.default_group_slice)
    sample = dataset.select_group_slices(other).first()
    sample.tags.append("checked")
    sample.save()
    app.open("pairs")
    panel = open_sample(app, 0)
    current = panel.get_by_role("group", name="Versions of this sample").get_by_role("button").last
    expect(current).to_contain_text("unchanged")

    app.page.get_by_title("Split horizontally").click()
    app.page.locator("#modal [data-cy=looker]").nth(1).click()
    expect(current).to_contain_text("tags")
    app.page.locator("#modal [data-cy=looker]").nth(0).click()
    expect(current).to_contain_text("unchanged")


def test_escape_closes_the_window_from_the_history_as_well(tmp_path: Path, app: App) -> None:
    history(tmp_path)
    app.open("streets")
    panel = open_sample(app, 0)
    window = app.page.locator("#modal.modalon")
    panel.get_by_role("group", name="Versions of this sample").get_by_role("button").first.click()
    app.page.keyboard.press("Escape")
    expect(window).to_have_count(0)
    # What was pressed is not kept for the next one
    open_sample(app, 1)
    expect(window).to_have_count(1)
    app.page.keyboard.press("Escape")
    expect(window).to_have_count(0)


def test_a_snapshot_that_comes_meanwhile_is_in_the_strip(tmp_path: Path, app: App) -> None:
    history(tmp_path)
    app.open("streets")
    panel = open_sample(app, 0)
    versions = panel.get_by_role("group", name="Versions of this sample").get_by_role("button")
    expect(versions).to_have_count(4)
    versions.first.click()
    expect(drawn(panel, "Before")).to_contain_text("Before: raw")
    # Once it has asked which version of the history this is
    app.page.wait_for_timeout(2000)
    fos.create_snapshot("streets", "meanwhile")
    expect(versions).to_have_count(5)
    expect(panel).to_contain_text("meanwhile")
    # What was picked stays
    expect(drawn(panel, "Before")).to_contain_text("Before: raw")
