"""The History panel: what happens when something is clicked, and when to look again.

What is shown is :mod:`.page`'s business. Everything that is done is done by an operator, so that
the panel, the Operator Browser and Python have one and the same way in.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext
from fiftyone.operators.panel import Panel, PanelConfig

from ..backend.dataset.selection import id_of
from ..backend.errors import SnapshotError
from ..management.datasets import one_look
from ..operators import (
    branches,
    browse,
    change,
    compare,
    create,
    menu,
    revert,
    running,
    switching,
    trash,
    undo_restore,
    undoing,
)
from ..operators.asking import asking
from ..operators.base import DIALOG, PLUGIN, Plain, SnapshotOperator, Target, required
from . import page, remotes, saving
from .merging_events import MergeEvents
from .model import COMPARED, DESCRIPTION, KEPT_OF_MERGES, NAME, compared, state_of


class HistoryPanel(MergeEvents, Panel):
    """Shows the history of the dataset that is open."""

    @property
    def config(self) -> PanelConfig:
        """What FiftyOne wants to know of this panel."""
        return PanelConfig(
            name=browse.PANEL,
            label="History",
            icon="history",
            help_markdown="Snapshots of this dataset: create, browse, compare, roll back",
        )

    def render(self, ctx: ExecutionContext) -> types.Property:
        """Returns what is to be seen."""
        with asking(ctx), one_look():
            return page.render(self, ctx)

    def execute(self, ctx: ExecutionContext) -> Any:
        """Handles an event; a keystroke that makes no difference to be seen is no event."""
        with asking(ctx):
            if ctx.params.get("__method__") == "on_type" and not self._verdict_changes(ctx):
                return None
            try:
                return super().execute(ctx)
            except SnapshotError as error:
                self._tell(ctx, "error", str(error))
                return None

    def on_change_dataset(self, ctx: ExecutionContext) -> None:
        """Called when another dataset, or a snapshot, is opened."""
        ctx.panel.set_state(
            {
                "notice": None,
                "compare": None,
                **dict.fromkeys(KEPT_OF_MERGES),
                "activity": False,
                "page": 0,
                "search": {},
                "create": {},
            }
        )

    def on_poll(self, ctx: ExecutionContext) -> None:
        """Called when there may be something new to see, to be shown anew."""

    # What is clicked

    def on_type(self, ctx: ExecutionContext) -> None:
        """Called when a name that is being typed becomes usable or unusable, to be drawn anew."""

    @staticmethod
    def _verdict_changes(ctx: ExecutionContext) -> bool:
        # What is shown, not what the state says: of two changes of that the App may lose one
        return bool(page.verdict(ctx) != ctx.params.get("shown"))

    def on_search(self, ctx: ExecutionContext) -> None:
        """Called when the search changes."""
        ctx.panel.set_state("page", 0)

    def on_previous_page(self, ctx: ExecutionContext) -> None:
        """Shows newer snapshots."""
        ctx.panel.set_state("page", max(0, state_of(ctx, "page", 0) - 1))

    def on_next_page(self, ctx: ExecutionContext) -> None:
        """Shows older snapshots."""
        ctx.panel.set_state("page", state_of(ctx, "page", 0) + 1)

    def on_toggle(self, ctx: ExecutionContext) -> None:
        """Shows or hides a part of the panel."""
        key = required(ctx.params, "key")
        ctx.panel.set_state({key: not state_of(ctx, key, False), "page": 0})

    def on_create(self, ctx: ExecutionContext) -> None:
        """Saves a new snapshot."""
        name = state_of(ctx, NAME, "")
        if not saving.begin(ctx, name):
            return
        params = {"name": name, "description": state_of(ctx, DESCRIPTION, None)}
        accepted = False
        try:
            accepted = self._perform(ctx, create.CreateSnapshot, params)
        finally:
            if not accepted:
                saving.failed(ctx)
        if accepted:
            saves = state_of(ctx, saving.SAVES, 0) + 1
            ctx.panel.set_state({NAME: "", DESCRIPTION: "", saving.SAVES: saves})

    def on_refresh(self, ctx: ExecutionContext) -> None:
        """Counts the changes since the latest snapshot anew."""
        self._perform(ctx, create.RefreshChanges, {}, quiet=True)

    def on_browse(self, ctx: ExecutionContext) -> None:
        """Opens a snapshot."""
        self._perform(
            ctx, browse.BrowseSnapshot, {"name": required(ctx.params, "name")}, quiet=True
        )

    def on_menu(self, ctx: ExecutionContext) -> None:
        """Called with "action/name" of a snapshot's menu."""
        chosen = menu.Chosen.of(ctx.params.get("value"))
        if chosen.versions:
            self._compare(ctx, *chosen.versions)
        elif operator := menu.AT_ONCE.get(chosen.action):
            self._perform(ctx, operator, chosen.params)
        elif operator := menu.DIALOGS.get(chosen.action):
            self._ask(ctx, operator, chosen.params)

    def on_remote(self, ctx: ExecutionContext) -> None:
        """Called with what was chosen from the menu of remotes."""
        if operator := remotes.DIALOGS.get(str(ctx.params.get("value"))):
            self._ask(ctx, operator, {})

    def on_compare(self, ctx: ExecutionContext) -> None:
        """Called when other versions are chosen in the comparison, or to compare again."""
        chosen = state_of(ctx, COMPARED, {})
        versions = {**state_of(ctx, "compare", {}), **{k: v for k, v in chosen.items() if v}}
        # What the banner asks for, which is not chosen here
        versions.update({k: ctx.params[k] for k in ("before", "after") if ctx.params.get(k)})
        self._compare(ctx, required(versions, "before"), required(versions, "after"))

    def _compare(self, ctx: ExecutionContext, before: str, after: str) -> None:
        versions = {"before": before, "after": after, "dataset": Target.of(ctx).dataset}
        ctx.panel.set_state(
            {"compare": versions, COMPARED: versions, "sample_page": 0, "notice": None}
        )
        if before != after:
            params = {"before": before, "after": after}
            self._perform(ctx, compare.CompareSnapshots, params, quiet=True)

    def on_close_compare(self, ctx: ExecutionContext) -> None:
        """Goes back to the list."""
        ctx.panel.set_state({"compare": None, "notice": None})

    def on_change_selected(self, ctx: ExecutionContext) -> None:
        """Called when samples are selected in the grid: a comparison tells about those."""
        if compared(ctx, Target.of(ctx)):
            ctx.panel.set_state("sample_page", 0)

    def on_filter_samples(self, ctx: ExecutionContext) -> None:
        """Called when other changes are wanted to be seen."""
        ctx.panel.set_state("sample_page", 0)

    def on_previous_samples(self, ctx: ExecutionContext) -> None:
        """Shows what differs in the samples before."""
        ctx.panel.set_state("sample_page", max(0, state_of(ctx, "sample_page", 0) - 1))

    def on_next_samples(self, ctx: ExecutionContext) -> None:
        """Shows what differs in the next samples."""
        ctx.panel.set_state("sample_page", state_of(ctx, "sample_page", 0) + 1)

    def on_show_samples(self, ctx: ExecutionContext) -> None:
        """Shows the samples that a comparison found, in the grid."""
        target = Target.of(ctx)
        versions = compared(ctx, target) or {"before": "", "after": ""}
        diff = compare.recall(target.dataset, versions["before"], versions["after"])
        if diff is None:
            self._tell(ctx, "info", "This comparison is too old: compare again")
            return
        try:
            if sample_id := ctx.params.get("sample_id"):
                diff = compare.only(diff, [id_of(sample_id)])
            shown = compare.show_samples(
                ctx, diff, required(ctx.params, "kind"), ctx.params.get("field")
            )
        except SnapshotError as error:
            self._tell(ctx, "error", str(error))
        else:
            self._tell(ctx, "info", f"The grid shows {shown}")

    def on_undo(self, ctx: ExecutionContext) -> None:
        """Takes back the last thing that was done here."""
        undo = ctx.params.get("undo")
        undo = undo if isinstance(undo, Mapping) else {}
        operators: dict[str, type[SnapshotOperator]] = {
            "revert": revert.UndoRevert,
            "merge": revert.UndoRevert,
            "delete": trash.RestoreSnapshot,
            "delete_branch": branches.RestoreBranch,
            "restore_samples": undo_restore.UndoRestore,
        }
        operator = operators.get(str(undo.get("action")))
        if operator is revert.UndoRevert:
            last = revert.discarded_state(Target.of(ctx).dataset)
            if last is None or last.is_rolled_back or last.name != undo.get("name"):
                # Somebody has gone on since: say what would be undone now
                self._ask(ctx, operator, {})
                return
        if operator is not None:
            said = {key: value for key, value in undo.items() if key != "action"}
            self._perform(ctx, operator, said)

    def on_undo_restore(self, ctx: ExecutionContext) -> None:
        """Asks whether to undo a restoration of samples."""
        operation_id = required(ctx.params, "operation_id")
        self._ask(ctx, undo_restore.UndoRestore, {"operation_id": operation_id})

    def on_undo_revert(self, ctx: ExecutionContext) -> None:
        """Asks whether to undo the last rollback, or to bring another state back."""
        chosen = ctx.params.get("operation_id")
        self._ask(ctx, revert.UndoRevert, {"operation_id": chosen} if chosen else {})

    def on_undo_operation(self, ctx: ExecutionContext) -> None:
        """Asks whether to undo an operation."""
        self._ask(ctx, undoing.UndoOperation, {"operation": required(ctx.params, "operation")})

    def on_set_undo_mode(self, ctx: ExecutionContext) -> None:
        """Asks what is to be made undoable without being asked."""
        self._ask(ctx, undoing.SetUndoMode, {})

    def on_restore(self, ctx: ExecutionContext) -> None:
        """Brings a deleted snapshot back."""
        self._perform(ctx, trash.RestoreSnapshot, {"name": required(ctx.params, "name")})

    def on_create_branch(self, ctx: ExecutionContext) -> None:
        """Asks for the name of a new branch."""
        self._ask(ctx, branches.CreateBranch, {})

    def on_open_dataset(self, ctx: ExecutionContext) -> None:
        """Opens a branch, or what the dataset is a branch of."""
        switching.open_other(ctx, required(ctx.params, "dataset"))

    def on_delete_branch(self, ctx: ExecutionContext) -> None:
        """Asks whether to delete a branch."""
        self._ask(ctx, branches.DeleteBranch, {"branch": required(ctx.params, "branch")})

    def on_restore_branch(self, ctx: ExecutionContext) -> None:
        """Brings a deleted branch back."""
        params = {key: ctx.params.get(key) for key in ("branch", "operation_id")}
        self._perform(ctx, branches.RestoreBranch, params)

    def on_empty_trash(self, ctx: ExecutionContext) -> None:
        """Asks whether to empty the trash."""
        self._ask(ctx, trash.EmptyTrash, {})

    def on_cancel(self, ctx: ExecutionContext) -> None:
        """Gives up an operation."""
        operation_id = required(ctx.params, "operation_id")
        self._perform(ctx, change.CancelOperation, {"operation_id": operation_id})

    def on_dismiss(self, ctx: ExecutionContext) -> None:
        """Removes a message: the panel's own, or that of an operation in the background."""
        if task_id := ctx.params.get("task_id"):
            running.dismiss(str(task_id))
        else:
            ctx.panel.set_state("notice", None)

    # What operators answer

    def _perform(
        self,
        ctx: ExecutionContext,
        operator: type[SnapshotOperator],
        params: Plain,
        quiet: bool = False,
    ) -> bool:
        """Executes an operator and tells what came of it; returns whether it was accepted."""
        self._dismiss_outcomes(ctx)
        try:
            result = operator().perform(ctx, params)
        except SnapshotError as error:
            self._tell(ctx, "error", str(error))
            return False
        if not quiet:
            # What goes on elsewhere shows as a running row
            told = page.told(result)
            ctx.panel.set_state("notice", told and {**told, "at": _now()})
        return True

    def _ask(
        self,
        ctx: ExecutionContext,
        operator: type[SnapshotOperator],
        params: Plain,
        on_success: Any = None,
    ) -> None:
        """Opens an operator's form as a dialog."""
        self._dismiss_outcomes(ctx)
        ctx.panel.set_state("notice", None)
        # What came of it is looked for by the panel itself; what fails, the dialog tells
        params = {**params, DIALOG: True}
        on_success = on_success or self.on_poll
        ctx.prompt(f"{PLUGIN}/{operator.NAME}", params=params, on_success=on_success)

    @staticmethod
    def _dismiss_outcomes(ctx: ExecutionContext) -> None:
        """Forgets what came of earlier operations: whoever goes on has seen it."""
        for task in running.tasks(Target.of(ctx).dataset, browse.panels_of(ctx)):
            running.dismiss(task.id)

    @staticmethod
    def _tell(ctx: ExecutionContext, severity: str, message: str) -> None:
        told = {"severity": severity, "message": message, "at": _now()}
        ctx.panel.set_state("notice", told)


def _now() -> str:
    return datetime.now(timezone.utc).isoformat(timespec="seconds")
