"""The App in a real Chromium, driven as a person would."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, BrowserContext, Locator, Page, expect, sync_playwright
from playwright.sync_api import Error as PlaywrightError

from support.environment import ROOT

CHROMIUM_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
CHROMIUM_FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--enable-unsafe-swiftshader",
)
PATIENCE_MILLISECONDS = 60_000
_HEED_MILLISECONDS = 5_000

_SCRIPTS = [f"/js/{path.name}" for path in (ROOT / "js").glob("*.js")]

SCREENSHOTS = "SNAPSHOTS_SCREENSHOTS"
"""Set this variable to have the pictures in docs/images made anew."""


def find_chromium() -> str:
    """Finds the browser; without one, the tests are skipped here but fail in CI.

    Returns:
        its path
    """
    named = os.environ.get("SNAPSHOTS_CHROMIUM")
    found = named or next((path for name in CHROMIUM_NAMES if (path := shutil.which(name))), None)
    if found:
        return found
    reason = "No Chromium: install it (apt-get install chromium) or name it in SNAPSHOTS_CHROMIUM"
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


@contextmanager
def chromium() -> Iterator[Browser]:
    """Runs a headless browser."""
    path = find_chromium()
    expect.set_options(timeout=PATIENCE_MILLISECONDS)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_FLAGS))
        yield browser
        browser.close()


class App:
    """A person with the App open.

    Args:
        browser: the browser
        url: the App's address
        size (1280, 800): of the window in pixels
        theme ("dark"): or "light"
    """

    def __init__(
        self,
        browser: Browser,
        url: str,
        size: tuple[int, int] = (1280, 800),
        theme: str = "dark",
    ) -> None:
        self.url = url
        self.context: BrowserContext = browser.new_context(
            viewport={"width": size[0], "height": size[1]},
            reduced_motion="reduce",
        )
        self.context.set_default_timeout(PATIENCE_MILLISECONDS)
        # No advertisement over what is tested
        self.context.add_init_script(
            "localStorage.setItem('fiftyone-enterprise-tooltip-seen', 'true');"
            f"localStorage.setItem('mui-mode', '{theme}');"
        )
        self.page: Page = self.context.new_page()
        self.console: list[str] = []
        """All errors, also those of the App itself."""
        self.complaints: list[str] = []
        """Those of the plugin's script."""
        self.page.on("console", self._note_console)
        self.page.on("pageerror", lambda error: self._note(f"{error}\n{error.stack}"))

    def close(self) -> None:
        """Closes the window; nothing may have gone wrong in the plugin's script."""
        self.context.close()
        assert self.complaints == []

    def describe(self, test: str, number: int) -> str:
        """Tells what the window shows now, for whoever has to find out why a test has failed.

        Args:
            test: the name of the test
            number: which of its windows this is

        Returns:
            its address, what its console said, and where the picture is
        """
        name = re.sub(r"[^\w-]+", "_", f"{test}-{number}")
        path = Path(ROOT, ".sandbox", "failures", f"{name}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.page.screenshot(path=path, timeout=_HEED_MILLISECONDS)
        except PlaywrightError as error:
            return f"{self.page.url}: no picture: {error}"
        return "\n".join([self.page.url, f"picture: {path}", *self.console])

    def open(self, dataset: str) -> None:
        """Opens a dataset by its address, and waits for its samples."""
        self.page.goto(f"{self.url}/datasets/{quote(dataset)}")
        self.wait_for_samples()

    def wait_for_samples(self) -> None:
        """Waits until the grid shows samples."""
        self.page.locator("[data-cy=fo-grid] [data-cy=looker]").first.wait_for()

    def open_history(self) -> None:
        """Opens the History panel by the action above the grid, as far as there is room for it."""
        # All windows of a server share its session: somebody may have left the panel open
        self.close_history()
        self.page.get_by_text("history", exact=True).last.click()
        self.panel.wait_for()

    def close_history(self) -> None:
        """Closes the History panel, if it is open: only a wide grid shows all its actions."""
        self.operator("close_panel", name="history")
        self.panel.wait_for(state="detached")

    @property
    def panel(self) -> Locator:
        """The History panel."""
        return self.page.get_by_test_id("history-panel")

    @property
    def add_group(self) -> Locator:
        """The App's own control for new groups of fields: there only while editing is on."""
        return self.page.get_by_placeholder(re.compile("add group", re.IGNORECASE))

    @property
    def notice(self) -> Locator:
        """The message on top of the panel."""
        return self.page.get_by_test_id("history-notice")

    @property
    def banner(self) -> Locator:
        """What says that a snapshot is open."""
        return self.page.get_by_test_id("snapshots-banner")

    @property
    def running(self) -> Locator:
        """The rows of what is under way."""
        return self.page.get_by_test_id("history-running")

    @property
    def dialog(self) -> Locator:
        """An operator's form."""
        return self.page.get_by_role("dialog")

    def confirm(self, name: str) -> None:
        """Presses a dialog's button.

        The App ignores it until it has found out where the operator can be executed, and shows
        no sign of that; what it heeds, it replaces by a message.
        """
        button = self.dialog.get_by_role("button", name=name, exact=True)
        # One that is not there yet is not one that was heeded
        button.wait_for()
        for _ in range(PATIENCE_MILLISECONDS // _HEED_MILLISECONDS):
            # What was heeded late is gone by the next click
            with suppress(PlaywrightError):
                button.click(timeout=_HEED_MILLISECONDS)
            try:
                expect(button).to_have_count(0, timeout=_HEED_MILLISECONDS)
            except AssertionError:
                continue
            return
        raise AssertionError(f"The dialog ignores {name}")

    def row(self, name: str) -> Locator:
        """The row of a snapshot."""
        return self.page.locator(f"[data-testid=history-row][data-snapshot='{name}']")

    def rows(self) -> list[str]:
        """Returns the names in the list, from top to bottom."""
        found = self.page.get_by_test_id("history-row").all()
        return [row.get_attribute("data-snapshot") or "" for row in found]

    def choose(self, name: str, entry: str) -> None:
        """Chooses an entry of a snapshot's menu."""
        self.row(name).get_by_role("button", name=f"More for {name}").click()
        self.page.get_by_role("menuitem", name=entry).click()

    def select(self, label: str, choice: str) -> None:
        """Chooses from one of the panel's drop-downs."""
        self.panel.get_by_role("combobox", name=label, exact=True).click()
        self.page.get_by_role("option", name=choice, exact=True).click()

    def switch(self, snapshot: str) -> None:
        """Chooses another snapshot in the banner."""
        self.banner.get_by_label("Snapshot that is open").select_option(snapshot)
        expect(self.banner).to_contain_text(f"Snapshot {snapshot} of")

    def leave(self) -> None:
        """Goes back to the current dataset by the banner."""
        self.banner.get_by_role("button", name="Back to current dataset").click()
        expect(self.banner).to_be_empty()

    def button(self, name: str) -> Locator:
        """A button of the panel, by what it says."""
        return self.panel.get_by_role("button", name=name, exact=True)

    def operator(self, name: str, /, **params: object) -> None:
        """Has the App execute one of its operators, as its own controls do."""
        execute = "([name, params]) => window.__foo__.executeOperator(name, params)"
        self.page.evaluate(execute, [name, params])

    def save(self, name: str, description: str = "") -> None:
        """Fills in the create box, and saves."""
        self.panel.get_by_placeholder("Name").fill(name)
        if description:
            self.panel.get_by_placeholder("Description (optional)").fill(description)
        self.button("Save new snapshot").click()

    def create(self, name: str, description: str = "") -> None:
        """Creates a snapshot, and waits until it is in the list."""
        self.save(name, description)
        self.row(name).get_by_role("button", name=f"Browse {name}").wait_for()

    def picture(self, name: str, part: Locator | None = None) -> None:
        """Takes a picture for the documentation, if pictures are asked for."""
        if not os.environ.get(SCREENSHOTS):
            return
        path = Path(ROOT, "docs", "images", f"{name}.png")
        path.parent.mkdir(parents=True, exist_ok=True)
        # Spinners and ripples come to rest
        self.page.wait_for_timeout(2500)
        (part or self.page).screenshot(path=path)

    def _note_console(self, message: object) -> None:
        kind, text = getattr(message, "type", ""), str(getattr(message, "text", ""))
        if kind == "error":
            self._note(f"{text} {getattr(message, 'location', '')}")

    def _note(self, text: str) -> None:
        self.console.append(text)
        # The App complains of things of its own; what names us is ours
        if "snapshots/versioning" in text or any(part in text for part in _SCRIPTS):
            self.complaints.append(text)
