"""Opening the panel with the versions of the sample that is open."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from ..backend.access import Action
from . import sample_versions
from .base import Plain, SnapshotOperator, Target
from .browse import quick_target

PANEL = "sample_history"


class OpenSampleHistory(SnapshotOperator):
    """Opens the panel in the sample's window."""

    NAME = "open_sample_history"
    ACTION = Action.DIFF
    LABEL = "History of this sample"
    DESCRIPTION = "Show the versions of the open sample: what changed, before and after"

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Has nothing to do."""
        return {"sample_id": sample_versions.open_sample(ctx)}

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Opens it beside the sample."""
        ctx.ops.open_panel(PANEL, layout="horizontal", is_active=True)

    def resolve_output(self, ctx: ExecutionContext) -> types.Property:
        """Returns nothing: what was opened is seen."""
        return types.Property(types.Object())

    def resolve_placement(self, ctx: ExecutionContext) -> types.Placement | None:
        """Offers itself in the sample's window."""
        # Asked for at every click: nothing is looked up unless there is a sample's window
        if not ctx.current_sample or quick_target(ctx) is None:
            return None
        return types.Placement(
            types.Places.SAMPLES_VIEWER_ACTIONS,
            types.Button(label=self.LABEL, icon="history", prompt=False),
        )
