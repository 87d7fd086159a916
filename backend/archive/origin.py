"""Checking what an archive from elsewhere says of itself against what is here.

Whoever writes an archive by hand can put any id into it. So none is believed: the snapshot's must
be new here, all documents must belong to the snapshot's dataset, and what they refer to as well.
"""

from __future__ import annotations

from collections.abc import Mapping

from bson import ObjectId, json_util
from pymongo.database import Database

from ..dataset import generated, ownership
from ..dataset.parts import Part, State, owner_field
from ..dataset.reference import check_versionable
from ..errors import DamagedArchiveError, InvalidRequestError
from ..mongo import invalidate
from ..mongo.collections import CATALOG, DATASETS, JOURNAL, TRASH, owned_collections
from ..mongo.database import Document
from .check import malformed_is_damaged
from .format import Header

_TIME_TO_LIVE = "expireAfterSeconds"
_NO_ID = {"_id": {"$not": {"$type": "objectId"}}}


def check_ids(database: Database[Document], header: Header) -> None:
    """Makes sure that the ids of a snapshot and its dataset can be what they are meant to be.

    Args:
        database: the database
        header: what an archive says of itself

    Raises:
        InvalidRequestError: if they are ids of something else here
        NotVersionableError: if the dataset's is that of a snapshot or of a generated dataset
    """
    id_ = header.snapshot_id
    places = [("datasets", "_id"), (JOURNAL, "_id"), (TRASH, "_id"), (DATASETS, "_id")]
    places += [(TRASH, "dataset_id"), (CATALOG, "dataset_id")]
    is_taken = id_ == header.dataset_id or any(
        database[name].find_one({key: id_}, {"_id": 1}) is not None for name, key in places
    )
    # Views that were closed stay for those who had the snapshot open, and are opened again
    owned = owned_collections(database, id_).values()
    if is_taken or not all(map(invalidate.is_closed, owned)):
        raise InvalidRequestError(
            f"The snapshot cannot be imported: its id {id_} is that of something else here. "
            "Nothing was changed."
        )
    if database[CATALOG].find_one({"_id": header.dataset_id}, {"_id": 1}) is not None:
        raise InvalidRequestError(
            f"The snapshot cannot be imported: its dataset's id {header.dataset_id} is that of a "
            "snapshot here. Nothing was changed."
        )
    document = database["datasets"].find_one({"_id": header.dataset_id})
    if document is not None:
        check_versionable(document)


def check_documents(
    database: Database[Document], staged: State, dataset_id: ObjectId, source: str
) -> ownership.Missing:
    """Makes sure that documents of an archive are its dataset's, and replace nothing of others.

    Args:
        database: the database
        staged: the documents
        dataset_id: the dataset
        source: where the archive is, for the error

    Returns:
        the ids of those documents that the dataset lacks

    Raises:
        DamagedArchiveError: if they belong to something else than the dataset, or are not what
            FiftyOne keeps there
        InvalidRequestError: if their ids do, here
    """
    document: Document = next(staged[Part.DATASET].decoded(), {})
    with malformed_is_damaged(source):
        _check_shapes(document)
        for view in staged[Part.VIEWS].decoded() if Part.VIEWS in staged else ():
            for stage in view.get("view_stages") or []:
                dict(json_util.loads(stage).get("kwargs", []))
    foreign = [part for part in staged if _has_foreign(staged, part, dataset_id)]
    if generated.SOURCE in document:
        foreign.append(Part.DATASET)
    if foreign:
        raise DamagedArchiveError(
            f"'{source}' is damaged: its {foreign[0].value} belong to something else than its "
            "dataset. Nothing was changed."
        )
    for part in (Part.SAMPLES, Part.FRAMES):
        if part in staged:
            _check_owners(staged, part, dataset_id)
    return ownership.claim(database, dataset_id, staged, document)


def _check_shapes(document: Document) -> None:
    """Checks what this package takes for granted of a dataset document."""
    shapes: dict[str, type] = {
        **dict.fromkeys(("saved_views", "workspaces", "sample_fields", "frame_fields"), list),
        **dict.fromkeys(ownership.RUN_FIELDS, dict),
    }
    for field, kind in shapes.items():
        value = document.get(field)
        if value is not None and not isinstance(value, kind):
            raise ValueError(f"the dataset's {field} are {str(value)[:50]!r}")
    for name in ("sample_fields", "frame_fields"):
        for each in document.get(name) or []:
            if not isinstance(each["name"], str):
                raise ValueError(f"a field is called {str(each['name'])[:50]!r}")  # noqa: TRY004


def _has_foreign(staged: State, part: Part, dataset_id: ObjectId) -> bool:
    collection = staged[part].collection
    if part in ownership.OWNED:
        query: Document = {"$or": [_NO_ID, {owner_field(part): {"$ne": dataset_id}}]}
    elif part in (Part.RESULT_FILES, Part.RESULT_CHUNKS):
        runs = staged[Part.RUNS].values(["results"]) if Part.RUNS in staged else ()
        results = [run["results"] for run in runs if run.get("results") is not None]
        key = "_id" if part is Part.RESULT_FILES else "files_id"
        is_projected = {"snapshot_id": {"$exists": True}}
        query = {"$or": [_NO_ID, {key: {"$nin": results}}, is_projected]}
    else:
        return False
    return collection.find_one(query, {"_id": 1}) is not None


def _check_owners(staged: State, part: Part, dataset_id: ObjectId) -> None:
    """Refuses samples that say they are of another dataset that is here.

    Those of none, or of one elsewhere, may have been merged or migrated by an early FiftyOne.
    """
    others = staged[part].aggregate(
        [
            {"$match": {"_dataset_id": {"$exists": True, "$ne": dataset_id}}},
            {"$group": {"_id": "$_dataset_id"}},
            {
                "$lookup": {
                    "from": "datasets",
                    "localField": "_id",
                    "foreignField": "_id",
                    "as": "_",
                }
            },
            {"$match": {"_": {"$ne": []}}},
            {"$limit": 1},
        ]
    )
    if others:
        raise InvalidRequestError(
            f"The snapshot cannot be imported: some of its {part.value} say that they belong to "
            f"another dataset here, {others[0]['_id']}. Nothing was changed."
        )


def lasting_indexes(
    captured: Mapping[Part, list[Document]],
) -> dict[Part, list[Document]]:
    """Leaves out of indexes what would delete documents by itself.

    A snapshot from elsewhere is as old as it is: the server would empty the dataset at once.

    Args:
        captured: the indexes that an archive holds

    Returns:
        the same indexes, without a time to live
    """
    return {
        part: [
            {key: value for key, value in index.items() if key != _TIME_TO_LIVE} for index in found
        ]
        for part, found in captured.items()
    }
