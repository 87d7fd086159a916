"""Calling operators as their users do."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import fiftyone.operators as foo
from fiftyone.operators.executor import ExecutionContext, Executor
from fiftyone.operators.registry import OperatorRegistry

PLUGIN = "@snapshots/versioning"


def execute(name: str, dataset: object, /, **params: Any) -> dict[str, Any]:
    """Executes an operator from Python.

    Args:
        name: the operator's name
        dataset: the dataset, or its name
        **params: what its form would ask for

    Returns:
        its result, which was checked to be plain data
    """
    context = {"dataset": dataset, "params": params}
    answer = foo.execute_operator(f"{PLUGIN}/{name}", context)
    if asyncio.isfuture(answer):
        raise TypeError("Tests have no event loop")
    result: dict[str, Any] = json.loads(json.dumps(answer.result))
    assert result == answer.result
    return result


def form(
    name: str, dataset: str | None, /, in_dialog: bool = False, **params: Any
) -> dict[str, Any]:
    """Returns an operator's form, as the App gets it.

    Args:
        name: the operator's name
        dataset: the name of the dataset that is open, if any
        in_dialog (False): whether the App shows it to a person
        **params: what is filled in

    Returns:
        the form's properties by name
    """
    operator = OperatorRegistry().get_operator(f"{PLUGIN}/{name}")
    request = {"dataset_name": dataset, "params": params, "prompt_id": "1" if in_dialog else None}
    ctx = ExecutionContext(request, operator_uri=operator.uri)
    properties = operator.resolve_type(ctx, "inputs").to_json()["type"]["properties"]
    found: dict[str, Any] = json.loads(json.dumps(properties))
    return found


def problems(properties: dict[str, Any]) -> list[str]:
    """Returns what a form complains about."""
    return [item["error_message"] for item in properties.values() if item["invalid"]]


def triggered(
    name: str,
    dataset: str | None,
    /,
    on_screen: dict[str, Any] | None = None,
    **params: Any,
) -> list[tuple[str, dict[str, Any]]]:
    """Executes an operator as the App does; returns what the App is to do then.

    Args:
        name: the operator's name
        dataset: the name of the dataset that is open, if any
        on_screen (None): the view, the filters and the sample that are open
        **params: what is filled in

    Returns:
        the App's operators and their parameters
    """
    operator = OperatorRegistry().get_operator(f"{PLUGIN}/{name}")
    request = {"dataset_name": dataset, "params": params, **(on_screen or {})}
    ctx = ExecutionContext(request, executor=Executor(), operator_uri=operator.uri)
    operator.execute(ctx)
    asked = ctx.executor.to_json()["requests"]
    return [(item["operator_uri"], item["params"]) for item in asked]


def prompted(requests: list[dict[str, Any]]) -> list[str]:
    """Returns the operators whose dialogs are opened."""
    asked = [item["params"] for item in requests if item["operator_uri"].startswith("prompt_")]
    return [params["operator_uri"] for params in asked]
