"""Opening another version of a dataset; what is on screen is kept as far as it exists there."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import fiftyone as fo
import fiftyone.core.stages as fost
from bson import ObjectId
from fiftyone.operators.executor import ExecutionContext

from .base import PLUGIN


def open_version(ctx: ExecutionContext, name: str) -> None:
    """Opens another version, and keeps of what is on screen what exists in it.

    Args:
        ctx: the context of an operator or panel
        name: the name under which FiftyOne loads the version
    """
    stages = ctx.request_params.get("view") or []
    filters = ctx.request_params.get("filters") or {}
    sample = ctx.request_params.get("current_sample")
    if not (stages or filters or sample):
        ctx.ops.open_dataset(name)
        return
    dataset = fo.load_dataset(name)
    if sample and not _has_sample(dataset, sample):
        # The App would look for it, and show an error for a page
        ctx.ops.close_sample()
    kept_stages, kept_filters = _stages(dataset, stages), _filters(dataset, filters)
    if kept_stages or kept_filters:
        kept = {"dataset": name, "view": kept_stages, "filters": kept_filters}
        ctx.trigger(f"{PLUGIN}/open_view", kept)
    else:
        ctx.ops.open_dataset(name)


def open_other(ctx: ExecutionContext, name: str) -> None:
    """Opens another dataset, with the History panel if that is open here.

    Args:
        ctx: the context of an operator or panel
        name: the name of the dataset
    """
    # The App closes all panels with the dataset; its script opens this one there
    ctx.trigger(f"{PLUGIN}/open_view", {"dataset": name, "history": True})


def _has_sample(dataset: fo.Dataset, *samples: str) -> bool:
    """Returns whether one of the samples is there."""
    wanted = {"_id": {"$in": [ObjectId(id_) for id_ in samples if ObjectId.is_valid(id_)]}}
    return bool(dataset._sample_collection.count_documents(wanted, limit=1))


def _stages(dataset: fo.Dataset, stages: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Returns the stages of a view if all of them fit, else none: a part would be another view."""
    try:
        # Patches, frames and clips are datasets of their own, made of the version that was open.
        # To build such a stage would make one of all samples of the other version
        found = [fost.ViewStage._from_dict(stage) for stage in stages]
        if any(stage.has_view for stage in found):
            return []
        # Samples that were deleted are shown in the version that has them: the grid would be empty
        selected = [stage.sample_ids for stage in found if isinstance(stage, fost.Select)]
        if not all(_has_sample(dataset, *ids) for ids in selected):
            return []
        fo.DatasetView._build(dataset, stages)
    except Exception:  # noqa: BLE001 (each stage complains of missing fields in its own way)
        return []
    return stages


def _filters(dataset: fo.Dataset, filters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        path: wanted
        for path, wanted in filters.items()
        if path in ("tags", "_label_tags") or dataset.get_field(path) is not None
    }
