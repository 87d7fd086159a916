"""Differences as views that FiftyOne can open."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeAlias, TypeVar

import fiftyone as fo
import fiftyone.core.dataset as fod
import fiftyone.core.media as fom
import numpy as np
from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotState
from ..dataset.parts import Head
from ..dataset.reference import DatasetReference
from ..errors import InvalidRequestError, SnapshotNotFoundError
from ..mongo import database
from ..mongo.database import Document
from ..rawbson.ids import Ids
from .records import FieldChanges

if TYPE_CHECKING:
    from .result import DatasetDiff

Opener: TypeAlias = Callable[[Database[Document], DatasetReference, str], fod.Dataset]
"""Loads a snapshot of a dataset, given its name."""

OpenerT = TypeVar("OpenerT", bound=Opener)

_openers: list[Opener] = []

_MAX_SELECTED = 500_000
"""A view is sent to the server as one document, which can have 16 MB."""


def opens(opener: OpenerT) -> OpenerT:
    """Makes a function the one by which snapshots are loaded for views.

    Args:
        opener: the function

    Returns:
        the function
    """
    _openers.append(opener)
    return opener


def newer(diff: DatasetDiff, ids: Ids) -> fo.DatasetView:
    """Returns samples as they are in the newer version of a comparison.

    Args:
        diff: the comparison
        ids: the samples

    Returns:
        a view
    """
    return select(_dataset(diff, diff.b_id), ids)


def older(diff: DatasetDiff, ids: Ids) -> fo.DatasetView:
    """Returns samples as they are in the older version of a comparison.

    Args:
        diff: the comparison
        ids: the samples

    Returns:
        a view
    """
    return select(_dataset(diff, diff.a_id), ids)


def field_of(diff: DatasetDiff, path: str) -> FieldChanges:
    """Returns what happened to a field.

    Args:
        diff: the comparison
        path: the field

    Returns:
        the changes

    Raises:
        InvalidRequestError: if nothing happened to it
    """
    if path not in diff.fields:
        known = ", ".join(diff.fields) or "none"
        raise InvalidRequestError(f"Field '{path}' did not change; those that did: {known}")
    return diff.fields[path]


def select(dataset: fo.Dataset, ids: Ids) -> fo.DatasetView:
    """Returns some samples of a dataset.

    Args:
        dataset: a dataset
        ids: the samples, of any slice if the dataset is grouped

    Returns:
        a view

    Raises:
        InvalidRequestError: if it would be too large for the server
    """
    whole: Any = dataset
    if dataset.media_type == fom.GROUP:
        # A grouped dataset shows one slice at a time
        whole = dataset.select_group_slices(_allow_mixed=True)
    if len(ids) <= _MAX_SELECTED:
        return whole.select(ids.strings())
    everything = Ids.of(map(ObjectId, whole.values("id")))
    rest = Ids(np.setdiff1d(everything.keys, ids.keys))
    if len(rest) <= _MAX_SELECTED:
        return whole.exclude(rest.strings())
    raise InvalidRequestError(
        f"A view cannot name {len(ids):,} of {len(everything):,} samples: at most "
        f"{_MAX_SELECTED:,} can be named, or left out. Take a part of them, for example: "
        "dataset.select(diff.changed[:100_000])"
    )


def _dataset(diff: DatasetDiff, snapshot_id: ObjectId | None) -> fo.Dataset:
    """Loads a version by what it is called now."""
    connection = database.connect()
    name = Head(connection, diff.dataset_id).document()["name"]
    if snapshot_id is None:
        return fod.load_dataset(name)
    record = Catalog(connection).by_id(snapshot_id)
    if record is None or record.state is not SnapshotState.READY:
        version = diff.a if snapshot_id == diff.a_id else diff.b
        raise SnapshotNotFoundError(
            f"Dataset '{name}' no longer has the snapshot '{version}' that was compared"
        )
    return _openers[-1](connection, DatasetReference(diff.dataset_id, name), record.name)
