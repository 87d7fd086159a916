"""What happens when something is clicked on the merge page."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.errors import SnapshotError
from ..operators import merging
from ..operators.base import PLUGIN, Plain, SnapshotOperator, Target, required
from .merging_state import FILTER, MERGE, NUMBER, Filter


class MergeEvents:
    """The handlers of the History panel that are about merges."""

    if TYPE_CHECKING:

        def _perform(
            self,
            ctx: ExecutionContext,
            operator: type[SnapshotOperator],
            params: Plain,
            quiet: bool = False,
        ) -> bool: ...

        def _ask(
            self,
            ctx: ExecutionContext,
            operator: type[SnapshotOperator],
            params: Plain,
            on_success: Any = None,
        ) -> None: ...

        @staticmethod
        def _tell(ctx: ExecutionContext, severity: str, message: str) -> None: ...

    def on_plan_merge(self, ctx: ExecutionContext) -> None:
        """Asks how to merge a branch; when that is planned, shows it."""
        branch = ctx.params.get("branch") or str(ctx.params.get("value") or "").partition("/")[2]
        self._ask(ctx, merging.PlanMerge, {"branch": branch}, on_success=self.on_open_merge)

    def on_open_merge(self, ctx: ExecutionContext) -> None:
        """Shows the page of a merge; of the one planned last, unless it says which."""
        opened = {"dataset": Target.of(ctx).dataset, "id": ctx.params.get("merge")}
        ctx.panel.set_state({MERGE: opened, FILTER: {}, NUMBER: 0, "notice": None})

    def on_close_merge(self, ctx: ExecutionContext) -> None:
        """Leaves the page of a merge, and its review."""
        ctx.panel.set_state({MERGE: None, FILTER: {}, NUMBER: 0, "notice": None})
        target = Target.of(ctx)
        if target.merge is not None:
            ctx.ops.open_dataset(target.dataset)

    def on_review_merge(self, ctx: ExecutionContext) -> None:
        """Opens the samples in conflict."""
        self._perform(
            ctx, merging.ReviewMerge, {"merge": required(ctx.params, "merge")}, quiet=True
        )

    def on_show_conflicts(self, ctx: ExecutionContext) -> None:
        """Shows conflicts of some kind, and their samples in the grid."""
        wanted = Filter.of(ctx.params)
        ctx.panel.set_state({FILTER: wanted.params(), NUMBER: 0})
        plan, target = management.get_merge(required(ctx.params, "merge")), Target.of(ctx)
        side = "theirs" if ctx.dataset_name == plan.branch_name else "ours"
        if target.merge is not None:
            side = "review"
        try:
            view = management.view_conflicts(plan.id, side, **wanted.params())
            ctx.ops.set_view(view)
        except SnapshotError as error:
            self._tell(ctx, "error", str(error))

    def on_step_conflict(self, ctx: ExecutionContext) -> None:
        """Shows another conflict."""
        ctx.panel.set_state(NUMBER, ctx.params.get("number"))

    def on_open_sample(self, ctx: ExecutionContext) -> None:
        """Opens the sample that a conflict is about."""
        # Not with the App's own operator, which knows no fields of a dataset that was just opened
        ctx.trigger(f"{PLUGIN}/show_sample", {"id": required(ctx.params, "sample_id")})

    def on_take(self, ctx: ExecutionContext) -> None:
        """Decides conflicts."""
        known = ("merge", "take", "kind", "field", "label", "decided", "conflicts")
        given = {key: ctx.params[key] for key in known if key in ctx.params}
        self._perform(ctx, merging.ResolveMerge, given)

    def on_use_edits(self, ctx: ExecutionContext) -> None:
        """Decides the conflicts that were edited by hand."""
        self._perform(ctx, merging.UseReviewEdits, {"merge": required(ctx.params, "merge")})

    def on_apply_merge(self, ctx: ExecutionContext) -> None:
        """Asks whether to apply a merge."""
        self._ask(ctx, merging.ApplyMerge, {"merge": required(ctx.params, "merge")})

    def on_discard_merge(self, ctx: ExecutionContext) -> None:
        """Asks whether to give a merge up."""
        self._ask(ctx, merging.DiscardMerge, {"merge": required(ctx.params, "merge")})
