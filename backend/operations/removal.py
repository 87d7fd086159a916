"""Deleting what lies among the documents of other datasets, on the condition of the lease."""

from __future__ import annotations

from collections.abc import Iterable

from bson import ObjectId

from ..dataset import ownership
from ..dataset.parts import Documents, Part, chunks, owner_field, shared_collection
from ..mongo import fence
from .journal import Operation

_CONDEMNED = "_condemned_by"
"""In a document that is about to be deleted, the operation that does so."""


def delete(
    running: Operation, part: Part, ids: list[ObjectId], owned_by: ObjectId | None = None
) -> None:
    """Deletes documents of a part, and what an attempt before was about to delete.

    Args:
        running: the operation
        part: the part
        ids: which ones; those of other datasets stay
        owned_by (None): whose they are; by default, the dataset's that the operation changes
    """
    of = running.dataset_id if owned_by is None else owned_by
    shared, owner = shared_collection(running.database, part), owner_field(part)
    for some in chunks(ids):
        fence.delete(shared, some, owner, running.id, owned_by=of)
    if running.is_recovery:
        shared.delete_many({owner: running.id})


def delete_results(running: Operation, wanted: Iterable[ObjectId]) -> None:
    """Deletes results of runs, the bytes first; may be repeated with the same ids.

    Args:
        running: the operation
        wanted: the files; those that runs of other datasets refer to stay
    """
    ids = ownership.unshared(running.database, running.dataset_id, wanted)
    files, pieces = running.database["fs.files"], running.database["fs.chunks"]
    if ids:
        for some in chunks(Documents(pieces, {"files_id": {"$in": ids}}).ids()):
            fence.delete(pieces, some, _CONDEMNED, running.id)
    running.step("cleared_results")
    fence.delete(files, ids, _CONDEMNED, running.id)
    if running.is_recovery and ids:
        pieces.delete_many({"files_id": {"$in": ids}, _CONDEMNED: running.id})
        files.delete_many({"_id": {"$in": ids}, _CONDEMNED: running.id})
