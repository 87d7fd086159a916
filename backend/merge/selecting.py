"""Reading what callers want of a branch."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import fiftyone as fo
import fiftyone.core.collections as foc
import fiftyone.core.sample as fos
import numpy as np
from bson import ObjectId
from pymongo.database import Database

from ..dataset import selection
from ..dataset.parts import Head
from ..dataset.reference import DatasetReference
from ..dataset.schema import FRAMES_PREFIX
from ..errors import InvalidArgumentError, InvalidRequestError
from ..mongo.database import Document
from ..rawbson.ids import Ids
from .scope import Scope, can_be_chosen


def read_fields(given: object) -> tuple[str, ...] | None:
    """Reads which fields a caller wants.

    Args:
        given: a name, several of them, or None for all

    Returns:
        the names, sorted

    Raises:
        InvalidArgumentError: if it is something else, or none
    """
    if given is None:
        return None
    if isinstance(given, Iterable) and not isinstance(given, (bytes, type)):
        names = [given] if isinstance(given, str) else list(given)
        if names and all(isinstance(name, str) and name for name in names):
            return tuple(sorted(set(names)))
    raise InvalidArgumentError(
        f"fields must be names of fields, at least one, or None for all, not {given!r:.80}"
    )


def check_view(given: object) -> None:
    """Refuses what can be no selection of samples, whatever the datasets are.

    Args:
        given: what :func:`read_scope` takes as a view

    Raises:
        InvalidArgumentError: if it is something else
    """
    if given is None or isinstance(given, (str, foc.SampleCollection)):
        return
    items: Iterable[object] = (given,)
    if isinstance(given, Iterable) and not isinstance(given, (fos.Sample, fos.SampleView, bytes)):
        # What can be read only once is left to whoever reads it
        items = given if isinstance(given, Collection) else ()
    try:
        for item in items:
            selection.id_of(item)
    except InvalidRequestError as error:
        raise InvalidArgumentError(f"view: {error!s:.200}") from error


def mergeable_fields(database: Database[Document], dataset: DatasetReference) -> list[str]:
    """Lists the fields of a dataset that can be merged by themselves.

    Args:
        database: the database
        dataset: the dataset

    Returns:
        names of top-level fields, those of frames with the prefix ``frames.``
    """
    document = Head(database, dataset.id).document()
    return [
        prefix + str(field["name"])
        for key, prefix in (("sample_fields", ""), ("frame_fields", FRAMES_PREFIX))
        for field in document.get(key) or ()
        if can_be_chosen(str(field["name"]))
    ]


def read_scope(
    database: Database[Document],
    target: DatasetReference,
    branch: DatasetReference,
    fields: tuple[str, ...] | None,
    view: object,
) -> Scope:
    """Reads what a caller wants of a branch.

    Args:
        database: the database
        target: the dataset to merge into
        branch: the dataset to merge
        fields: the fields, or None for all
        view: a view on either, the name of a saved view of the branch, samples or their ids, or
            None for all

    Returns:
        the fields and samples

    Raises:
        InvalidArgumentError: if the samples are something else
        InvalidRequestError: if the view is on another dataset, or empty
    """
    if view is None:
        return Scope(fields)
    if isinstance(view, str) and not ObjectId.is_valid(view):
        view = _saved_view(branch, view)
    if isinstance(view, foc.SampleCollection):
        if selection.owner_of(database, view) not in (target.id, branch.id):
            raise InvalidRequestError(
                f"view is on '{view._root_dataset.name}', which is neither '{target.name}' nor "
                f"'{branch.name}', nor a snapshot of one of them"
            )
        ids = selection.of_view(view)
    else:
        try:
            ids, _ = selection.sample_ids(database, target, view)
        except InvalidRequestError as error:
            raise InvalidArgumentError(f"view: {error}") from error
    if not ids:
        raise InvalidRequestError("view has no samples, so that nothing would be merged")
    return Scope(fields, np.unique(Ids.of(ids).keys))


def _saved_view(branch: DatasetReference, name: str) -> fo.DatasetView:
    dataset = fo.load_dataset(branch.name)
    if not dataset.has_saved_view(name):
        raise InvalidArgumentError(f"view: '{branch.name}' has no saved view {name!r:.80}")
    return dataset.load_saved_view(name)
