"""The changed samples of a comparison, before and after, as pictures."""

from __future__ import annotations

import re
from pathlib import Path

import fiftyone as fo
import pytest
from playwright.sync_api import Locator, Route, expect

import fiftyone_snapshots as fos
from support.browser import App
from support.media import street_dataset

pytestmark = pytest.mark.e2e


def boxes(sample: Locator, version: str) -> int:
    """Counts the boxes that are drawn over one version of a sample."""
    return sample.locator(f"[data-version={version}] rect").count()


def test_what_changed_is_drawn_over_the_media(tmp_path: Path, app: App) -> None:
    dataset = street_dataset("streets", tmp_path)
    fos.create_snapshot(dataset, "v1")
    relabelled, moved, edited = dataset.limit(3)
    relabelled.ground_truth.detections[0].label = "truck"
    x, y, width, height = moved.ground_truth.detections[1].bounding_box
    moved.ground_truth.detections[1].bounding_box = [x - 0.2, y, width, height]
    removed = edited.ground_truth.detections.pop(0)
    edited.ground_truth.detections.append(fo.Detection(label="person", bounding_box=[0, 0, 1, 1]))
    for sample in (relabelled, moved, edited):
        sample.save()
    app.open("streets")
    app.open_history()
    app.choose("v1", "Compare with current dataset")

    samples = app.panel.get_by_test_id("compared-sample")
    expect(samples).to_have_count(3)
    first, second, third = samples.all()
    for sample in (first, second, third):
        sample.scroll_into_view_if_needed()
        for picture in sample.locator("img").all():
            expect(picture).to_have_js_property("complete", True)
            assert picture.evaluate("(picture) => picture.naturalWidth") == 480
    expect(first.locator("[data-version=Before]")).to_contain_text("car")
    expect(first.locator("[data-version=After]")).to_contain_text("car → truck")
    # Where it was, too
    assert (boxes(second, "Before"), boxes(second, "After")) == (1, 2)
    expect(third.locator("[data-version=Before]")).to_contain_text(str(removed.label))
    expect(third.locator("[data-version=After]")).to_contain_text("person")
    assert (boxes(third, "Before"), boxes(third, "After")) == (1, 1)
    app.picture("pictures")

    # What says which version it is hides nothing of it
    for which in third.locator(".which").all():
        beside = which.evaluate("(it) => it.nextSibling.getBoundingClientRect().top")
        assert which.evaluate("(it) => it.getBoundingClientRect().bottom") <= beside

    app.button("Before").press("Enter")
    expect(samples.locator("[data-version=After]")).to_have_count(0)
    app.button("Both").click()
    app.select("Kind of change", "moved")
    expect(samples).to_have_count(1)
    app.select("Kind of change", "All changes")
    expect(samples).to_have_count(3)

    # Of two choices at once, the answer to the first one comes last
    held: list[Route] = []

    def hold(route: Route) -> None:
        if held:
            route.continue_()
        else:
            held.append(route)

    events = re.compile("/operators/execute$")
    app.page.route(events, lambda route: hold(route) if _is_filter(route) else route.continue_())
    app.select("Kind of change", "moved")
    app.select("Class", "person")
    expect(samples).to_have_count(0)
    held[0].continue_()
    expect(samples).to_have_count(1)
    expect(samples).to_have_count(0)
    app.select("Kind of change", "All changes")
    expect(samples).to_have_count(1)
    expect(samples).to_contain_text("ground_truth: added person")


def _is_filter(route: Route) -> bool:
    asked = route.request.post_data_json or {}
    return (asked.get("params") or {}).get("__method__") == "on_filter_samples"
