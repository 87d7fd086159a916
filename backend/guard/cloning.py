"""Copying a loaded snapshot, as FiftyOne does it: nothing would tell damage of the copy."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import fiftyone.core.dataset as fod
import fiftyone.core.odm.database as food

from ..catalog.catalog import Catalog
from ..manifest import as_captured
from ..manifest.manifest import Manifest
from ..storage import registry
from . import snapshots

Function = Callable[..., Any]

_UNCHANGED = "No dataset was created."


def clone(original: Function) -> Function:
    """Refuses to copy a snapshot that is not what was captured.

    Views of it are copied without a look: they may be of few samples of many.
    """

    @functools.wraps(original)
    def _clone_collection(sample_collection: Any, name: str, *args: Any, **kwargs: Any) -> Any:
        if isinstance(sample_collection, fod.Dataset):
            _check(sample_collection)
        return original(sample_collection, name, *args, **kwargs)

    return _clone_collection


def _check(dataset: fod.Dataset) -> None:
    snapshot_id = snapshots.of_view(dataset._doc.sample_collection_name)
    database = food.get_db_conn()
    record = None if snapshot_id is None else Catalog(database).by_id(snapshot_id)
    state = None
    if record is not None and record.archive is None:
        state = registry.create(record.backend, database).ready(record)
    if record is None or state is None:
        # No snapshot, or one that is gone, which reading it will tell
        return
    small = {part: documents for part, documents in state.items() if not part.is_own_collection}
    as_captured.check_related(database, record, small, _UNCHANGED)
    own = {part: state[part] for part in state if part.is_own_collection}
    for part, documents in own.items():
        content = {part: Manifest.read(documents)}
        as_captured.check(database, record, content, _UNCHANGED)
