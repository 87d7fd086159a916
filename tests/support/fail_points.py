"""Making the server fail."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

OUT_OF_DISK_SPACE = 14031


class Failing(NamedTuple):
    """How a test makes the server fail, and stops that."""

    at: Callable[..., None]
    """Given a collection, the names of commands, and what MongoDB calls ``data`` of its fail point
    ``failCommand``: an ``errorCode``, or ``closeConnection``."""
    stop: Callable[[], object]
