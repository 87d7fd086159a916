"""Refusing: saying what was refused, and leaving no trace of it in memory."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from contextvars import ContextVar
from types import FrameType
from typing import Any, NoReturn

import fiftyone.core.collections as focc
import fiftyone.core.dataset as fod
import fiftyone.core.document as focd
import fiftyone.core.odm.database as food
from bson import ObjectId

from ..catalog.catalog import Catalog
from ..errors import SnapshotReadOnlyError
from . import snapshots

_FIFTYONE = "fiftyone"

# What lies between a user's call and a write of FiftyOne's, besides FiftyOne
_LIBRARIES = (
    __name__.rpartition(".")[0].rpartition(".")[0],
    "asyncio",
    "bson",
    "concurrent",
    "contextlib",
    "eta",
    "functools",
    "gridfs",
    "mongoengine",
    "multiprocessing",
    "pymongo",
    "retrying",
    "threading",
)

# Calls of theirs say nothing of what the user did
_MACHINERY = (
    "fiftyone.core.singletons",
    "fiftyone.core.utils",
    "fiftyone.operators.decorators",
    "fiftyone.operators.executor",
    "fiftyone.operators.server",
    "fiftyone.server",
)

_ITEMS = ("__setitem__", "__delitem__", "__setattr__", "__delattr__")

_refusing: ContextVar[bool] = ContextVar("refusing", default=False)


def refuse(snapshot_id: ObjectId, call: str | None = None) -> NoReturn:
    """Refuses to edit a snapshot.

    What was changed in memory before the write could be seen to be one is taken back: the
    snapshot's loaded objects show the snapshot again.

    Args:
        snapshot_id: the snapshot
        call: what was refused; found out if not given

    Raises:
        SnapshotReadOnlyError: always
    """
    frame = sys._getframe(1)
    call = call or refused_call(frame)
    _forget_edits(snapshot_id, frame)
    raise SnapshotReadOnlyError(_message(snapshot_id, call))


def refused_call(frame: FrameType | None) -> str:
    """Names the call of FiftyOne's that a user made.

    Args:
        frame: where the write was stopped

    Returns:
        a name such as ``Dataset.add_samples()``
    """
    name = "this write"
    while frame is not None:
        module: str = frame.f_globals.get("__name__", "")
        root = module.partition(".")[0]
        if module == _FIFTYONE or module.startswith(_FIFTYONE + "."):
            # Plugins live below fiftyone.plugins, but are users
            if module.startswith("fiftyone.plugins."):
                break
            if not module.startswith(_MACHINERY):
                name = _public_name(frame) or name
        elif root not in _LIBRARIES and not module.startswith(_LIBRARIES[0]):
            break
        frame = frame.f_back
    return name


def _public_name(frame: FrameType) -> str | None:
    function = frame.f_code.co_name
    if function.startswith(("_", "<")) and function not in _ITEMS:
        return None
    owner = _owner(frame)
    if owner is None:
        return f"{frame.f_globals['__name__']}.{function}()"
    if function in _ITEMS:
        return f"an assignment to {owner.__name__}"
    if isinstance(getattr(owner, function, None), property):
        return f"setting {owner.__name__}.{function}"
    return f"{owner.__name__}.{function}()"


def _owner(frame: FrameType) -> type | None:
    code = frame.f_code
    if not code.co_argcount:
        return None
    first: Any = frame.f_locals.get(code.co_varnames[0])
    if code.co_varnames[0] == "self":
        return type(first)
    return first if code.co_varnames[0] == "cls" and isinstance(first, type) else None


def _message(snapshot_id: ObjectId, call: str) -> str:
    database = food.get_db_conn()
    record = Catalog(database).by_id(snapshot_id)
    if record is None:
        return f"Snapshots are read-only: {call} was refused. Nothing was changed."
    head = database["datasets"].find_one({"_id": record.dataset_id}, {"name": 1})
    dataset = head["name"] if head else record.dataset_id
    return (
        f"Snapshot '{record.name}' of dataset '{dataset}' is read-only: {call} was refused and "
        f"nothing was changed. Edit the dataset itself, fiftyone.load_dataset({dataset!r}), or an "
        "editable copy of the snapshot, snapshot.clone('<name>')."
    )


def _forget_edits(snapshot_id: ObjectId, frame: FrameType | None) -> None:
    if _refusing.get():
        return
    token = _refusing.set(True)
    try:
        database = food.get_db_conn()
        # FiftyOne keeps one object per name, but not those that were loaded otherwise
        found = {id(dataset): dataset for dataset in fod.Dataset._instances.values()}
        found.update((id(dataset), dataset) for dataset in _datasets_in_use(frame))
        for dataset in found.values():
            # One that is being made has none yet
            if getattr(dataset, "_deleted", True):
                continue
            if snapshots.of_dataset_id(database, dataset._doc.id) == snapshot_id:
                # To tell of a refusal matters more than what an object shows that cannot be
                # loaded any more
                with contextlib.suppress(Exception):
                    if dataset._doc._get_changed_fields():
                        dataset._reload(hard=True)
                    dataset._reload_docs(hard=True)
    finally:
        _refusing.reset(token)


def _datasets_in_use(frame: FrameType | None) -> Iterator[fod.Dataset]:
    """Yields the datasets whose methods are running, or the methods of their views and samples."""
    while frame is not None:
        owner = frame.f_locals.get("self")
        if isinstance(owner, focc.SampleCollection):
            yield owner._root_dataset
        elif isinstance(owner, focd._Document) and owner._dataset is not None:
            yield owner._dataset
        frame = frame.f_back
