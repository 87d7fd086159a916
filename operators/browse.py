"""Operators that look: list, information, opening a snapshot and leaving it again."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.catalog import names
from ..backend.errors import InvalidRequestError, SnapshotError, SnapshotNotFoundError
from ..backend.media import later
from ..backend.overview.overview import Overview
from ..backend.search.history import History, HistoryEntry, HistoryQuery
from ..management.datasets import one_look
from ..management.trackers import runs_as_noticed
from . import lost, running, switching
from .asking import asking
from .base import Plain, PluginOperator, SnapshotOperator, Target, choose_snapshot, required
from .form import Form
from .plain import plain
from .words import ago, change_counts, plural, size

PANEL = "history"


class ListSnapshots(SnapshotOperator):
    """Lists snapshots."""

    ACTION = Action.LIST
    DESCRIPTION = "List the snapshots of this dataset, newest first"
    ICON = "list"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for what to search for."""
        form.text("text", "Search", description="Part of a name or a description")
        form.flag("trash", "Deleted snapshots", default=False)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Lists them."""
        query = HistoryQuery(
            text=params.get("text") or "",
            creator=params.get("creator"),
            trash=params.get("trash") or False,
            offset=params.get("offset") or 0,
            limit=params.get("limit"),
        )
        history = management.get_history(target.dataset, query)
        return {
            "message": f"{plural(history.matching, 'snapshot')} of '{target.dataset}'",
            "snapshots": [_plain_entry(entry) for entry in history.entries],
            "total": history.total,
        }

    def show(self, outputs: types.Object, result: Plain) -> None:
        """Shows them as a table."""
        table = types.TableView()
        for key in ("name", "description", "created", "created_by", "changes", "samples", "size"):
            table.add_column(key, label=key.replace("_", " ").capitalize())
        outputs.list("snapshots", types.Object(), view=table)


class GetSnapshotInfo(SnapshotOperator):
    """Tells what is known of a snapshot."""

    NAME = "get_snapshot_info"
    ACTION = Action.LIST
    LABEL = "Snapshot information"
    DESCRIPTION = "Show what is known of a snapshot"
    ICON = "info"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the snapshot."""
        choose_snapshot(form, target)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Looks it up."""
        entry = entry_of(target, params.get("name") or target.snapshot)
        snapshot = management.get_snapshot_info(target.dataset, entry.name)
        return {
            "message": f"Snapshot '{entry.name}' of '{target.dataset}'",
            "snapshot": {**plain(snapshot), **_plain_entry(entry)},
        }

    def show(self, outputs: types.Object, result: Plain) -> None:
        """Shows it."""
        outputs.obj("snapshot", view=types.JSONView())


class BrowseSnapshot(SnapshotOperator):
    """Opens a snapshot."""

    ACTION = Action.LOAD
    DESCRIPTION = "Open a snapshot in the App, read-only"
    ICON = "visibility"
    SUBMIT = "Browse"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the snapshot."""
        choose_snapshot(form, target)

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Makes it loadable."""
        snapshot = management.load_snapshot(target.dataset, required(params, "name"))
        return {"message": f"Opened {snapshot.name}", "dataset_name": snapshot.name}

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Opens it."""
        switching.open_version(ctx, result["dataset_name"])

    def resolve_output(self, ctx: ExecutionContext) -> types.Property:
        """Returns nothing: what was opened is seen."""
        return types.Property(types.Object())


class BackToLatest(SnapshotOperator):
    """Leaves a snapshot."""

    NAME = "back_to_latest"
    ACTION = Action.LIST
    LABEL = "Back to the current dataset"
    DESCRIPTION = "Leave the snapshot and open the dataset that it was taken of"
    ICON = "keyboard_return"
    SUBMIT = "Back to current dataset"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Says what is open."""
        if target.snapshot is None:
            raise InvalidRequestError(
                f"'{target.dataset}' is the current dataset: no snapshot is open"
            )
        entry = entry_of(target, target.snapshot)
        form.say(
            "where",
            types.AlertView(
                severity="info",
                label=f"This is snapshot '{entry.name}' of '{target.dataset}'",
                description=f"Created {ago(entry.created_at)} by {entry.created_by or 'unknown'}. "
                "It is read-only: nobody can change it.",
            ),
        )

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Tells which dataset that is."""
        return {"message": f"Opened {target.dataset}", "dataset_name": target.dataset}

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Opens it."""
        switching.open_version(ctx, result["dataset_name"])

    def resolve_output(self, ctx: ExecutionContext) -> types.Property:
        """Returns nothing: what was opened is seen."""
        return types.Property(types.Object())

    def resolve_placement(self, ctx: ExecutionContext) -> types.Placement | None:
        """Marks the samples grid while a snapshot is open."""
        target = quick_target(ctx)
        if target is None or target.snapshot is None:
            return None
        return types.Placement(
            types.Places.SAMPLES_GRID_ACTIONS,
            types.Button(
                label=f"Snapshot {target.snapshot} of {target.dataset}: read-only",
                icon="lock_clock",
                prompt=True,
            ),
        )


class OpenHistory(SnapshotOperator):
    """Opens the History panel."""

    NAME = "open_history"
    ACTION = Action.LIST
    LABEL = "Open history"
    DESCRIPTION = "Open the History panel: snapshots of this dataset, and what changed"

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Has nothing to do."""
        return {"dataset_name": target.dataset}

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Opens it beside the samples."""
        ctx.ops.open_panel(PANEL, layout="horizontal", is_active=True)

    def resolve_output(self, ctx: ExecutionContext) -> types.Property:
        """Returns nothing: what was opened is seen."""
        return types.Property(types.Object())

    def resolve_placement(self, ctx: ExecutionContext) -> types.Placement | None:
        """Offers itself above the samples grid."""
        if quick_target(ctx) is None:
            return None
        return types.Placement(
            types.Places.SAMPLES_GRID_SECONDARY_ACTIONS,
            types.Button(label="History of this dataset", icon="history", prompt=False),
        )


class DescribeOpenSnapshot(PluginOperator):
    """Tells the App's script whether a snapshot is open."""

    NAME = "describe_open_snapshot"
    ACTION = Action.LIST
    LABEL = "Describe open snapshot"
    DESCRIPTION = "Tell whether a snapshot is open, and which"
    ICON = "info"
    UNLISTED = True

    def execute(self, ctx: ExecutionContext) -> Plain:
        """Tells it, and what of the dataset the script has to look at."""
        with one_look():
            return self._tell(ctx)

    @staticmethod
    def _tell(ctx: ExecutionContext) -> Plain:
        target = quick_target(ctx)
        if target is None:
            return {"dataset": None, "snapshot": None}
        told: Plain = {"dataset": target.dataset, "snapshot": target.snapshot}
        if target.snapshot is None and target.merge is None:
            with asking(ctx):
                told["version"] = management.head_version(target.dataset)
                told["is_lost"] = lost.is_lost(target.dataset)
        return told


