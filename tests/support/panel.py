"""The History panel as the App gets it, without an App."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import fiftyone.operators as foo
from fiftyone.operators.executor import ExecutionContext, Executor

from .operators import PLUGIN

Component = dict[str, Any]


class Panel:
    """What the panel shows of a dataset.

    Args:
        dataset: the name of the dataset that is open
        **state: the panel's state
    """

    ID = "1"

    def __init__(self, dataset: str, **state: Any) -> None:
        panel = foo.get_operator(f"{PLUGIN}/history")
        request = {
            "dataset_name": dataset,
            "params": {"panel_id": self.ID, "panel_state": state},
        }
        ctx = ExecutionContext(request, operator_uri=panel.uri)
        self._root: Component = panel.render(ctx).to_json()

    def components(self) -> Iterator[tuple[str, Component]]:
        """Gives everything that is shown, by name."""
        yield from _below(self._root)

    def find(self, name: str) -> Component | None:
        """Returns the first component of a name."""
        return next((item for key, item in self.components() if key == name), None)

    def button(self, name: str) -> Component | None:
        """Returns what is said of a button."""
        found = self.find(name)
        view: Component | None = found["view"] if found else None
        return view

    def menu(self, row: str) -> list[str]:
        """Returns the values of a row's menu."""
        return self.choices(row, "menu")

    def choices(self, part: str, name: str) -> list[str]:
        """Returns the values of a menu or a drop-down in a part of the panel."""
        found = self.find(part)
        assert found is not None
        menu = next(item for key, item in _below(found) if key == name)
        return [choice["value"] for choice in menu["view"]["choices"]]

    @property
    def version(self) -> str:
        """Which version of the history the App's script takes this for."""
        watch = self.find("watch")
        assert watch is not None
        found: str = watch["view"]["version"]
        return found

    def text(self) -> str:
        """Returns all texts."""
        views = (item.get("view") or {} for _, item in self.components())
        return "\n".join(view["title"] for view in views if view.get("title"))


def happen(dataset: str, event: str, /, **params: Any) -> list[Component]:
    """Tells the panel of an event, as the App does.

    Args:
        dataset: the name of the dataset that is open
        event: the name of the panel's method
        **params: what comes with the event

    Returns:
        what the App is to do then
    """
    panel = foo.get_operator(f"{PLUGIN}/history")
    request = {
        "dataset_name": dataset,
        "params": {"panel_id": Panel.ID, "panel_state": {}, "__method__": event, **params},
    }
    ctx = ExecutionContext(request, executor=Executor(), operator_uri=panel.uri)
    panel.execute(ctx)
    requests: list[Component] = ctx.executor.to_json()["requests"]
    return requests


def _below(component: Component) -> Iterator[tuple[str, Component]]:
    properties = (component.get("type") or {}).get("properties") or {}
    for name, item in properties.items():
        yield name, item
        yield from _below(item)
