"""Making a dataset of the first snapshot of it that comes from elsewhere."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import fiftyone.core.dataset as fod
from pymongo.errors import DuplicateKeyError

from ..dataset import ownership
from ..dataset.generated import delete_generated_datasets
from ..dataset.parts import (
    RELATED,
    Documents,
    Head,
    Part,
    State,
    link_field,
    owner_field,
    shared_collection,
)
from ..errors import DuplicateNameError
from ..mongo.collections import staging_name
from ..mongo.database import Document
from ..operations import removal
from ..operations.journal import Operation
from ..projection import indexes


def fill(
    running: Operation,
    staged: State,
    captured: Mapping[Part, list[Document]],
    lacking: ownership.Missing,
) -> Document:
    """Makes everything of a new dataset but its document.

    Args:
        running: the operation, which has noted the name of the collection of samples
        staged: the documents of the snapshot
        captured: the indexes of samples and frames
        lacking: the ids of those documents that are not here

    Returns:
        the dataset document
    """
    database, samples = running.database, running.details["head"]
    own = {Part.SAMPLES: samples, Part.FRAMES: f"frames.{samples}"}
    filled = {part: staging_name(running.id, f"head.{part}") for part in own if part in staged}
    for part, name in filled.items():
        database.create_collection(name, check_exists=False)
        if models := indexes.models(captured.get(part, [])):
            database[name].create_indexes(models)
        staged[part].copy_to(database[name])
    running.note(results=lacking[Part.RESULT_FILES])
    # Not under their names before: those who take over drop what is staged
    running.certain("head_filled")
    for part, name in filled.items():
        database[name].rename(own[part])
    for part in RELATED:
        if part in staged:
            shared = shared_collection(database, part)
            staged[part].merge_into(shared, if_same=link_field(part))
    running.step("related_added")
    # FiftyOne leaves these behind when it deletes a dataset
    delete_generated_datasets(Head(database, running.dataset_id))
    document: Document = next(staged[Part.DATASET].decoded(), {})
    name = running.details["dataset_name"]
    changes: dict[str, Any] = {
        "name": name,
        "slug": fod._validate_dataset_name(name),
        "sample_collection_name": samples,
        "persistent": True,
    }
    if Part.FRAMES in staged or "frame_collection_name" in document:
        changes["frame_collection_name"] = own[Part.FRAMES] if Part.FRAMES in staged else None
    return {**document, **changes}


def insert(running: Operation, document: Document) -> None:
    """Makes the dataset itself, unless somebody has taken its name or id meanwhile.

    Args:
        running: the operation
        document: the dataset document

    Raises:
        DuplicateNameError: if somebody has
    """
    database = running.database
    made = database[staging_name(running.id, "document")]
    made.insert_one(document)
    try:
        Documents(made).merge_into(database["datasets"], replace=False)
        own = {key: document[key] for key in ("_id", "name", "sample_collection_name")}
        is_made = database["datasets"].find_one(own, {"_id": 1}) is not None
    except DuplicateKeyError:
        is_made = False
    if not is_made:
        raise DuplicateNameError(
            f"A dataset named '{document['name']}' was made by somebody else at the same moment. "
            "Nothing was imported; choose another name with dataset_name"
        )


def remove(running: Operation) -> None:
    """Removes what :func:`fill` has made.

    Args:
        running: the operation
    """
    database = running.database
    for name in (running.details["head"], f"frames.{running.details['head']}"):
        database.drop_collection(name)
    if "results" not in running.details:
        # Nothing was put among the documents of others yet
        return
    removal.delete_results(running, running.details["results"])
    for part in ownership.OWNED:
        mine = Documents(
            shared_collection(database, part), {owner_field(part): running.dataset_id}
        )
        # Others may have imported the dataset meanwhile
        removal.delete(running, part, mine.ids())
