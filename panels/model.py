"""What the History panel shows, read from the database once per rendering."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone
from typing import Any

from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.branches.record import Branch, Branches
from ..backend.catalog.record import SampleChangeSummary, SnapshotState
from ..backend.merge.open_merges import OpenMerge
from ..backend.operations.journal import Entry
from ..backend.overview.overview import Overview
from ..backend.search.history import History, HistoryEntry, HistoryQuery
from ..backend.trackers.run import TrackedRun
from ..backend.trash.trash import TrashItem, TrashKind
from ..management.trackers import runs_as_noticed
from ..operators import browse, running
from ..operators.base import Target

PAGE_SIZE = 10

_PANELS_KEPT = 5

KEPT_OF_MERGES = ("merge", "merge_filter", "merge_number")
"""What the panel's state keeps of merges, whose review is another dataset."""

# Where in the panel's state the fields keep what is filled in: a field's path on the page
NAME = "history.create.fields.name"
DESCRIPTION = "history.create.fields.description"
SEARCH = "history.search"
COMPARED = "history.versions"

WANTED = "history.one_by_one.wanted"
EVENTS = "history.events"

ASKED = (SEARCH, WANTED, EVENTS, "page", "sample_page")
"""What decides what is shown, and may be asked for again before that is there."""

PERIODS = {
    "all": ("Any time", None),
    "day": ("Last 24 hours", 1),
    "week": ("Last 7 days", 7),
    "month": ("Last 30 days", 30),
    "year": ("Last year", 365),
}


@dataclass(frozen=True)
class Shown:
    """Everything that the panel shows."""

    target: Target
    overview: Overview
    everything: list[HistoryEntry]
    """All snapshots but those in the trash, newest first."""
    history: History
    """The page that is shown of those that are searched for."""
    page: int
    newest: HistoryEntry | None
    """The latest complete snapshot, whatever is searched for."""
    opened: HistoryEntry | None
    """The snapshot that is open, if any."""
    changes: SampleChangeSummary | None
    changes_are_stale: bool
    branches: Branches
    merges: list[OpenMerge]
    """Planned merges, oldest first."""
    trash: list[TrashItem]
    """Everything in the trash, oldest first."""
    operations: list[Entry]
    tasks_under_way: list[running.Task]
    tasks_ended: list[running.Task]
    looked_at: frozenset[str]
    """The ids of the snapshots whose media files this process is looking at."""
    tracked: Mapping[str, Sequence[TrackedRun]]
    """Which runs of a tracker used a snapshot, by its id, as far as is known by now."""
    version: str
    """Of all this; see :class:`~.browse.Seen`."""

    @classmethod
    def of(cls, ctx: ExecutionContext) -> Shown:
        """Reads what is to be shown.

        Args:
            ctx: the panel's context

        Returns:
            the data

        Raises:
            SnapshotError: if there is nothing to show
        """
        seen = browse.Seen.of(ctx)
        target, overview, everything = seen.target, seen.overview, seen.history
        page = max(0, state_of(ctx, "page", 0))
        query = HistoryQuery(
            text=state_of(ctx, f"{SEARCH}.text", ""),
            creator=_unless_all(state_of(ctx, f"{SEARCH}.creator", "")),
            since=_since(state_of(ctx, f"{SEARCH}.period", "all")),
            trash=state_of(ctx, "trash", False),
            offset=page * PAGE_SIZE,
            limit=PAGE_SIZE,
        )
        is_head, shown = target.snapshot is None, overview.page(query)
        return cls(
            target=target,
            overview=overview,
            everything=everything.entries,
            history=shown,
            page=page,
            newest=next(
                (e for e in everything.entries if e.state is not SnapshotState.CREATING), None
            ),
            opened=next((e for e in everything.entries if e.name == target.snapshot), None),
            changes=overview.changes if is_head else None,
            changes_are_stale=is_head and overview.changes_are_stale,
            branches=overview.branches,
            merges=overview.merges,
            trash=overview.trash,
            operations=overview.operations,
            tasks_under_way=[task for task, is_running in seen.tasks if is_running],
            tasks_ended=[task for task, is_running in seen.tasks if not is_running],
            looked_at=seen.looked_at,
            tracked=runs_as_noticed(target.dataset, [each.id for each in shown.entries]),
            version=seen.version,
        )

    @property
    def others(self) -> list[str]:
        """The names of all snapshots, newest first."""
        return [entry.name for entry in self.everything]

    @property
    def discarded(self) -> list[TrashItem]:
        """Former states of the dataset that can be brought back, oldest first."""
        return [item for item in self.trash if item.kind is TrashKind.HEAD]

    @property
    def overwritten(self) -> list[TrashItem]:
        """What restoring samples has overwritten, oldest first."""
        return [item for item in self.trash if item.kind is TrashKind.SAMPLES]

    @property
    def deleted_branches(self) -> list[TrashItem]:
        """Branches in the trash, oldest first."""
        return [item for item in self.trash if item.kind is TrashKind.BRANCH]

    @property
    def is_busy(self) -> bool:
        """Whether anything is under way."""
        return bool(self.operations or self.tasks_under_way)

    def why_not(self, action: Action) -> str | None:
        """Returns why whoever looks may not do something, or None if they may."""
        return management.why_not(action, self.target.dataset)

    @staticmethod
    def may_delete(branch: Branch) -> bool:
        """Returns whether whoever looks may delete a branch, which has a level of its own."""
        return management.why_not(Action.DELETE_BRANCH, branch.dataset_name) is None


def state_of(ctx: ExecutionContext, path: str, default: Any) -> Any:
    """Returns a value of the panel's state.

    Args:
        ctx: the panel's context
        path: where it is
        default: what stands for a missing or empty value, and for one of another type, which can
            only have been put there by somebody else

    Returns:
        the value
    """
    value = ctx.panel.get_state(path)
    is_known = default is None or type(value) is type(default)
    return value if value is not None and is_known else default


def compared(ctx: ExecutionContext, target: Target) -> dict[str, str] | None:
    """Returns the versions that are being compared, or None if the list is shown."""
    versions = state_of(ctx, "compare", {})
    is_known = all(isinstance(versions.get(key), str) for key in ("before", "after"))
    return versions if is_known and versions.get("dataset") == target.dataset else None


def kept(ctx: ExecutionContext) -> dict[str, Any]:
    """Returns what of the panel's state survives opening another version of the dataset."""
    # The outcomes of its dialogs are told by the panel that takes its place
    found: dict[str, Any] = {"panels": browse.panels_of(ctx)[-_PANELS_KEPT:]}
    for key in KEPT_OF_MERGES:
        found[key] = state_of(ctx, key, None)
    if not state_of(ctx, "activity", False):
        # The list, as somebody has searched it, in which the next one is chosen
        found["page"] = state_of(ctx, "page", 0)
        found["history"] = {"search": state_of(ctx, SEARCH, {})}
    if versions := state_of(ctx, "compare", {}):
        found["compare"] = versions
        found["history"] = {**found.get("history", {}), "versions": versions}
        found["sample_page"] = state_of(ctx, "sample_page", 0)
    return found


def _unless_all(value: str) -> str | None:
    return None if value in ("", "all") else value


def _since(period: str) -> datetime | None:
    days = PERIODS.get(period, PERIODS["all"])[1]
    if days is None:
        return None
    # FiftyOne's times are UTC without saying so
    return datetime.now(timezone.utc).replace(tzinfo=None) - timedelta(days=days)
