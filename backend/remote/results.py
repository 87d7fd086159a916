"""What is told of remotes and of what travels."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..results.serialize import Record


@dataclass(frozen=True)
class PushResult(Record):
    """What was pushed, or would be."""

    dataset_name: str
    remote: str
    snapshots: list[str]
    """The names of those that the remote lacked."""
    already_there: int
    """How many of those that were asked for it had."""
    size_bytes: int
    """What has travelled, compressed; before that, what of the snapshots' BSON the remote lacks,
    estimated by the number of documents."""
    edited: list[str]
    """The names of those whose descriptions, tags or pins were edited here since, and sent."""
    dry_run: bool


@dataclass(frozen=True)
class PullResult(Record):
    """What was pulled, or would be."""

    dataset_name: str
    remote: str
    snapshots: list[str]
    """The names of those that were not here."""
    already_here: int
    """How many of those that were asked for were here, in the trash too."""
    size_bytes: int
    """What has travelled of their documents, compressed; before that, the objects that they need
    and that no snapshot that is here does, each counted once."""
    newest: str | None
    """The newest snapshot that was asked for."""
    base: str | None
    """The newest snapshot that the dataset as it is here and ``newest`` have in common."""
    is_diverged: bool
    """Whether there are snapshots after ``base`` on both sides, so that they have to be merged."""
    branch: str | None
    """The dataset of the branch that was made of ``newest``, to be merged."""
    edited: list[str]
    """The names of those whose descriptions, tags or pins others have edited, and that say the
    same here now."""
    dry_run: bool


@dataclass(frozen=True)
class RemoteSnapshot(Record):
    """A snapshot in a remote."""

    dataset_id: str
    dataset_name: str
    """The name that the dataset had when the snapshot was pushed."""
    id: str
    name: str
    description: str | None
    created_at: datetime
    created_by: str | None
    tags: tuple[str, ...]
    is_pinned: bool
    sample_count: int
    size_bytes: int
    """Of BSON, before compression."""
    parent_id: str | None
    """The snapshot that came before it, where it was created."""


@dataclass(frozen=True)
class RemoteGcResult(Record):
    """What no snapshot of a remote needs."""

    remote: str
    objects: int
    size_bytes: int
    snapshots: list[str]
    """The snapshots whose pushes were broken off, so far as their objects tell."""
    kept_objects: int
    """Those that no snapshot needs, but a push that is under way may."""
    pushes: list[str]
    """The pushes that are under way, or were broken off and not repeated: when they began, and
    for which dataset."""
    dry_run: bool


@dataclass(frozen=True)
class RemoteVerifyResult(Record):
    """Whether a remote holds what was pushed to it."""

    remote: str
    snapshots: int
    """How many were looked at."""
    objects: int
    """How many were read and compared with their names."""
    size_bytes: int
    problems: list[str]
    TOLD = ("is_ok",)

    @property
    def is_ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems
