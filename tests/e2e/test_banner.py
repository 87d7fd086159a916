"""The banner above everything while a snapshot is open."""

from __future__ import annotations

import re
from collections.abc import Callable

import fiftyone as fo
import pytest
from playwright.sync_api import Locator, expect

import fiftyone_snapshots as fos
from support.browser import App

pytestmark = pytest.mark.e2e


def is_on_top(banner: Locator) -> bool:
    """Tells whether the middle of every control of the banner is what a mouse would hit."""
    found = banner.evaluate(
        """(banner) => [...banner.querySelectorAll("button, select")].map((control) => {
            const { left, top, width, height } = control.getBoundingClientRect();
            const hit = document.elementFromPoint(left + width / 2, top + height / 2);
            return control.contains(hit);
        })"""
    )
    return len(found) >= 4 and all(found)


def test_an_open_snapshot_cannot_be_overlooked(
    dataset: fo.Dataset, open_app: Callable[..., App]
) -> None:
    for name in ("v1", "v2"):
        fos.create_snapshot(dataset, name)
        dataset.delete_samples(dataset.first().id)
    app = open_app()
    app.context.grant_permissions(["clipboard-read", "clipboard-write"])
    app.open("digits")
    expect(app.banner).to_be_empty()

    # A link, no panel
    app.page.goto(f"{app.url}/datasets/digits?snapshot=v1")
    expect(app.banner).to_contain_text("Snapshot v1 of digits")
    expect(app.banner).to_contain_text("Read-only")
    app.wait_for_samples()
    for width, height in ((1920, 1080), (700, 800), (1280, 800)):
        app.page.set_viewport_size({"width": width, "height": height})
        assert is_on_top(app.banner)
        # The App makes room: its lower edge stays in the window
        expect(app.page.locator("body")).to_have_js_property("scrollHeight", height)
    app.page.reload()
    app.wait_for_samples()
    expect(app.banner).to_contain_text("Snapshot v1 of digits")

    # In the sample's window, by keyboard
    app.page.locator("[data-cy=looker]").first.click()
    app.page.locator("#modal.modalon").wait_for()
    app.picture("banner-sample")
    assert is_on_top(app.banner)
    drop_down = app.banner.get_by_label("Snapshot that is open")
    assert drop_down.locator("option").all_inner_texts() == ["v2", "✓ v1"]
    app.banner.get_by_role("button", name="Copy link").press("Enter")
    expect(app.banner).to_contain_text("Link copied")
    copied = app.page.evaluate("navigator.clipboard.readText()")
    assert copied == f"{app.url}/datasets/digits?snapshot=v1"
    drop_down.select_option("v2")
    expect(app.banner).to_contain_text("Snapshot v2 of digits")
    expect(app.page).to_have_url(re.compile("digits%40v2"))

    # The menu is the one of the list, and opens the panel for what that shows
    app.banner.get_by_role("button", name="More for the open snapshot v2").click()
    app.page.get_by_role("menuitem", name="Compare with previous (v1)").click()
    expect(app.panel.get_by_test_id("compared-deleted")).to_contain_text("1 sample deleted")

    # What cannot be done is told in it
    fos.delete_snapshot(dataset, "v1")
    app.page.evaluate("""window.__foo__.executeOperator("close_panel", {name: "history"})""")
    drop_down.evaluate(
        """(select) => {
            select.value = "v1";
            select.dispatchEvent(new Event("change", { bubbles: true }));
        }"""
    )
    expect(app.banner.get_by_role("alert")).to_contain_text("has no snapshot 'v1'")

    # A dataset that is no snapshot: gone
    app.banner.get_by_role("button", name="Back to current dataset").click()
    expect(app.banner).to_be_empty()
    expect(app.page).to_have_url(re.compile(r"digits(\?.*)?$"))


def test_a_snapshot_that_somebody_deletes_while_it_is_open_is_said_to_be_gone(
    dataset: fo.Dataset, app: App
) -> None:
    for name in ("v1", "v2"):
        fos.create_snapshot(dataset, name)
    app.open("digits")
    app.page.goto(f"{app.url}/datasets/digits?snapshot=v1")
    expect(app.banner).to_contain_text("Snapshot v1 of digits")
    fos.delete_snapshot(dataset, "v1")
    expect(app.dialog).to_contain_text("Snapshot 'v1' of 'digits' was deleted")
    app.page.keyboard.press("Escape")
    expect(app.dialog).to_have_count(0)
    app.leave()
    app.wait_for_samples()
    assert fos.list_snapshots(dataset) == ["v2"]
