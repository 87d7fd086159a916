"""Loading, deleting and tidying away: what FiftyOne does with datasets as a whole."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import fiftyone.core.dataset as fod
import fiftyone.core.odm.database as food
from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.record import DatasetSnapshot
from ..mongo.collections import PREFIX
from ..mongo.database import Document, connect, presumed, unless_forbidden
from ..mongo.write_scope import Permission, grant
from ..projection import opened, project
from ..search import history
from . import server, snapshots
from .refusal import refuse

Function = Callable[..., Any]

Purge = Callable[[Database[Document], ObjectId, str], object]
"""Destroys the snapshots of a dataset that was deleted, given its id and the name that it had."""


def load_dataset(
    load_snapshot: Callable[[str, str | DatasetSnapshot], fod.Dataset],
) -> Callable[[Function], Function]:
    """Lets ``load_dataset()`` take a snapshot's name."""

    def wrap(original: Function) -> Function:
        @functools.wraps(original)
        def load_dataset(
            name: str,
            create_if_necessary: bool | str | DatasetSnapshot = False,
            reload: bool = False,
            snapshot: str | DatasetSnapshot | None = None,
        ) -> fod.Dataset:
            server.install()
            if isinstance(create_if_necessary, (str, DatasetSnapshot)):
                snapshot, create_if_necessary = create_if_necessary, False
            if snapshot is not None:
                return load_snapshot(name, snapshot)
            if not create_if_necessary:
                try:
                    return original(name, reload=reload)
                except ValueError:
                    # There is no such dataset, but a snapshot may come to be called so
                    if "@" not in str(name):
                        raise
            if "@" in str(name):
                with unless_forbidden():
                    found = history.find_unopened(presumed(), str(name))
                    if found is not None and found.snapshot is not None:
                        return load_snapshot(found.dataset.name, found.snapshot)
            return original(name, create_if_necessary=create_if_necessary, reload=reload)

        load_dataset.__doc__ = (original.__doc__ or "").replace(
            "    Raises:",
            "        snapshot (None): the name of a snapshot of the dataset to load,\n"
            "            read-only, instead of its editable state. May also be given as\n"
            "            second argument\n\n    Raises:",
            1,
        )
        return load_dataset

    return wrap


def update_last_loaded_at(original: Function) -> Function:
    """Keeps FiftyOne from saving edits in memory when a snapshot is loaded again."""

    @functools.wraps(original)
    def _update_last_loaded_at(dataset: Any, force: bool = False) -> None:
        if snapshots.of_view(dataset._doc.sample_collection_name) is None:
            original(dataset, force)
            return
        if opened.looking_at() != dataset._doc.id:
            datasets = food.get_db_conn().datasets
            if datasets.find_one({"_id": dataset._doc.id}, {"_id": 1}) is None:
                # What FiftyOne's own look-up says (fiftyone/core/singletons.py:58)
                raise ValueError(f"'{dataset.name}' was deleted")
        if dataset._doc._get_changed_fields():
            dataset._doc.reload()

    return _update_last_loaded_at


def migrate(original: Function) -> Function:
    """Lets FiftyOne bring the projection of a snapshot up to its own version.

    The snapshot itself stays as it was captured; the next projection is migrated anew.
    """

    @functools.wraps(original)
    def migrate_dataset_if_necessary(*args: Any, **kwargs: Any) -> Any:
        if opened.looking_at() is not None:
            return None
        with grant(Permission.PROJECTING):
            return original(*args, **kwargs)

    return migrate_dataset_if_necessary


def delete(purge: Purge) -> Callable[[Function], Function]:
    """Deletes a dataset's snapshots with it, but never a snapshot."""

    def wrap(original: Function) -> Function:
        @functools.wraps(original)
        def _delete(dataset: Any) -> None:
            dataset_id, name = dataset._doc.id, dataset.name
            snapshot_id = snapshots.of_view(dataset._doc.sample_collection_name)
            if snapshot_id is None:
                original(dataset)
                catalog = Catalog(connect())
                if catalog.dataset_facts(dataset_id) or catalog.list_all(dataset_id):
                    purge(connect(), dataset_id, name)
            elif dataset.persistent:
                refuse(snapshot_id)
            else:
                # FiftyOne's clean-up in another process wants the projection gone
                project.remove(connect(), snapshot_id)
                dataset._deleted = True

        return _delete

    return wrap


def make_non_persistent(original: Function) -> Function:
    """Lets FiftyOne tidy generated datasets away, without taking projections for some."""

    @functools.wraps(original)
    def _make_datasets_non_persistent(conn: Any, names: list[str]) -> None:
        query = {"sample_collection_name": {"$regex": f"^{PREFIX}"}}
        shown = set(conn.datasets.distinct("name", query))
        with grant(Permission.GENERATING):
            original(conn, [name for name in names if name not in shown])

    return _make_datasets_non_persistent
