"""Panels of the App."""

from __future__ import annotations

from typing import Any

from .history import HistoryPanel
from .sample import SamplePanel


def register(plugin: Any) -> None:
    """Registers all panels.

    Args:
        plugin: a :class:`fiftyone.plugins.context.PluginContext`
    """
    plugin.register(HistoryPanel)
    plugin.register(SamplePanel)
