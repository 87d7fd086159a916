"""Setting fields of samples or frames to what they were in a snapshot, inside the server."""

from __future__ import annotations

from typing import Any

from ..dataset.parts import Documents, Part
from ..errors import InvalidRequestError
from ..mongo.database import Document

_FRAME = ("_sample_id", "frame_number")
"""What a frame is known by: one that was deleted and made again has another id."""

_FRAME_IDENTITY = ("_id", *_FRAME, "_dataset_id", "created_at")


def restore(part: Part, then: Documents, here: Documents, keys: list[str]) -> None:
    """Sets fields to what they were; frames that are gone come back with those fields.

    Args:
        part: samples or frames
        then: the documents as captured
        here: the documents of the same samples in the dataset
        keys: the fields

    Raises:
        InvalidRequestError: if it cannot be told which frame is which
    """
    if part is Part.SAMPLES:
        pipeline, match_on, if_gone = _captured(then, ["_id", *keys]), ["_id"], "discard"
    elif _has_frame_index(here):
        pipeline, match_on, if_gone = (
            _captured(then, [*_FRAME_IDENTITY, *keys]),
            [*_FRAME],
            "insert",
        )
    else:
        _check_numbers(then, "the snapshot")
        _check_numbers(here, "the dataset")
        pipeline, match_on, if_gone = _with_present_ids(then, here, keys), ["_id"], "insert"
    then.collection.aggregate(
        [
            *pipeline,
            {"$set": {"last_modified_at": "$$NOW"}},
            {
                "$merge": {
                    "into": here.collection.name,
                    "on": match_on,
                    "whenMatched": _set_fields(keys),
                    "whenNotMatched": if_gone,
                }
            },
        ],
        allowDiskUse=True,
    )


def _captured(then: Documents, keys: list[str]) -> list[Document]:
    return [{"$match": dict(then.query)}, {"$project": dict.fromkeys(keys, 1)}]


def _has_frame_index(frames: Documents) -> bool:
    """Returns whether the collection has FiftyOne's own index, which the server merges by.

    A database that was brought back without indexes has not.
    """
    return any(
        index.get("unique")
        and [key for key, _ in index["key"]] == [*_FRAME]
        and "partialFilterExpression" not in index
        and not index.get("sparse")
        for index in frames.collection.index_information().values()
    )


def _check_numbers(frames: Documents, where: str) -> None:
    """Refuses frames of one number, of which nobody knows which one is meant."""
    twice = frames.collection.aggregate(
        [
            {"$match": dict(frames.query)},
            {"$group": {"_id": dict(zip("sn", _paths(), strict=True)), "ids": {"$push": "$_id"}}},
            {"$match": {"ids.1": {"$exists": True}}},
            {"$limit": 1},
        ],
        allowDiskUse=True,
    )
    for found in twice:
        sample, number, ids = found["_id"]["s"], found["_id"]["n"], found["ids"]
        raise InvalidRequestError(
            f"Sample {sample} has {len(ids)} frames of number {number} in {where} (ids "
            f"{', '.join(map(str, ids[:5]))}), so that nobody can tell which one is meant. "
            "Nothing was changed. Restore the sample as a whole, without fields, or leave it out."
        )


def _with_present_ids(then: Documents, here: Documents, keys: list[str]) -> list[Document]:
    """Returns what gives captured frames the ids that they have in the dataset by now."""
    present = [
        {"$match": dict(here.query)},
        {"$project": {**dict.fromkeys(_FRAME, 1), "_id": 0, "_here": "$_id"}},
    ]
    is_captured = {"$eq": [{"$type": "$_here"}, "missing"]}
    return [
        *_captured(then, [*_FRAME_IDENTITY, *keys]),
        {"$unionWith": {"coll": here.collection.name, "pipeline": present}},
        {
            "$group": {
                "_id": _paths(),
                "here": {"$max": "$_here"},
                "then": {"$mergeObjects": {"$cond": [is_captured, "$$ROOT", {}]}},
            }
        },
        {"$match": {"then._id": {"$exists": True}}},
        {"$set": {"then._id": {"$ifNull": ["$here", "$then._id"]}}},
        {"$replaceWith": "$then"},
    ]


def _paths() -> list[str]:
    return [f"${key}" for key in _FRAME]


def _set_fields(keys: list[str]) -> list[Document]:
    """Returns what sets fields and, if one of them differs, moves the timestamp."""
    differs = [{"$ne": [f"${key}", f"$$new.{key}"]} for key in keys]
    stamp = {"$cond": [{"$or": differs}, "$$new.last_modified_at", "$last_modified_at"]}
    # A field that the snapshot's document lacks goes, and null stays null
    values: dict[str, Any] = {
        key: {
            "$cond": [{"$eq": [{"$type": f"$$new.{key}"}, "missing"]}, "$$REMOVE", f"$$new.{key}"]
        }
        for key in keys
    }
    return [{"$set": {"last_modified_at": stamp}}, {"$set": values}]
