"""Manifests that were read, kept for as long as they are needed again.

The manifest of a snapshot never changes. Under a lease the last one is kept, because who puts
documents in place compares them with it after that; within :func:`reading_once`, the last few.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TypeAlias

from bson import ObjectId

from ..dataset.parts import Part
from ..mongo import fence
from .manifest import Manifest

Key: TypeAlias = tuple[ObjectId, Part]

_KEPT = "manifests"

_FEW = 4
"""Of a million samples, each takes about 50 MB."""

_once: ContextVar[OrderedDict[Key, Manifest] | None] = ContextVar("manifests", default=None)


@contextmanager
def reading_once() -> Iterator[None]:
    """Keeps the last manifests that are read in a ``with`` block; one within it adds nothing."""
    if _once.get() is not None:
        yield
        return
    token = _once.set(OrderedDict())
    try:
        yield
    finally:
        _once.reset(token)


def get(key: Key) -> Manifest | None:
    """Returns a manifest that was read, if it is kept."""
    for manifests, _ in _places():
        if key in manifests:
            manifests.move_to_end(key)
            return manifests[key]
    return None


def put(key: Key, manifest: Manifest) -> None:
    """Keeps a manifest that was read."""
    for manifests, most in _places()[:1]:
        manifests[key] = manifest
        while len(manifests) > most:
            manifests.popitem(last=False)


def forget() -> None:
    """Forgets them, because some are stored or deleted."""
    for manifests, _ in _places():
        manifests.clear()


def _places() -> list[tuple[OrderedDict[Key, Manifest], int]]:
    """Returns where they are kept, and how many."""
    found: list[tuple[OrderedDict[Key, Manifest], int]] = []
    if (once := _once.get()) is not None:
        found.append((once, _FEW))
    if (held := fence.current()) is not None:
        found.append((held.kept.setdefault(_KEPT, OrderedDict()), 1))
    return found