class DescribeHistory(PluginOperator):
    """Tells the App's script whether the History panel would show something new."""

    NAME = "describe_history"
    ACTION = Action.LIST
    LABEL = "Describe history"
    DESCRIPTION = "Tell which version of a dataset's history this is"
    ICON = "info"
    UNLISTED = True

    def execute(self, ctx: ExecutionContext) -> Plain:
        """Tells it."""
        with asking(ctx), one_look():
            return {"version": history_version(ctx)}


@dataclass(frozen=True)
class Seen:
    """What a dataset's history looks like, read once for what is shown and for its version."""

    target: Target
    overview: Overview
    history: History
    """All snapshots but those in the trash."""
    tasks: list[tuple[running.Task, bool]]
    """Each with whether it is running, which was asked once: a task that ends meanwhile must not
    be neither under way nor ended."""
    looked_at: frozenset[str]
    """The ids of the snapshots whose media files this process is looking at."""

    @classmethod
    def of(cls, ctx: ExecutionContext) -> Seen:
        """Looks at the dataset that is open.

        Args:
            ctx: the context of an operator or panel

        Returns:
            what was seen

        Raises:
            SnapshotError: if there is nothing to see
        """
        target = Target.of(ctx)
        # Before the history: what has ended by now is to be seen there
        tasks = running.tasks(target.dataset, panels_of(ctx))
        states = [(task, task.is_running) for task in tasks]
        overview = management.get_overview(target.dataset)
        return cls(target, overview, overview.page(), states, later.under_way())

    @property
    def version(self) -> str:
        """A short text that is another one whenever the history looks different."""
        seen = self.overview
        return _version(
            self.target,
            self.history,
            seen.page(HistoryQuery(trash=True)).entries,
            [item.id for item in seen.trash],
            seen.branches,
            seen.changes,
            seen.changes and ago(seen.changes.updated_at),
            seen.changes_are_stale,
            [(merge.plan, merge.review) for merge in seen.merges],
            [
                (entry.id, entry.progress, entry.label, entry.is_cancelled)
                for entry in seen.operations
            ],
            [(task.id, is_running) for task, is_running in self.tasks],
            [entry.id for entry in self.history.entries if entry.id in self.looked_at],
            runs_as_noticed(
                self.target.dataset, [each.id for each in self.history.entries], also_new=False
            ),
        )


def history_version(ctx: ExecutionContext) -> str:
    """Returns a short text that is another one whenever a dataset's history looks different.

    Args:
        ctx: the context of an operator or panel

    Returns:
        the text
    """
    try:
        return Seen.of(ctx).version
    except SnapshotError as error:
        return _version(str(error))


def _version(*seen: object) -> str:
    return hashlib.sha256(repr(seen).encode()).hexdigest()[:16]


def panels_of(ctx: ExecutionContext) -> list[str]:
    """Returns the ids of the panels that whoever looks has opened, one after the other.

    Args:
        ctx: the context of a panel, or of an operator that is asked on behalf of one

    Returns:
        a list of ids, the panel's own last
    """
    asked = ctx.params.get("panels")
    if asked is None:
        state = ctx.params.get("panel_state")
        kept = state.get("panels") if isinstance(state, Mapping) else None
        asked = [*(kept if isinstance(kept, list) else ()), ctx.panel_id]
    # It comes from a browser
    known = asked if isinstance(asked, list) else []
    return [panel for panel in known if panel and isinstance(panel, str)]


def entry_of(target: Target, name: str | None) -> HistoryEntry:
    """Returns what is known of a snapshot.

    Args:
        target: what the operator works on
        name: the snapshot

    Returns:
        its entry in the history

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
    """
    entries = management.get_history(target.dataset).entries
    for entry in entries:
        if entry.name == name:
            return entry
    known = [entry.name for entry in reversed(entries)]
    raise SnapshotNotFoundError(names.no_snapshot(target.dataset, str(name), known))


def quick_target(ctx: ExecutionContext) -> Target | None:
    """Returns what is open, if it can have snapshots; for what is asked at every click.

    Args:
        ctx: an operator's context

    Returns:
        the target, or None
    """
    if not ctx.dataset_name:
        return None
    try:
        with asking(ctx):
            return Target.of(ctx)
    except SnapshotError:
        return None


def _plain_entry(entry: HistoryEntry) -> Plain:
    return {
        **plain(entry),
        "created": ago(entry.created_at),
        "change_summary": plain(entry.changes),
        "changes": change_counts(entry.changes),
        "samples": entry.sample_count,
        "size": size(entry.size_bytes),
    }
