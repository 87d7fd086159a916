"""Making the documents of a dataset name other files."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import fiftyone.core.dataset as fod
import fiftyone.core.media as fomm

from ..backend.dataset.parts import Part
from ..backend.dataset.schema import FRAMES_PREFIX


def repoint(
    dataset: fod.Dataset, fields: Mapping[Part, list[str]], paths: Mapping[str, str]
) -> None:
    """Replaces values of fields.

    Args:
        dataset: the dataset
        fields: the fields of samples and frames that name files
        paths: new values by former ones
    """
    samples = dataset
    if dataset.media_type == fomm.GROUP:
        samples = dataset.select_group_slices(_allow_mixed=True)
    for part, names in fields.items():
        if part is Part.FRAMES and not dataset._has_frame_fields():
            continue
        prefix = FRAMES_PREFIX if part is Part.FRAMES else ""
        for name in names:
            _replace(samples, prefix + name, paths)


def _replace(samples: Any, field: str, paths: Mapping[str, str]) -> None:
    """Sets the values that are other ones then, of no other samples than these."""
    ids, values = samples.values(["id", field])
    new = {
        id_: replaced
        for id_, value in zip(ids, values, strict=True)
        if (replaced := _replaced(value, paths)) != value
    }
    if new:
        samples.select(list(new), ordered=True).set_values(field, list(new.values()))


def _replaced(value: Any, paths: Mapping[str, str]) -> Any:
    if isinstance(value, list):
        return [_replaced(item, paths) for item in value]
    return paths.get(value, value) if isinstance(value, str) else value
