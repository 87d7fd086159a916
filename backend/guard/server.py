"""The App's server: having the package in it, and what it does itself with a snapshot."""

from __future__ import annotations

import functools
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
from bson import ObjectId
from fiftyone.core.odm.database import get_db_conn

from .. import errors
from . import snapshots
from .refusal import refuse

_MASKS = "fiftyone.server.routes.sample"
_OPERATORS = "fiftyone.operators.server"
_MARK = "_fiftyone_snapshots_original"

_CHILD = Path(__file__).parent / "child"
_CHILD_MODULE = "fiftyone_snapshots_server"
_MODULE_PATH = "FIFTYONE_MODULE_PATH"


def environment(original: Callable[[Any], dict[str, str]]) -> Callable[[Any], dict[str, str]]:
    """Has the App's server import the package before it is asked for its first dataset.

    The first page may be a snapshot's, and FiftyOne loads plugins only after it.
    """

    @functools.wraps(original)
    def env(service: Any) -> dict[str, str]:
        # FiftyOne splits these at colons, on every system
        modules = [*(fo.config.module_path or []), _CHILD_MODULE]
        paths = [str(_CHILD), os.environ.get("PYTHONPATH", "")]
        return {
            **original(service),
            _MODULE_PATH: ":".join(dict.fromkeys(modules)),
            "PYTHONPATH": os.pathsep.join(filter(None, paths)),
        }

    return env


def install() -> None:
    """Installs what is needed if this is the App's server.

    It is called whenever a dataset is loaded, because the server is imported after this package.
    """
    _refuse_masks()
    _tell_of_refusals()


def _tell_of_refusals() -> None:
    """Has the App show what an operator, of whomever, was refused, instead of a stack trace.

    Stands on fiftyone/operators/server.py:125. The App says no more of an operator's error than
    that there was one, and shows where it was raised. What is raised by an operator that answers
    piece by piece is not seen here.
    """
    module = sys.modules.get(_OPERATORS)
    original = getattr(module, "execute_or_delegate_operator", None)
    if module is None or original is None or hasattr(original, _MARK):
        return
    # Not at the top: the App's server imports this before it can import operators
    from fiftyone.operators.registry import OperatorRegistry  # noqa: PLC0415

    async def execute(operator_uri: str, *args: Any, **kwargs: Any) -> Any:
        result = await original(operator_uri, *args, **kwargs)
        # The exception itself is gone by now
        if result.error and f"\n{errors.__name__}." in result.error:
            operator = OperatorRegistry().get_operator(operator_uri)
            result.error = _error(result.error_message, not operator.config.unlisted)
            if result.executor is not None:
                told = {"message": result.error_message, "variant": "error"}
                result.executor.trigger("notify", told)
        return result

    setattr(execute, _MARK, original)
    module.execute_or_delegate_operator = execute  # type: ignore[attr-defined]


def _error(message: str, is_asked_for: bool) -> str | dict[str, Any]:
    """Returns an error as whoever waits for it in the App shows it as a whole.

    A dialog adds what lies at ``bodyResponse.error`` to "Error occurred during operator
    execution", and shows ``stack`` when that is clicked; a text, only when it is clicked.

    Args:
        message: what there is to say
        is_asked_for: whether it is of an operator that people choose, and not of one that a part
            of the App executes, which takes errors for texts
    """
    return {"bodyResponse": {"error": message}, "stack": message} if is_asked_for else message


def _refuse_masks() -> None:
    """Refuses to write a snapshot's masks to their files.

    Stands on fiftyone/server/routes/sample.py:694, which writes a file before the database.
    """
    module = sys.modules.get(_MASKS)
    endpoint = getattr(module, "CommitMask", None)
    if module is None or endpoint is None or hasattr(endpoint.post, _MARK):
        return
    original = endpoint.post.__wrapped__

    # FiftyOne's decorator makes of an error what the App expects
    @module.decorators.route  # type: ignore[untyped-decorator]
    async def post(endpoint: Any, request: Any, data: Any) -> Any:
        dataset_id = request.path_params["dataset_id"]
        if ObjectId.is_valid(dataset_id):
            snapshot_id = snapshots.of_dataset_id(get_db_conn(), ObjectId(dataset_id))
            if snapshot_id is not None:
                refuse(snapshot_id, "a mask commit")
        return await original(endpoint, request, data)

    setattr(post, _MARK, original)
    endpoint.post = post
