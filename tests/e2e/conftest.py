"""One App server and one browser for all tests of a worker."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.app import AppServer
from support.browser import App, chromium
from support.environment import link_plugin

if TYPE_CHECKING:
    import fiftyone as fo
    from playwright.sync_api import Browser


_WINDOWS = pytest.StashKey[list[App]]()
_LOG_LENGTH = 4000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """Not for longer: Playwright runs an event loop, and FiftyOne then returns only futures."""
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def plugins(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A plugins folder that holds this plugin; other tests of this worker have an empty one."""
    folder = tmp_path_factory.mktemp("plugins")
    link_plugin(folder)
    return folder


@pytest.fixture(scope="session")
def server(plugins: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    log = tmp_path_factory.mktemp("app") / "server.log"
    environment = {
        "FIFTYONE_PLUGINS_DIR": str(plugins),
        "FIFTYONE_SNAPSHOTS_ARCHIVE_PATH": str(tmp_path_factory.mktemp("archives")),
        # However slow the machine is, it is the tests that say when an operation goes on
        "FIFTYONE_SNAPSHOTS_LOCK_WAIT_SEC": "600",
    }
    with AppServer(log, **environment) as server:
        yield server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Shows with a failure what a person would look at: the windows, and the server's log."""
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if name == "server":
                report.sections.append(("App server", value.output()[-_LOG_LENGTH:]))
        for number, app in enumerate(item.stash.get(_WINDOWS, [])):
            report.sections.append((f"Window {number}", app.describe(item.name, number)))
    return report


@pytest.fixture
def open_app(
    request: pytest.FixtureRequest, browser: Browser, server: AppServer
) -> Iterator[Callable[..., App]]:
    """Opens windows; they are closed, and their consoles checked, when the test ends."""
    opened = request.node.stash.setdefault(_WINDOWS, [])

    def open_window(**options: object) -> App:
        opened.append(App(browser, server.url, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_window
    for app in opened:
        app.close()
    server.forget()


@pytest.fixture
def dataset(tmp_path: Path) -> fo.Dataset:
    from support.media import digits_dataset

    return digits_dataset("digits", tmp_path)


@pytest.fixture
def app(open_app: Callable[..., App]) -> App:
    return open_app()
