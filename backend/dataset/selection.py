"""Which samples a caller means."""

from __future__ import annotations

from collections.abc import Iterable

import fiftyone.core.collections as foc
import fiftyone.core.media as fomm
import fiftyone.core.sample as fos
from bson import ObjectId
from pymongo.database import Database

from ..errors import InvalidRequestError
from ..mongo.collections import CATALOG
from ..mongo.database import Document
from .reference import DatasetReference


def sample_ids(
    database: Database[Document], dataset: DatasetReference, selection: object
) -> tuple[list[ObjectId], bool]:
    """Finds the samples that the caller means.

    Args:
        database: the database
        dataset: the dataset whose samples they must be
        selection: a sample or its id, several of them, or a view on the dataset or on one of its
            snapshots; of groups, a view means all slices

    Returns:
        the ids, and whether each was named, so that one that does not exist is a mistake

    Raises:
        InvalidRequestError: if it is none of these
    """
    if isinstance(selection, foc.SampleCollection):
        _check_origin(database, dataset, selection)
        return of_view(selection), False
    if isinstance(selection, (str, ObjectId, fos.Sample, fos.SampleView)):
        return [id_of(selection)], True
    if isinstance(selection, Iterable):
        return [id_of(item) for item in selection], True
    raise InvalidRequestError(
        f"Expected a view, samples or their ids, not {type(selection).__name__}: {selection!r}"
    )


def _check_origin(
    database: Database[Document], dataset: DatasetReference, view: foc.SampleCollection
) -> None:
    if owner_of(database, view) != dataset.id:
        raise InvalidRequestError(
            f"The view is on '{view._root_dataset.name}', which is neither dataset "
            f"'{dataset.name}' nor one of its snapshots"
        )


def owner_of(database: Database[Document], view: foc.SampleCollection) -> ObjectId:
    """Returns the id of the dataset that a view is on, be it on one of its snapshots.

    Args:
        database: the database
        view: the view

    Returns:
        the id
    """
    root: ObjectId = view._root_dataset._doc.id
    snapshot = database[CATALOG].find_one({"_id": root}, {"dataset_id": 1})
    return root if snapshot is None else snapshot["dataset_id"]


def of_view(view: foc.SampleCollection) -> list[ObjectId]:
    """Returns the ids of the samples of a view; of groups, those of all slices."""
    # Patches, frames and clips are parts of samples
    field = "sample_id" if view._is_generated else "id"
    if view.media_type == fomm.GROUP:
        view = view.select_group_slices(_allow_mixed=True)
    return [ObjectId(id_) for id_ in dict.fromkeys(view.values(field))]


def id_of(item: object) -> ObjectId:
    """Returns the id of a sample.

    Args:
        item: a sample or its id

    Returns:
        the id

    Raises:
        InvalidRequestError: if it is neither
    """
    if isinstance(item, ObjectId):
        return item
    # Of a patch, frame or clip, the sample that it is a part of
    id_ = getattr(item, "_sample_id", None) or getattr(item, "id", item)
    if not ObjectId.is_valid(str(id_)):
        raise InvalidRequestError(f"Not a sample, nor the id of one: {item!r}")
    return ObjectId(str(id_))
