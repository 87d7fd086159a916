"""Comparing two versions of a dataset, and showing the samples that differ."""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import fiftyone as fo
from bson import ObjectId
from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.catalog import names
from ..backend.diff import DatasetDiff
from ..backend.rawbson.ids import Ids
from .base import PLUGIN, Plain, SnapshotOperator, Target, choose_snapshot, required
from .form import Form
from .words import MINUS, plural

HEAD = "(current dataset)"
"""Stands for the editable state among the names of snapshots."""

_KEPT = 8
"""Comparisons that are remembered, so that looking at one from all sides costs nothing more."""

_diffs: OrderedDict[tuple[str, str, str], DatasetDiff] = OrderedDict()
_lock = threading.Lock()


class CompareSnapshots(SnapshotOperator):
    """Compares two versions."""

    ACTION = Action.DIFF
    DESCRIPTION = "Tell what differs between two snapshots, or a snapshot and the current dataset"
    ICON = "difference"
    DELEGATABLE = True
    SUBMIT = "Compare"

    def fill(self, form: Form, target: Target, ctx: ExecutionContext) -> None:
        """Asks for the versions."""
        before = choose_snapshot(form, target, "before", "Before", aliases=[names.HEAD])
        after = choose_snapshot(
            form, target, "after", "After", extra=[HEAD], default=HEAD, aliases=[names.HEAD]
        )
        if before is not None and before == after:
            form.refuse("These are the same version: choose two different ones")

    def work(self, target: Target, params: Mapping[str, Any], ctx: ExecutionContext) -> Plain:
        """Compares them."""
        given = {key: value for key, value in params.items() if value}
        before = required({"before": target.snapshot, **given}, "before")
        after = required({"after": HEAD, **given}, "after")
        diff = management.diff(
            target.dataset,
            names.HEAD if before == HEAD else before,
            None if after == HEAD else after,
            progress=False,
            media=_has_media(target.dataset, before),
        )
        remember(target.dataset, before, after, diff)
        counts = (
            f"+{len(diff.added):,}, {MINUS}{len(diff.deleted):,}, ~{len(diff.changed):,} samples"
        )
        return {
            "message": f"From '{before}' to '{after}': {counts}",
            "before": before,
            "after": after,
            "diff": diff.to_dict(),
            "report": str(diff),
        }

    def run_label(self, target: Target, params: Mapping[str, Any]) -> str:
        """Names both versions."""
        return f"Compare {params.get('before')} with {params.get('after') or HEAD}"

    def show(self, outputs: types.Object, result: Plain) -> None:
        """Shows the report."""
        outputs.str("report", label="Report", view=types.CodeView(read_only=True))


def _has_media(dataset: str, before: str) -> bool:
    """Returns whether it can be told what became of the media: nobody is kept waiting else."""
    if names.is_head(before) or before == HEAD:
        return False
    return management.get_captured_media(dataset, before) is not None


def remember(dataset: str, before: str, after: str, diff: DatasetDiff) -> None:
    """Keeps a comparison at hand."""
    with _lock:
        _diffs[dataset, before, after] = diff
        _diffs.move_to_end((dataset, before, after))
        while len(_diffs) > _KEPT:
            _diffs.popitem(last=False)


def recall(dataset: str, before: str, after: str) -> DatasetDiff | None:
    """Returns a comparison that was made in this process not long ago, or None."""
    with _lock:
        return _diffs.get((dataset, before, after))


def figures(diff: DatasetDiff) -> dict[str, Plain]:
    """Returns a comparison's figures, as Plotly's own JSON."""
    return {name: json.loads(figure.to_json()) for name, figure in diff.plot().items()}


def only(diff: DatasetDiff, sample_ids: Sequence[ObjectId]) -> DatasetDiff:
    """Returns a comparison with no other changed samples than some."""
    return replace(diff, changed=Ids.of(sample_ids))


def show_samples(
    ctx: ExecutionContext, diff: DatasetDiff, kind: str, field: str | None = None
) -> str:
    """Shows the samples that differ in the grid, in the version where they are.

    Args:
        ctx: the context of an operator or panel
        diff: the comparison
        kind: "added", "deleted" or "changed"
        field (None): only samples in which this field differs

    Returns:
        what is shown, in words

    Raises:
        SnapshotError: if a version is gone
    """
    if kind == "added":
        view = diff.added_view()
    elif kind == "deleted":
        view = diff.deleted_view()
    else:
        # The older version does as well, and need not be left if it is the one that is open
        older = ctx.dataset_name == _name_of(diff.changed_view(field, before=True))
        view = diff.changed_view(field, before=older)
    if _name_of(view) == ctx.dataset_name:
        ctx.ops.set_view(view)
    else:
        stages = json.loads(json.dumps(view._serialize(), default=str))
        ctx.trigger(f"{PLUGIN}/open_view", {"dataset": _name_of(view), "view": stages})
    what = f"{kind}, in field {field}" if field else kind
    return f"{plural(len(view), 'sample')} {what}"


def _name_of(view: fo.DatasetView) -> str:
    return str(view._root_dataset.name)
