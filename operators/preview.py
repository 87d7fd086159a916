"""Previews: what an action would change, calculated while its dialog is open.

A form is made by the thread that serves the whole App, so what takes time is calculated by an
operator of its own. The dialog's component in the App's script asks that operator again and again
until it is done, and puts the answer into the form. Until the form has it, nobody can go on.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from . import running
from .base import PLUGIN, PREVIEW, Plain, SnapshotOperator
from .form import Form

_TASK = "task_id"


class PreviewOperator(SnapshotOperator):
    """Calculates what an action would change, and changes nothing."""

    IS_PREVIEW: ClassVar[bool] = True

    def perform(self, ctx: ExecutionContext, params: Plain) -> Plain:
        """Begins to calculate, or goes on waiting for what was begun."""
        wanted = {key: value for key, value in params.items() if key != _TASK}
        task = running.find(str(params[_TASK])) if params.get(_TASK) else None
        if task is not None and task.job.params == wanted:
            return running.wait(task)
        return super().perform(ctx, wanted)


def ask(
    form: Form,
    ctx: ExecutionContext,
    operator: type[PreviewOperator],
    params: Mapping[str, Any],
    label: str,
) -> Plain | None:
    """Adds the preview to a form, which cannot be submitted before it is on screen.

    Args:
        form: the form
        ctx: the operator's context
        operator: what calculates it
        params: what it needs to know
        label: what is calculated, in words

    Returns:
        the answer, or None while there is none
    """
    if not ctx.prompt_id:
        # Only the App shows forms; callers from Python have ``dry_run``
        return None
    found = form.params.get(PREVIEW)
    if not isinstance(found, Mapping) or found.get("params") != dict(params):
        # It is that of another choice
        found = {}
    result = found.get("result")
    result = dict(result) if isinstance(result, Mapping) else {}
    is_done = running.is_finished(result)
    form.inputs.view(
        PREVIEW,
        types.ComponentView(
            "SnapshotsPreview",
            operator=f"{PLUGIN}/{operator.NAME}",
            params=dict(params),
            label=label,
            progress=result.get("progress"),
            error=found.get("error"),
            is_done=is_done,
        ),
        invalid=not is_done,
        error_message=found.get("error") or label,
    )
    return result if is_done else None
