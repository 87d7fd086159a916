"""A dataset and its history in plain Python, as any sequence of verbs should leave them."""

from __future__ import annotations

import copy
from dataclasses import dataclass, field
from typing import Any

import fiftyone as fo

Content = dict[str, Any]
"""What a dataset holds, as far as the model goes: samples in order, fields, views, runs."""


@dataclass
class Snapshot:
    """A snapshot, as the model has it."""

    name: str
    content: Content
    number: int


@dataclass
class Discarded:
    """A state that a revert or an undo has put into the trash."""

    content: Content
    snapshots: list[Snapshot]
    """Those that went with it, and come back with it."""
    revived: list[Snapshot]
    """Those that came when it went, and go when it comes back."""


@dataclass
class Model:
    """A dataset and its history."""

    head: Content
    live: list[Snapshot] = field(default_factory=list)
    trashed: list[Snapshot] = field(default_factory=list)
    discarded: list[Discarded] = field(default_factory=list)
    number: int = 0

    def find(self, name: str) -> Snapshot | None:
        return next((snapshot for snapshot in self.live if snapshot.name == name), None)

    def last_trashed(self, name: str) -> Snapshot | None:
        return next((item for item in reversed(self.trashed) if item.name == name), None)

    def create(self, name: str) -> None:
        self.number += 1
        self.live.append(Snapshot(name, copy.deepcopy(self.head), self.number))

    def trash(self, snapshots: list[Snapshot]) -> None:
        self.live = [item for item in self.live if item not in snapshots]
        self.trashed += snapshots

    def revive(self, snapshots: list[Snapshot]) -> None:
        self.trashed = [item for item in self.trashed if item not in snapshots]
        self.live = sorted([*self.live, *snapshots], key=lambda item: item.number)

    def revert(self, snapshot: Snapshot) -> None:
        newer = [item for item in self.live if item.number > snapshot.number]
        self.discarded.append(Discarded(self.head, newer, []))
        self.trash(newer)
        self.head = copy.deepcopy(snapshot.content)

    def merge(self, name: str, content: Content) -> None:
        former, self.head = self.head, content
        self.create(name)
        self.discarded.append(Discarded(former, [], [self.live[-1]]))

    def undo(self) -> bool:
        """Undoes the last revert, merge or undo; returns whether names allow that."""
        former = self.discarded[-1]
        back = [item for item in former.snapshots if item in self.trashed]
        if any(self.find(item.name) for item in back):
            return False
        gone = [item for item in former.revived if item in self.live]
        self.discarded[-1] = Discarded(self.head, gone, back)
        self.trash(gone)
        self.revive(back)
        self.head = former.content
        return True


def content_of(dataset: fo.Dataset) -> Content:
    """Returns what a dataset holds, as the model has it."""
    fields = [name for name in ("label", "score") if dataset.has_field(name)]
    paths = ["filepath", "tags", *fields]
    values = dataset.values(paths)
    return {
        "samples": [list(map(_plain, sample)) for sample in zip(*values, strict=True)],
        "fields": fields,
        "views": sorted(dataset.list_saved_views()),
        "runs": sorted(dataset.list_runs()),
        "info": dict(dataset.info),
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, (list, tuple)) else value
