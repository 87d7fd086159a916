"""Commands for merges."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable
from typing import Any

from ... import management as sdk
from ...backend.errors import InvalidArgumentError
from ..output import DONE, FOUND, Answer, table

Progress = Callable[[float, str], None]

_LISTED = ("id", "branch_name", "dataset_name", "state", "created_at", "created_by")


def merge_plan(options: Namespace, progress: Progress) -> Answer:
    """Plans a merge."""
    if options.base is not None and options.no_base:
        raise InvalidArgumentError("--base and --no-base exclude each other")
    given: dict[str, Any] = {}
    if options.base is not None or options.no_base:
        given["base"] = options.base
    plan = sdk.plan_merge(
        options.branch,
        options.into,
        fields=options.field,
        view=options.view,
        prefer=_preference(options.prefer or []),
        progress=progress,
        **given,
    )
    return _told(plan)


def merge_list(options: Namespace, _: Progress) -> Answer:
    """Lists merges."""
    found = sdk.list_merges(options.dataset)
    rows = [
        (
            m.id,
            m.branch_name,
            m.dataset_name,
            m.state,
            m.created_at,
            m.created_by,
            m.open_conflicts,
        )
        for m in found
    ]
    headings = ("merge", "branch", "into", "state", "planned", "by", "open conflicts")
    return Answer(found, table(headings, rows, "No merges"))


def merge_show(options: Namespace, _: Progress) -> Answer:
    """Tells of a merge."""
    plan = sdk.get_merge(options.merge)
    if not options.conflicts:
        return _told(plan)
    found = list(sdk.list_conflicts(options.merge, options.kind, options.field, options.label))
    rows = [
        (c.id, c.kind, c.sample_id, c.path, _short(c.ours), _short(c.theirs), c.resolution)
        for c in found
    ]
    headings = ("conflict", "kind", "sample", "path", "ours", "theirs", "decided")
    return Answer(found, table(headings, rows, "No conflicts"), _code(plan))


def merge_resolve(options: Namespace, _: Progress) -> Answer:
    """Decides conflicts."""
    take = None if options.take == "none" else options.take
    wanted: Any = options.conflict
    if wanted is None:
        wanted = {"kind": options.kind, "field": options.field, "label": options.label}
    number = sdk.resolve_conflicts(options.merge, wanted, take)
    plan = sdk.get_merge(options.merge)
    text = f"{number:,} conflicts decided, {plan.open_conflicts:,} are open"
    data = {"merge_id": plan.id, "decided": number, "open_conflicts": plan.open_conflicts}
    return Answer(data, text, _code(plan))


def merge_review(options: Namespace, _: Progress) -> Answer:
    """Opens the review of a merge."""
    name = sdk.review_merge(options.merge).name
    return Answer({"merge_id": options.merge, "dataset_name": name}, name)


def merge_use_edits(options: Namespace, _: Progress) -> Answer:
    """Decides conflicts as they were edited in the review."""
    edits = sdk.use_review_edits(options.merge)
    plan = sdk.get_merge(options.merge)
    text = f"{edits.taken:,} conflicts decided, {plan.open_conflicts:,} are open"
    if edits.not_taken:
        text += f"; edits of {edits.not_taken:,} samples and frames are about no conflict"
    data = {"merge_id": plan.id, **edits.to_dict(), "open_conflicts": plan.open_conflicts}
    return Answer(data, text, _code(plan))


def preview_merge_apply(options: Namespace) -> Answer:
    """Tells what a merge would change."""
    return _told(sdk.get_merge(options.merge))


def merge_apply(options: Namespace, _: Progress) -> Answer:
    """Applies a merge."""
    plan = sdk.get_merge(options.merge)
    made = sdk.apply_merge(options.merge, options.snapshot, options.description)
    return Answer(
        made,
        f"Merged '{plan.branch_name}' into '{plan.dataset_name}', which ends as snapshot "
        f"'{made.name}'. To take that back: fiftyone-snapshots merge undo '{plan.dataset_name}'",
    )


def merge_discard(options: Namespace, _: Progress) -> Answer:
    """Gives a merge up."""
    sdk.discard_merge(options.merge)
    return Answer({"merge_id": options.merge}, f"Merge {options.merge} is given up")


def _told(plan: sdk.MergePlan) -> Answer:
    return Answer(plan, str(plan), _code(plan))


def _code(plan: sdk.MergePlan) -> int:
    return FOUND if plan.open_conflicts else DONE


def _preference(given: list[str]) -> Any:
    """Reads sides, and kinds and fields with theirs."""
    named = dict(each.rsplit("=", 1) for each in given if "=" in each)
    alone = [each for each in given if "=" not in each]
    if len(alone) > 1 or (alone and named):
        raise InvalidArgumentError("--prefer takes one side for all, or kinds and fields with one")
    return alone[0] if alone else named or None


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
