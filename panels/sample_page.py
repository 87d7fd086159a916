"""What the panel in the sample's window shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fiftyone.operators import types
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.access import Action
from ..backend.diff.records import Kind
from ..backend.errors import SnapshotError
from ..operators import sample_versions
from ..operators.base import Target
from ..operators.sample_versions import LOOKED_AT, Entry, SampleVersions
from ..operators.words import plural
from . import widgets
from .model import state_of

if TYPE_CHECKING:
    from .sample import SamplePanel

PICKS, NEWEST, SHOWN, SLICE = "picks", "newest", "shown", "slice"

_MOST_NAMES = 5


def render(panel: SamplePanel, ctx: ExecutionContext) -> types.Property:
    """Returns what the panel shows.

    Args:
        panel: the panel, whose methods are called when something is clicked
        ctx: the panel's context
    """
    root = types.Object()
    page = widgets.column(
        root, "sample", gap=1.5, style={"p": 2, "width": "100%"}, data_testid="sample-history"
    )
    try:
        sample_id = sample_of(ctx)
        versions = sample_versions.recall(ctx, sample_id)
        dataset = Target.of(ctx).dataset if versions is None else versions.target.dataset
        refusal = management.why_not(Action.DIFF, dataset)
        if refusal is not None:
            widgets.alert(page, "refusal", "info", refusal)
            return _finish(root)
        if versions is None:
            newest = state_of(ctx, NEWEST, LOOKED_AT)
            versions = sample_versions.look(ctx, sample_id, newest)
        _show(panel, page, ctx, versions)
    except SnapshotError as error:
        widgets.alert(page, "nothing", "info", str(error))
    return _finish(root)


def picks(ctx: ExecutionContext) -> list[str]:
    """Returns the versions that somebody has picked."""
    return [each for each in state_of(ctx, PICKS, []) if isinstance(each, str)]


def shown(ctx: ExecutionContext) -> str:
    """Returns which sample of which version is open."""
    return f"{ctx.dataset_name}/{sample_of(ctx)}"


def sample_of(ctx: ExecutionContext) -> str:
    """Returns the sample that is open: of a group, the slice that the window shows.

    Args:
        ctx: the panel's context

    Returns:
        its id

    Raises:
        InvalidRequestError: if none is open
    """
    sample_id = sample_versions.open_sample(ctx)
    told = state_of(ctx, SLICE, {})
    is_of_it = told.get("of") == sample_id and isinstance(told.get("sample_id"), str)
    return str(told["sample_id"]) if is_of_it else sample_id


def _show(
    panel: SamplePanel, page: types.Object, ctx: ExecutionContext, versions: SampleVersions
) -> None:
    pair = versions.picked(picks(ctx))
    head = widgets.row(page, "head", style={"flexWrap": "wrap"})
    title = {"flex": "1 1 160px"}
    widgets.text(head, "title", "History of this sample", bold=True, size="1rem", item=title)
    hint = "Look again"
    widgets.button(head, "again", None, panel.on_look_again, icon="refresh", hint=hint)
    strip = types.ComponentView(
        "SnapshotsStrip",
        entries=[each.to_dict() for each in versions.entries],
        picks=picks(ctx),
        picked=[each.version for each in pair or ()],
        sample=sample_of(ctx),
        current=ctx.current_sample,
        shown=shown(ctx),
        on_pick=panel.on_pick,
        on_other=panel.on_other,
        on_news=panel.on_look_again,
    )
    page.view("strip", strip)
    _not_looked_at(panel, page, versions)
    if pair is None:
        said = "No snapshot that was looked at has this sample."
        widgets.text(page, "alone", said, color=widgets.SECONDARY)
        return
    _before_and_after(page, versions, *pair)


def _not_looked_at(panel: SamplePanel, page: types.Object, versions: SampleVersions) -> None:
    if versions.earlier:
        line = widgets.row(page, "earlier", style={"flexWrap": "wrap"})
        older = plural(versions.earlier, "older snapshot")
        widgets.text(line, "said", f"{older} not looked at.", color=widgets.SECONDARY)
        label = f"Look at {min(LOOKED_AT, versions.earlier)} more"
        widgets.button(line, "older", label, panel.on_older, icon="history")
    if versions.archived:
        some = ", ".join(versions.archived[:_MOST_NAMES])
        more = len(versions.archived) - _MOST_NAMES
        some += f" and {more:,} more" if more > 0 else ""
        said = f"Not looked at, because they are in the archive: {some}"
        widgets.text(page, "archived", said, color=widgets.SECONDARY, size="0.8rem")


def _before_and_after(
    page: types.Object, versions: SampleVersions, before: Entry, after: Entry
) -> None:
    picture = versions.picture(before, after)
    names = [each.to_dict()["label"] for each in (before, after)]
    told = {**picture.to_dict(), "versions": names}
    if picture.drawing.kind is None:
        told["others"] = ["The sample is the same in both versions."]
    elif picture.drawing.kind is not Kind.CHANGED:
        # One of the two has no picture, and says why
        told["others"] = []
    view = types.ComponentView("SnapshotsPictures", samples=[told])
    box = widgets.column(page, "pictures_box", data_testid="sample-before-after")
    box.view("pictures", view)
    for number, said in enumerate(sample_versions.undrawn(picture)):
        widgets.text(box, f"undrawn_{number}", said, color=widgets.SECONDARY, size="0.8rem")


def _finish(root: types.Object) -> types.Property:
    style = {"display": "block", "width": "100%"}
    return types.Property(
        root, view=types.GridView(orientation="vertical", componentsProps={"grid": {"sx": style}})
    )
