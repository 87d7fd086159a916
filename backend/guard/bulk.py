"""Calls of FiftyOne that can change many samples at once, so that what they do can be undone.

They are hooked where all routes to them meet: ``delete_samples()``, ``clear()`` and ``keep()``, of
a dataset and of a view, all end in ``Dataset._clear()``.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeAlias

import fiftyone.core.collections as focc
import fiftyone.core.dataset as fod
import numpy as np

from . import under_way
from .hook import Function, Hook
from .under_way import Running

Count: TypeAlias = Callable[[], int]
"""Tells how many samples a call may touch, which may take asking the database."""

Around: TypeAlias = Callable[[fod.Dataset, str, int | None, Count], Running | None]
"""Told of a dataset, what is about to be done to it, how many samples that may touch if the call
itself says so, and how to find out. Returns None if it is not to be undone. It never fails."""

_Arguments: TypeAlias = Mapping[str, Any]

_MANY = 2**63 - 1
_SIZED = (list, tuple, set, frozenset, dict, np.ndarray)
_NAMED = 5
"""Fields that are named in what an operation is called."""


def nothing(_dataset: fod.Dataset, _what: str, _said: int | None, _count: Count) -> Running | None:
    """Makes no call undoable."""
    return None


def keeping(around: Around, what: str, given: str | None) -> Callable[[Function], Function]:
    """Makes a method of a dataset or a view keep the states before and after.

    Args:
        around: keeps them
        what: what it does, for people
        given: the argument that holds what is dealt with: samples, ids, or names of fields

    Returns:
        a function that gets the original and returns the replacement
    """

    def wrap(original: Function) -> Function:
        signature = inspect.signature(original)

        @functools.wraps(original)
        def method(self: focc.SampleCollection, *args: Any, **kwargs: Any) -> Any:
            running = None
            try:
                arguments = signature.bind(self, *args, **kwargs).arguments
            except TypeError:
                # The original says what is wrong with them
                return original(self, *args, **kwargs)
            root = self._root_dataset
            dealt = None if given is None else arguments.get(given)
            running = around(
                root, _words(what, dealt), _said(arguments, dealt), lambda: _count(self, arguments)
            )
            if running is None:
                return original(self, *args, **kwargs)
            try:
                with under_way.inside(running.dataset_id):
                    result = original(self, *args, **kwargs)
            except BaseException as error:
                running.finish(error)
                raise
            if inspect.isgenerator(result):
                return under_way.each(result, running)
            running.finish(None)
            return result

        return method

    return wrap


def hooks(around: Around) -> Iterator[Hook]:
    """Yields the hooks.

    Args:
        around: keeps the states before and after

    Returns:
        an iterator
    """
    for name, line, what, given, parameters, uses in _TABLE:
        yield Hook(
            fod.Dataset,
            name,
            f"fiftyone/core/dataset.py:{line}",
            keeping(around, what, given),
            ("self", *parameters),
            frozenset(uses),
        )
    yield Hook(
        focc.SampleCollection,
        "load_annotations",
        "fiftyone/core/collections.py:10857",
        keeping(around, "load annotations", "anno_key"),
        ("self", "anno_key"),
        frozenset({"foua", "load_annotations"}),
    )


_VIEW, _FIELDS, _MAPPING = ("view",), ("field_names",), ("field_mapping", "view")
_TABLE: tuple[tuple[str, int, str, str | None, tuple[str, ...], set[str]], ...] = (
    ("_clear", 6156, "delete samples", "sample_ids", ("view", "sample_ids"), {"DeleteMany"}),
    ("_clear_frames", 6260, "delete frames", None, _VIEW, {"_frame_collection"}),
    ("_keep_frames", 6352, "keep frames", None, _VIEW, {"_frame_collection"}),
    ("_keep_fields", 6239, "keep fields", None, _VIEW, {"delete_sample_fields"}),
    ("_rename_sample_fields", 3397, "rename fields", "field_mapping", _MAPPING,
     {"_rename_fields"}),
    ("_rename_frame_fields", 3416, "rename frame fields", "field_mapping", _MAPPING,
     {"_rename_fields"}),
    ("_clear_sample_fields", 3574, "clear fields", "field_names", (*_FIELDS, "view"),
     {"_clear_fields"}),
    ("_clear_frame_fields", 3583, "clear frame fields", "field_names", (*_FIELDS, "view"),
     {"_clear_fields"}),
    ("_delete_sample_fields", 3724, "delete fields", "field_names", _FIELDS, {"_delete_fields"}),
    ("_delete_frame_fields", 3746, "delete frame fields", "field_names", _FIELDS,
     {"_delete_fields"}),
    ("delete_labels", 5054, "delete labels", None, ("labels", "ids"), {"_delete_labels"}),
    ("delete_group_slice", 3871, "delete group slice", "name", ("name",), {"delete_samples"}),
    ("merge_samples", 4754, "merge samples", "samples", ("samples", "key_field"),
     {"_merge_samples_pipeline", "_merge_samples_python"}),
    ("add_collection", 4346, "add collection", "sample_collection", ("sample_collection",),
     {"merge_samples", "_add_collection_with_new_ids"}),
    ("add_importer", 7193, "import", "dataset_importer", ("dataset_importer",),
     {"import_samples"}),
    ("merge_importer", 7257, "merge import", "dataset_importer", ("dataset_importer",),
     {"merge_samples"}),
    ("add_images", 7406, "add images", "paths_or_samples", ("paths_or_samples",), {"add_images"}),
    ("add_labeled_images", 7453, "add labeled images", "samples", ("samples",),
     {"add_labeled_images"}),
    ("add_videos", 7727, "add videos", "paths_or_samples", ("paths_or_samples",), {"add_videos"}),
    ("add_labeled_videos", 7774, "add labeled videos", "samples", ("samples",),
     {"add_labeled_videos"}),
)  # fmt: skip
"""Of each method its name and line, what it does, the argument that holds what it deals with, and
the arguments and names by which it is known."""

_ONES = ("ids", "labels", "frame_ids", "sample_ids")
"""Arguments that hold what is dealt with one by one."""

_BY_FIELD = {"field_names", "field_mapping", "name", "anno_key"}
"""Arguments that say nothing of how many samples are touched: all that there are may be."""


def _words(what: str, dealt: Any) -> str:
    """Says what a call does, and to which fields."""
    if isinstance(dealt, Mapping):
        named = [f"{old} to {new}" for old, new in dealt.items()]
    elif isinstance(dealt, str):
        named = [dealt]
    elif isinstance(dealt, (list, tuple, set)) and all(isinstance(each, str) for each in dealt):
        # Ids of samples tell nobody anything
        named = [] if what.endswith(("samples", "images", "videos")) else [*dealt]
    elif hasattr(dealt, "dataset_dir"):
        named = [f"{dealt.dataset_dir}"] if dealt.dataset_dir else []
    else:
        is_collection = isinstance(dealt, focc.SampleCollection)
        named = [f"of {dealt._root_dataset.name}"] if is_collection else []
    shown = ", ".join(named[:_NAMED]) + (", …" if len(named) > _NAMED else "")
    return f"{what} {shown}".strip()


def _said(arguments: _Arguments, dealt: Any) -> int | None:
    """Returns how many samples a call may touch, if its arguments say that by themselves."""
    if arguments.keys() & _BY_FIELD or isinstance(dealt, focc.SampleCollection):
        return None
    told: list[Any] = [dealt]
    told += [arguments.get(name) for name in _ONES]
    # Importers have a length as well, which raises errors or takes its time
    sized: list[Any] = [each for each in told if isinstance(each, _SIZED)]
    return len(sized[0]) if sized else None


def _count(collection: focc.SampleCollection, arguments: _Arguments) -> int:
    """Returns how many samples a call may touch; none if there are none to lose."""
    there: int = collection._root_dataset._sample_collection.estimated_document_count()
    view = arguments.get("view")
    told: list[Any] = [view, arguments.get("samples"), arguments.get("sample_collection")]
    for each in told:
        if isinstance(each, focc.SampleCollection):
            number: int = len(each)
            return min(number, there) if each is view or not there else number
    is_adding = arguments.keys() & {"dataset_importer", "paths_or_samples", "samples"}
    return (_MANY if there else 0) if is_adding else there
