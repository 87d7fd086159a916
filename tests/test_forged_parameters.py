"""Operators and panel events that are given what no form and no button of ours would give."""

from __future__ import annotations

import inspect
import re
from functools import partial
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
import pytest
from fiftyone.operators.executor import ExecutionContext, Executor

import fiftyone_snapshots as fos
from fiftyone_snapshots.operators import OPERATORS
from fiftyone_snapshots.panels.history import HistoryPanel
from support.datasets import image_dataset
from support.operators import PLUGIN
from support.panel import Panel, happen

pytestmark = pytest.mark.usefixtures("installed_plugin")

NAME = "street"

FORGED: list[Any] = [-3, True, "a/b", "half \ud800", [["v1"]], {"$ne": 1}]

LETHAL = {"empty_trash"}
"""What would only make later calls have nothing to work on."""


@pytest.fixture
def dataset() -> fo.Dataset:
    dataset = image_dataset(NAME, 3, persistent=True)
    fos.create_snapshot(dataset, "v1")
    dataset.tag_samples("x")
    fos.create_snapshot(dataset, "v2")
    return dataset


def _context(operator: Any, params: dict[str, Any]) -> ExecutionContext:
    request = {"dataset_name": NAME, "params": params, "prompt_id": "1"}
    return ExecutionContext(request, executor=Executor(), operator_uri=operator.uri)


def _parameters(operator: Any) -> set[str]:
    """Returns the parameters that the modules of an operator's classes read."""
    modules = [inspect.getmodule(each) for each in type(operator).__mro__]
    ours = {each for each in modules if each is not None and ".operators." in each.__name__}
    read = r"params(?:\.get\(|\[)\"(\w+)\"|\.(?:text|choice|several|flag)\(\s*\"(\w+)\""
    found = {key for each in ours for key in re.findall(read, inspect.getsource(each))}
    return {"name", "preview"} | {"".join(key) for key in found}


def _raised(call: Any) -> str | None:
    """Returns what a call has raised that is no error of ours."""
    try:
        call()
    except fos.SnapshotError:
        return None
    except Exception as error:  # noqa: BLE001 (any other one is what is looked for)
        return f"{type(error).__name__}: {error}"
    return None


@pytest.mark.parametrize("name", sorted({each.NAME for each in OPERATORS} - LETHAL))
def test_an_operator_answers_forged_parameters_with_an_error_of_ours(
    name: str, dataset: fo.Dataset
) -> None:
    operator = foo.get_operator(f"{PLUGIN}/{name}")
    read = _parameters(operator)
    cases = [{}, *({key: value} for key in read for value in FORGED)]
    cases += [dict.fromkeys(read, value) for value in FORGED]
    found = []
    for params in cases:
        for what in (operator.resolve_input, operator.execute):
            raised = _raised(partial(what, _context(operator, params)))
            if raised is not None:
                found.append(f"{what.__name__} {params}: {raised}")
    assert not found


EVENTS = sorted(name for name in dir(HistoryPanel) if name.startswith("on_"))


@pytest.mark.parametrize("event", EVENTS)
def test_the_panel_answers_forged_events_with_a_notice(event: str, dataset: fo.Dataset) -> None:
    read = r"params(?:\.get\(|\[|, )\"(\w+)\""
    keys = re.findall(read, inspect.getsource(getattr(HistoryPanel, event)))
    found = []
    for params in ({}, *({key: value} for key in keys for value in FORGED)):
        raised = _raised(partial(happen, NAME, event, **params))
        if raised is not None:
            found.append(f"{params}: {raised}")
    assert not found


STATE = (
    *("activity", "compare", "history", "merge", "merge_filter", "merge_number", "notice", "page"),
    *("panels", "sample_page", "saves", "search", "trash"),
)


def test_the_panel_can_be_shown_whatever_its_state_is(dataset: fo.Dataset) -> None:
    parts = {
        "compare": {"dataset": NAME, "before": 1, "after": {}},
        "merge": {"dataset": NAME, "id": {}},
        "merge_filter": {"kind": [1]},
        "history": {"search": {"text": 3, "creator": [], "period": {}}, "create": {"fields": 3}},
        "notice": {"severity": 3, "message": []},
    }
    found = []
    states = [dict.fromkeys(STATE, value) for value in FORGED]
    states += [{key: value} for key in STATE for value in FORGED]
    notice = {"severity": "info", "message": "Done"}
    forged = ({"severity": "<b>"}, *({"at": value} for value in FORGED), {"undo": FORGED})
    states += [{"notice": {**notice, **each}} for each in forged]
    for state in (*states, *({key: part} for key, part in parts.items())):
        raised = _raised(partial(Panel, NAME, **state))
        if raised is not None:
            found.append(f"{state}: {raised}")
    assert not found
