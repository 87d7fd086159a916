"""The History panel as the App gets it, without an App."""

from __future__ import annotations

import re
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
    NAME = "history"

    def __init__(self, dataset: str, **state: Any) -> None:
        self._render({"dataset_name": dataset}, state)

    def _render(self, request: dict[str, Any], state: dict[str, Any]) -> None:
        panel = foo.get_operator(f"{PLUGIN}/{self.NAME}")
        params = {"panel_id": self.ID, "panel_state": state}
        ctx = ExecutionContext({**request, "params": params}, operator_uri=panel.uri)
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

    @property
    def rows(self) -> list[Component]:
        """What is said of each snapshot in the list."""
        found = self.button("rows")
        rows: list[Component] = found["rows"] if found else []
        return rows

    @property
    def runs(self) -> list[str]:
        """What is said of the runs of snapshots, of those that have some."""
        chips = [chip for row in self.rows for chip in row["chips"]]
        return [chip["hint"] for chip in chips if re.fullmatch(r"\d+ runs?", chip["text"])]

    def menu(self, row: int) -> list[str]:
        """Returns the values of a row's menu."""
        return [choice["value"] for choice in self.rows[row]["menu"]]

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
        views = [item.get("view") or {} for _, item in self.components()]
        said = [view["title"] for view in views if view.get("title")]
        for row in self.rows:
            parts = [*row["chips"], *row["counts"], *row["facts"]]
            said += [row["name"], row["description"] or "", *(part["text"] for part in parts)]
        return "\n".join(said)


class SampleWindow(Panel):
    """What the panel in a sample's window shows, which goes on from one event to the next.

    Args:
        dataset: the name of the dataset that is open
        sample_id: the sample that is open
        view (None): the stages of the view that is open, if any
    """

    NAME = "sample_history"

    def __init__(self, dataset: str, sample_id: str, view: list[Component] | None = None) -> None:
        self.state: dict[str, Any] = {}
        self._request: dict[str, Any] = {"dataset_name": dataset, "view": view or []}
        self.open(sample_id, "on_load")

    def open(self, sample_id: str, event: str = "on_change_current_sample") -> None:
        """Goes to a sample."""
        self._request["current_sample"] = sample_id
        self.happen(event)

    def happen(self, event: str, **params: Any) -> None:
        """Tells the panel of an event, and takes over what it answers."""
        panel = foo.get_operator(f"{PLUGIN}/{self.NAME}")
        known = {"panel_id": self.ID, "panel_state": self.state, "__method__": event}
        ctx = ExecutionContext(
            {**self._request, "params": {**known, **params}},
            executor=Executor(),
            operator_uri=panel.uri,
        )
        panel.execute(ctx)
        for asked in ctx.executor.to_json()["requests"]:
            if asked["operator_uri"].endswith("patch_panel_state"):
                self.state.update(asked["params"]["state"])
            else:
                self._root = asked["params"]["output"]

    @property
    def strip(self) -> dict[str, list[str]]:
        """What the strip says of each version."""
        found = self.find("strip")
        assert found is not None
        return {
            entry["version"]: [part["text"] for part in entry["said"]]
            for entry in found["view"]["entries"]
        }

    @property
    def picked(self) -> list[str]:
        """The versions that are shown."""
        found = self.find("strip")
        assert found is not None
        picked: list[str] = found["view"]["picked"]
        return picked

    @property
    def sample(self) -> dict[str, Any]:
        """What is drawn."""
        found = self.find("pictures")
        assert found is not None
        (sample,) = found["view"]["samples"]
        drawn: dict[str, Any] = sample
        return drawn


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
