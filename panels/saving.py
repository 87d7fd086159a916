"""Which names are being saved, so that nobody is told that they are taken because of that.

The App answers what was asked before a snapshot was saved with what was typed then. By that time
the snapshot exists, and its own name would be refused as taken.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from fiftyone.operators.executor import ExecutionContext

from .model import state_of

SAVES = "saves"
"""Where in the panel's state is how often its create box was used and cleared."""

_REMEMBERED = 1000

_names: OrderedDict[tuple[str, int], str] = OrderedDict()
_lock = threading.Lock()


def begin(ctx: ExecutionContext, name: str) -> bool:
    """Notes that a name is being saved.

    Args:
        ctx: the panel's context
        name: the name

    Returns:
        whether it is to be saved; not if the same click has begun that already
    """
    with _lock:
        if _names.get(_key(ctx)) == name:
            return False
        _names[_key(ctx)] = name
        while len(_names) > _REMEMBERED:
            _names.popitem(last=False)
    return True


def failed(ctx: ExecutionContext) -> None:
    """Notes that nothing came of it, so that one can try again."""
    with _lock:
        _names.pop(_key(ctx), None)


def is_saving(ctx: ExecutionContext, name: str) -> bool:
    """Returns whether what the panel holds was typed before it was saved."""
    with _lock:
        return _names.get(_key(ctx)) == name


def is_saved(ctx: ExecutionContext, name: str) -> bool:
    """Returns whether what the panel holds is what was saved last.

    Two windows of one session share a panel's state, and one of them may bring back what the
    other one has cleared.
    """
    panel_id, saves = _key(ctx)
    with _lock:
        return _names.get((panel_id, saves - 1)) == name


def _key(ctx: ExecutionContext) -> tuple[str, int]:
    return str(ctx.panel_id), int(state_of(ctx, SAVES, 0))
