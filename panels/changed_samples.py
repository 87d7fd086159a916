"""The changed samples of a comparison, before and after, as pictures and in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from bson import ObjectId
from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from ..backend.diff import DatasetDiff
from ..backend.errors import SnapshotError
from ..operators import pictures
from ..operators.pictures import AT_ONCE, MOST_LOOKED_AT, Wanted
from ..operators.words import plural
from . import widgets
from .model import WANTED, state_of

if TYPE_CHECKING:
    from .history import HistoryPanel

_ALL = "all"


def render(
    panel: HistoryPanel, page: types.Object, ctx: ExecutionContext, diff: DatasetDiff
) -> None:
    """Adds them: the samples that are selected in the grid, or else all, page by page.

    Args:
        panel: the panel
        page: where to add them
        ctx: the panel's context
        diff: the comparison
    """
    if not diff.changed:
        return
    box = widgets.card(page, "one_by_one", data_testid="compared-one-by-one")
    selected = [ObjectId(id_) for id_ in ctx.selected if ObjectId.is_valid(id_)]
    ids = [id_ for id_ in selected if id_ in diff.changed]
    title = "Selected samples" if ids else "Changed samples, before and after"
    widgets.text(box, "title", title, bold=True)
    if ids:
        number = f"{len(ids):,} of {plural(len(diff.changed), 'changed sample')}"
        said = f"{number}: those that are selected in the grid."
        widgets.text(box, "which", said, color=widgets.SECONDARY)
    wanted = Wanted() if ids else _filters(panel, box, ctx, diff)
    first = max(0, state_of(ctx, "sample_page", 0)) * AT_ONCE
    try:
        found = ids or pictures.matching(diff, wanted)
        some = list(found[:AT_ONCE] if ids else found[first : first + AT_ONCE])
        shown = [each.to_dict() for each in pictures.pictures(diff, some, wanted)]
    except SnapshotError as error:
        widgets.text(box, "gone", str(error), color=widgets.SECONDARY)
        return
    if not shown:
        widgets.text(box, "none", "No sample has such a change.", color=widgets.SECONDARY)
    elif wanted != Wanted():
        said = f"{len(found):,} of {plural(len(diff.changed), 'changed sample')}"
        widgets.text(box, "which", said, color=widgets.SECONDARY)
    view = types.ComponentView("SnapshotsPictures", samples=shown, on_show=panel.on_show_samples)
    box.view("pictures", view)
    if wanted.needs_looking and len(diff.changed) > MOST_LOOKED_AT:
        said = f"Looked for in the first {MOST_LOOKED_AT:,} changed samples."
        widgets.text(box, "part", said, color=widgets.SECONDARY)
    if not ids:
        widgets.pager(
            box,
            "pager",
            (first, first + len(some), len(found)),
            "sample",
            ("Previous", panel.on_previous_samples),
            ("Next", panel.on_next_samples),
        )


def _filters(
    panel: HistoryPanel, box: types.Object, ctx: ExecutionContext, diff: DatasetDiff
) -> Wanted:
    """Adds drop-downs for which changes are wanted; returns what is chosen."""
    fields = [path for path, field in diff.fields.items() if field.samples]
    field = _chosen(ctx, "field", fields)
    offered = {
        "field": ("Field", "All fields", fields),
        "how": ("Kind of change", "All changes", pictures.kinds(diff, field)),
        "label": ("Class", "All classes", pictures.classes(diff, field)),
    }
    line = widgets.row(box, "wanted", style={"flexWrap": "wrap"})
    for key, (label, everything, values) in offered.items():
        if len(values) > 1:
            choices = {_ALL: everything, **{value: value for value in values}}
            widgets.dropdown(line, key, label, choices, panel.on_filter_samples, width="175px")
    return Wanted(**{key: _chosen(ctx, key, values) for key, (*_, values) in offered.items()})


def _chosen(ctx: ExecutionContext, key: str, values: list[str]) -> str | None:
    value: str = state_of(ctx, f"{WANTED}.{key}", "")
    # What was chosen for another field need not be there in this one
    return value if value in values else None
