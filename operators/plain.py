"""What the SDK returns, as plain data that any caller, in any language, can use."""

from __future__ import annotations

from ..backend.results.serialize import plain
from ..backend.results.times import zoned as utc

__all__ = ["plain", "utc"]
