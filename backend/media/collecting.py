"""Removing copies of media that no snapshot refers to any more."""

from __future__ import annotations

from dataclasses import dataclass

from pymongo.database import Database

from ..catalog import deployment
from ..errors import InvalidRequestError
from ..mongo.database import Document
from ..results.serialize import Record
from . import store
from .fact import sha256_of
from .kept import configured

_DAYS = 7
"""Copies that were made, or found to be there, since are kept: a capture may be about to refer to
them, which it does only when it has copied all."""


@dataclass(frozen=True)
class CollectedMedia(Record):
    """Which copies no snapshot refers to, and whether they were removed."""

    folder: str
    """Or the URL, if they are in an object store."""
    kept: int
    """Copies that snapshots refer to, or that are too new to tell."""
    removed: int
    """Copies that were removed, or would be."""
    removed_bytes: int
    dry_run: bool


def collect(database: Database[Document], *, dry_run: bool) -> CollectedMedia:
    """Removes copies of media that no snapshot refers to.

    Args:
        database: the database
        dry_run: whether to only tell which

    Returns:
        what was removed

    Raises:
        InvalidRequestError: if other databases use the store
        DamagedSnapshotError: if it cannot be told what a snapshot refers to
    """
    kept = configured()
    ours = deployment.note(database)
    others = [owner for owner in kept.owners() if not ours.has(owner)]
    if others:
        raise InvalidRequestError(
            f"Other databases have copies in '{kept.location}' as well ({', '.join(others)}), and "
            "what they refer to is not known here. Nothing was removed. If they are gone, remove "
            f"their marks in '{kept.location}/owners'."
        )
    if not dry_run:
        kept.bring_back()
    # Copies first: what is referred to after that is too new to be removed
    old = [(name, size) for name, size, days in kept.contents() if days > _DAYS]
    total = sum(1 for _ in kept.contents())
    wanted = {sha256_of(fact) for fact in store.facts(database)}
    unwanted = [(name, size) for name, size in old if name not in wanted]
    if not dry_run:
        unwanted = [(name, size) for name, size in unwanted if kept.remove(name, _DAYS)]
    return CollectedMedia(
        kept.location,
        total - len(unwanted),
        len(unwanted),
        sum(size for _, size in unwanted),
        dry_run,
    )
