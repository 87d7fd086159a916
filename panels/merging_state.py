"""Which merge the panel shows, and which of its conflicts: what the panel's state keeps of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fiftyone.operators.executor import ExecutionContext

from ..backend.merge.open_merges import OpenMerge
from .model import KEPT_OF_MERGES, Shown, state_of

MERGE, FILTER, NUMBER = KEPT_OF_MERGES
"""Where the panel's state has the merge, which conflicts are wanted, and which one is shown."""


@dataclass(frozen=True)
class Filter:
    """Which conflicts are wanted."""

    kind: str | None = None
    field: str | None = None
    label: str | None = None

    def params(self) -> dict[str, Any]:
        """Returns it as parameters of an event."""
        return {key: value for key, value in asdict(self).items() if value is not None}

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Filter:
        """Reads what :meth:`params` returned, from among others."""
        said = {key: params.get(key) for key in ("kind", "field", "label")}
        return cls(**{key: value for key, value in said.items() if isinstance(value, str)})


def merge_of(ctx: ExecutionContext, shown: Shown) -> OpenMerge | None:
    """Returns the merge whose page is shown: that of the open review, or the one that was opened.

    Args:
        ctx: the panel's context
        shown: what is shown

    Returns:
        the merge, or None if another page is shown
    """
    wanted: str | None = shown.target.merge
    if wanted is None:
        state = state_of(ctx, MERGE, {})
        if state.get("dataset") != shown.target.dataset:
            return None
        wanted = state.get("id")
        if wanted is None:
            # Just planned
            return shown.merges[-1] if shown.merges else None
    return next((merge for merge in shown.merges if merge.plan.id == wanted), None)


def chosen(ctx: ExecutionContext, merge: OpenMerge) -> Filter:
    """Returns which conflicts are wanted; all, if those that were are gone."""
    wanted = Filter.of(state_of(ctx, FILTER, {}))
    return wanted if numbers(merge, wanted)[1] else Filter()


def numbers(merge: OpenMerge, wanted: Filter) -> tuple[int, int]:
    """Returns how many conflicts are open of those that are wanted, and how many there are."""
    found = [
        count
        for count in merge.plan.counts
        if (wanted.kind is None or count.kind == wanted.kind)
        and (wanted.field is None or count.field == wanted.field)
        and (wanted.label is None or count.label == wanted.label)
    ]
    return sum(count.open for count in found), sum(count.total for count in found)
