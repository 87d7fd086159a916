"""Following a link to a snapshot that is not open yet, or cannot be opened as it is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.errors import DatasetNotFoundError, InvalidRequestError, SnapshotError
from ..backend.search.history import HistoryEntry, HistoryQuery
from .asking import asking
from .base import PLUGIN, Plain, SnapshotOperator, Target, plain_params
from .form import Form
from .words import ago, until

_MOST_NAMES = 10


@dataclass(frozen=True)
class Link:
    """What an address of the App means."""

    dataset: str
    name: str
    """The snapshot's name in the address; there need not be such a snapshot."""
    entry: HistoryEntry | None
    """The snapshot, which may be archived or in the trash."""

    @property
    def can_be_opened(self) -> bool:
        """Whether opening the snapshot needs nothing else."""
        return bool(self.entry and self.entry.archive is None and not self.entry.is_in_trash)


class OpenLink(SnapshotOperator):
    """Opens the snapshot that the page's address names, or says why that cannot be."""

    NAME = "open_link"
    ACTION = Action.LOAD
    LABEL = "Open link to a snapshot"
    DESCRIPTION = "Open the snapshot that an address names, or say what to do instead"
    ICON = "link"
    RISK = types.RiskLevel.MEDIUM
    UNLISTED = True
    SUBMIT = "Open"

    def target(self, ctx: ExecutionContext) -> Target:
        """Returns the dataset in the address; none need be open."""
        return Target(_link(ctx.params).dataset, None)

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Says what is wrong with the link, and what its button does about that."""
        link = _link(ctx.params)
        entry = link.entry
        if entry is None:
            names = [e.name for e in management.get_history(link.dataset).entries]
            listed = ", ".join(f"'{name}'" for name in names[:_MOST_NAMES])
            more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
            label = f"Dataset '{link.dataset}' has no snapshot '{link.name}'"
            said = f"Its snapshots are {listed}{more}." if names else "It has no snapshots."
            submit = "Open current dataset"
        elif entry.is_in_trash:
            left = f" for {until(entry.expires_at)}" if entry.expires_at else ""
            label = f"Snapshot '{link.name}' of '{link.dataset}' was deleted"
            said = f"It is still in the trash{left}, and can be restored."
            submit = "Restore and open"
        elif entry.archive is not None:
            label = f"Snapshot '{link.name}' of '{link.dataset}' is archived"
            said = f"It was archived {ago(entry.archive.archived_at)}. To be opened, it must be "
            said += "brought back into the database."
            submit = "Bring back and open"
        else:
            label = f"Snapshot '{link.name}' of '{link.dataset}' can be opened"
            said, submit = f"Created {ago(entry.created_at)}.", "Open"
        form.submit = submit
        severity = "info" if entry else "warning"
        form.say("link", types.AlertView(severity=severity, label=label, description=said))

    def execute(self, ctx: ExecutionContext) -> Plain:
        """Opens it if nothing is in the way; else asks, unless that was just done."""
        params = plain_params(ctx)
        try:
            with asking(ctx):
                can_be_opened = _link(params).can_be_opened
        except DatasetNotFoundError:
            can_be_opened = False
        if can_be_opened or params.get("asked"):
            return self.perform(ctx, params)
        ctx.prompt(f"{PLUGIN}/{self.NAME}", params={**params, "asked": True})
        return {"state": "asked"}

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Does what the form's button says."""
        link = _link(params)
        if link.entry is None:
            return {"message": f"Opened {link.dataset}", "dataset_name": link.dataset}
        if link.entry.is_in_trash:
            management.restore_snapshot(link.dataset, link.name)
        elif link.entry.archive is not None:
            management.unarchive_snapshot(link.dataset, link.name)
        snapshot = management.load_snapshot(link.dataset, link.name)
        return {"message": f"Opened {snapshot.name}", "dataset_name": snapshot.name}

    def follow_up(self, ctx: ExecutionContext, target: Target, result: Plain) -> None:
        """Opens it."""
        ctx.ops.open_dataset(result["dataset_name"])

    def resolve_output(self, ctx: ExecutionContext) -> types.Property:
        """Returns nothing: what was opened is seen."""
        return types.Property(types.Object())


def _link(params: Mapping[str, Any]) -> Link:
    """Finds out what a link means: ``dataset@snapshot``, or a dataset and a snapshot apart."""
    address, snapshot = params.get("address"), params.get("snapshot")
    if not address or not isinstance(address, str):
        raise InvalidRequestError("The parameter 'address' is missing: which dataset?")
    links = []
    for dataset, name in _readings(address, snapshot):
        try:
            target = management.locate(dataset)
        except SnapshotError:
            continue
        # A snapshot's own address can be asked for another snapshot
        links.append(Link(target.dataset.name, name, _find(target.dataset.name, name)))
    if not links:
        raise DatasetNotFoundError(
            f"There is no dataset for the link to '{address}'. It may have been renamed or "
            "deleted: choose one with the selector at the top."
        )
    # Both names may contain what stands between them
    return next((link for link in links if link.entry), links[0])


def _readings(address: str, snapshot: object) -> Iterator[tuple[str, str]]:
    """Yields how an address can be read, as the names of a dataset and a snapshot."""
    if snapshot:
        yield address, str(snapshot)
        return
    for place in range(len(address) - 1, 0, -1):
        if address[place] == "@":
            yield address[:place], address[place + 1 :]


def _find(dataset: str, name: str) -> HistoryEntry | None:
    """Returns a snapshot of a dataset, or the last one of that name in its trash."""
    for query in (HistoryQuery(), HistoryQuery(trash=True)):
        for entry in management.get_history(dataset, query).entries:
            if entry.name == name:
                return entry
    return None
