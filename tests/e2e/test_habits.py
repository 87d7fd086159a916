"""Small habits of the History panel: keys, focus, notices, times, narrow panels; views stay."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
from fiftyone import ViewField as F
from playwright.sync_api import Route, expect

import fiftyone_snapshots as fos
from support.browser import App

if TYPE_CHECKING:
    import fiftyone as fo

pytestmark = pytest.mark.e2e

EXECUTE = re.compile("/operators/execute$")


def _asks_for(route: Route, operator: str, dataset: str | None = None) -> bool:
    asked = route.request.post_data_json or {}
    is_it = str(asked.get("operator_uri")).endswith(f"/{operator}")
    return is_it and dataset in (None, asked.get("dataset_name"))


def test_keys_do_what_people_expect(dataset: fo.Dataset, app: App) -> None:
    app.open("digits")
    app.open_history()

    # Enter saves, also if the server takes its time to say that the name can be used
    held: list[Route] = []
    is_slow = True

    def hold(route: Route) -> None:
        asked = (route.request.post_data_json or {}).get("params") or {}
        if is_slow and asked.get("__method__") in ("on_type", "on_poll"):
            held.append(route)
        else:
            route.continue_()

    app.page.route(EXECUTE, hold)
    name = app.panel.get_by_placeholder("Name")
    name.fill("typed")
    name.press("Enter")
    app.page.wait_for_timeout(4000)
    assert held
    assert fos.list_snapshots("digits") == []
    is_slow = False
    for route in held:
        route.continue_()
    app.row("typed").wait_for()

    # Ctrl+Z offers the undo of the last action, also with Caps Lock, and Enter presses it
    app.choose("typed", "Delete snapshot")
    app.confirm("Delete snapshot")
    undo = app.notice.get_by_role("button", name="Undo")
    expect(undo).to_be_visible()
    for key in ("z", "Z"):
        app.button("Timeline").focus()
        app.page.evaluate(
            """(key) => document.activeElement.dispatchEvent(
                new KeyboardEvent("keydown", { key, ctrlKey: true, bubbles: true })
            )""",
            key,
        )
        expect(undo).to_be_focused()
    undo.press("Enter")
    app.row("typed").wait_for()
    assert fos.list_snapshots("digits") == ["typed"]


def test_focus_comes_back_from_a_dialog_and_notices_go(dataset: fo.Dataset, app: App) -> None:
    fos.create_snapshot(dataset, "v1")
    app.open("digits")
    app.open_history()
    more = app.row("v1").get_by_role("button", name="More for v1")
    more.press("Enter")
    app.page.get_by_role("menuitem", name="Edit name and description").press("Enter")
    expect(app.dialog).to_contain_text("Edit snapshot")
    # Nothing that is of no use here
    expect(app.dialog).not_to_contain_text(re.compile("schedule|testing", re.IGNORECASE))
    app.dialog.get_by_role("button", name="Cancel").click()
    expect(app.dialog).to_have_count(0)
    expect(more).to_be_focused()

    # A pin asks nothing; what came of it is told, with the time, moves nothing, and goes
    place = app.row("v1").bounding_box()
    app.choose("v1", "Pin")
    expect(app.notice).to_contain_text("pinned")
    expect(app.notice.locator("time")).to_be_visible()
    assert place is not None
    moved = app.row("v1").bounding_box()
    assert moved is not None
    assert (moved["x"], moved["y"]) == (place["x"], place["y"])
    expect(app.notice).to_have_count(0)


def test_times_tell_utc_and_a_narrow_panel_wraps(dataset: fo.Dataset, app: App) -> None:
    fos.create_snapshot(dataset, "v1", "a long description of what was done " * 30)
    app.page.set_viewport_size({"width": 1920, "height": 1080})
    app.open("digits")
    app.open_history()
    row = app.row("v1")
    expect(row.locator("time")).to_have_attribute("title", re.compile(r"UTC\)$"))
    full = row.bounding_box()
    assert full is not None
    # Folded, it takes two lines
    assert full["height"] < 140
    row.get_by_role("button", name="Show all of it").press("Enter")
    expect(row.get_by_role("button", name="Show less of it")).to_be_focused()
    opened = row.bounding_box()
    assert opened is not None
    assert opened["height"] > full["height"] + 30
    row.get_by_role("button", name="Show less of it").click()
    expect(row.get_by_role("button", name="Show all of it")).to_be_visible()

    app.panel.evaluate("(panel) => { panel.style.width = '280px'; }")
    browse = row.get_by_role("button", name="Browse v1")
    text, button = row.get_by_text("v1", exact=True).bounding_box(), browse.bounding_box()
    assert text is not None
    assert button is not None
    assert button["y"] > text["y"] + text["height"]
    overflow = app.panel.evaluate(
        """(panel) => [...panel.querySelectorAll("button, input, [role=combobox]")].filter(
            (control) => control.getBoundingClientRect().right >
                panel.getBoundingClientRect().right + 1
        ).map((control) => control.outerHTML.slice(0, 120))"""
    )
    assert overflow == []
    # Every control has a name
    unnamed = app.panel.evaluate(
        """(panel) => [...panel.querySelectorAll("button, [role=combobox], input")]
            .filter((control) => control.tabIndex >= 0)
            .filter((control) => !control.closest("[aria-hidden=true]") && !(
                control.ariaLabel || control.textContent.trim() || control.placeholder ||
                control.title || control.getAttribute("aria-labelledby")))
            .map((control) => control.outerHTML.slice(0, 160))"""
    )
    assert unnamed == []


def test_what_is_on_screen_stays_in_another_version(dataset: fo.Dataset, app: App) -> None:
    fos.create_snapshot(dataset, "v1")
    fos.create_snapshot(dataset, "v2")
    view = dataset.match(F("ground_truth.label") == "1")
    count = app.page.get_by_text(f"{len(view)} samples", exact=True).first
    opened = fos.load_snapshot(dataset, "v1").name
    app.open("digits")
    app.operator("set_view", view=view._serialize())
    expect(count).to_be_visible()

    # The look at the dataset that is left comes to its end only when the view was asked for
    held: list[Route] = []

    def hold(route: Route) -> None:
        if _asks_for(route, "describe_open_snapshot", "digits") and not held:
            held.append(route)
        else:
            route.continue_()

    app.page.route(EXECUTE, hold)
    app.operator("@snapshots/versioning/lock_snapshot")
    app.page.wait_for_timeout(500)
    app.operator("@snapshots/versioning/browse_snapshot", name="v1")
    app.page.wait_for_timeout(1500)
    assert held
    for route in held:
        route.continue_()
    expect(app.banner).to_contain_text("Snapshot v1 of digits")
    expect(app.page).to_have_url(re.compile(opened.replace("@", "%40")))
    expect(count).to_be_visible()

    # And back, with a sample open
    app.page.locator("[data-cy=looker]").first.click()
    app.page.locator("#modal.modalon").wait_for()
    app.banner.get_by_role("button", name="Back to current dataset").click()
    expect(app.banner).to_be_empty()
    expect(app.page.locator("#modal.modalon")).to_be_visible()
    app.page.keyboard.press("Escape")
    expect(count).to_be_visible()

    # Samples that were selected there and are deleted here would leave an empty grid
    gone = dataset.first()
    app.operator("@snapshots/versioning/browse_snapshot", name="v1")
    expect(app.banner).to_contain_text("Snapshot v1 of digits")
    app.operator("set_view", view=dataset.select(gone.id)._serialize())
    expect(app.page.get_by_text("1 sample", exact=True).first).to_be_visible()
    dataset.delete_samples(gone.id)
    app.leave()
    expect(app.page.get_by_text(f"{len(dataset)} samples", exact=True).first).to_be_visible()
