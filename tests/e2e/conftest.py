"""One App server and one browser for all tests of a worker."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from support.app import AppServer
from support.browser import App, chromium
from support.environment import link_plugin

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AppServer]:
    link = link_plugin(Path(os.environ["FIFTYONE_PLUGINS_DIR"]))
    server = AppServer(tmp_path_factory.mktemp("app") / "server.log")
    server.start()
    yield server
    server.stop()
    link.unlink()


@pytest.fixture
def open_app(browser: Browser, server: AppServer) -> Iterator[Callable[..., App]]:
    """Opens windows; they are closed, and their consoles checked, when the test ends."""
    opened: list[App] = []

    def open_window(**options: object) -> App:
        opened.append(App(browser, server.url, **options))  # type: ignore[arg-type]
        return opened[-1]

    yield open_window
    for app in opened:
        app.close()


@pytest.fixture
def app(open_app: Callable[..., App]) -> App:
    return open_app()
