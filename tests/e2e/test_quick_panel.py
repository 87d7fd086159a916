"""The panel answers while one types and pages, whatever the server takes for it."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from playwright.sync_api import Locator, Route, expect

import fiftyone_snapshots as fos
from support.browser import App

if TYPE_CHECKING:
    import fiftyone as fo

pytestmark = pytest.mark.e2e

EXECUTE = re.compile("/operators/execute$")
TEN_LETTERS = "reviewed 2"


def _event(route: Route) -> str:
    asked = (route.request.post_data_json or {}).get("params") or {}
    return str(asked.get("__method__"))


def _type_quickly(field: Locator) -> None:
    """Types letter by letter, with no time in between, however slow the machine is."""
    field.evaluate(
        """async (field, letters) => {
            field.focus();
            for (const letter of letters) {
                document.execCommand("insertText", false, letter);
                await new Promise((next) => setTimeout(next));
            }
        }""",
        TEN_LETTERS,
    )


@pytest.fixture
def events(app: App) -> Counter[str]:
    """How often the App told the panels of each event."""
    counted: Counter[str] = Counter()

    def count(route: Route) -> None:
        counted[_event(route)] += 1
        route.continue_()

    app.page.route(EXECUTE, count)
    return counted


def test_ten_letters_are_told_after_a_pause(
    dataset: fo.Dataset, app: App, events: Counter[str]
) -> None:
    fos.create_snapshot(dataset, "v1")
    fos.create_snapshot(dataset, TEN_LETTERS)
    app.open("digits")
    app.open_history()
    app.row("v1").wait_for()

    name = app.panel.get_by_placeholder("Name")
    expect(name).to_be_focused()
    _type_quickly(name)
    expect(app.panel).to_contain_text(f"A snapshot named '{TEN_LETTERS}' already exists")
    assert events["on_type"] == 1

    _type_quickly(app.panel.get_by_placeholder("Search snapshots"))
    expect(app.row("v1")).to_have_count(0)
    assert app.rows() == [TEN_LETTERS]
    assert events["on_search"] == 1


def test_the_next_name_can_be_saved_while_the_last_one_is_still_told(
    dataset: fo.Dataset, app: App
) -> None:
    app.open("digits")
    app.open_history()
    for name in ("first", "second", "third"):
        field = app.panel.get_by_placeholder("Name")
        field.press_sequentially(name, delay=60)
        save = app.button("Save new snapshot")
        expect(save).to_be_enabled()
        if app.rows():
            # It goes after 8 s, and draws the panel anew then
            expect(app.notice).to_contain_text(f"'{app.rows()[0]}' holds")
        save.click()
        app.row(name).get_by_role("button", name=f"Browse {name}").wait_for()
        expect(app.notice).to_contain_text(f"'{name}' holds")


def test_a_late_answer_takes_no_letters_away(dataset: fo.Dataset, app: App) -> None:
    fos.create_snapshot(dataset, "taken")
    app.open("digits")
    app.open_history()
    app.row("taken").wait_for()
    held: list[Route] = []

    def hold(route: Route) -> None:
        if _event(route) == "on_type" and not held:
            held.append(route)
        else:
            route.continue_()

    app.page.route(EXECUTE, hold)
    name = app.panel.get_by_placeholder("Name")
    name.click()
    app.page.keyboard.type("taken")
    app.page.wait_for_timeout(1000)
    assert held
    # While the answer to that comes, somebody types on
    app.page.keyboard.type(", and mo")
    held[0].continue_()
    app.page.keyboard.type("re of it", delay=80)
    expect(app.button("Save new snapshot")).to_be_enabled()
    expect(name).to_have_value("taken, and more of it")
    app.button("Save new snapshot").click()
    app.row("taken, and more of it").wait_for()
    expect(name).to_have_value("")


def test_pages_show_the_same_rows_and_menus(
    dataset: fo.Dataset, app: App, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_PER_DATASET", "-1")
    dataset.delete_samples(dataset.values("id")[3:])
    for number in range(13):
        fos.create_snapshot(dataset, f"v{number:02d}", f"The state of day {number}")
    app.open("digits")
    app.open_history()
    app.row("v12").wait_for()
    newest = [f"v{number:02d}" for number in range(12, 2, -1)]
    assert app.rows() == newest
    app.button("Older").click()
    app.row("v02").wait_for()
    assert app.rows() == ["v02", "v01", "v00"]
    more = app.row("v01").get_by_role("button", name="More for v01")
    browse = app.row("v01").get_by_role("button", name="Browse v01")
    browse.focus()
    app.page.keyboard.press("Tab")
    expect(more).to_be_focused()
    app.page.keyboard.press("Enter")
    expect(app.page.get_by_role("menuitem").first).to_be_focused()
    app.page.keyboard.press("Escape")
    expect(more).to_be_focused()
    app.button("Newer").click()
    app.row("v12").wait_for()
    assert app.rows() == newest
    expect(app.row("v03")).to_contain_text("The state of day 3")


def test_typing_does_not_draw_the_rows_again(dataset: fo.Dataset, app: App) -> None:
    for name in ("v1", "v2", "v3"):
        fos.create_snapshot(dataset, name)

    def count(route: Route) -> None:
        text = route.fetch().text()
        start = "export function Moment("
        assert start in text
        counted = text.replace(start, "function Told(") + (
            "export function Moment(props) {"
            "  window.snapshotsDrawn = (window.snapshotsDrawn ?? 0) + 1;"
            "  return Told(props);"
            "}"
        )
        counted = counted.replace("create(Moment,", "create(Told,")
        route.fulfill(body=counted, content_type="text/javascript")

    app.page.route(re.compile("/js/texts.js"), count)
    app.open("digits")
    app.open_history()
    app.row("v1").wait_for()
    # What comes of opening is over
    app.panel.get_by_placeholder("Name").click()
    app.page.keyboard.type("a")
    expect(app.button("Save new snapshot")).to_be_enabled()
    before = app.page.evaluate("window.snapshotsDrawn")
    assert before >= 3
    app.page.keyboard.type("reviewed", delay=100)
    expect(app.button("Save new snapshot")).to_be_enabled()
    # Each once at the most, because "just now" is over: they say how long ago they were taken
    assert app.page.evaluate("window.snapshotsDrawn") - before <= 3
