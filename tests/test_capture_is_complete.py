"""Capture knows every collection in which FiftyOne keeps something of a dataset."""

from __future__ import annotations

import re
from typing import Any

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

from fiftyone_snapshots.backend.dataset.parts import LEFT_OUT, Part, shared_collection
from support.full import FULL_DATASETS, Document
from support.profiling import profile


@pytest.fixture
def full_dataset(request: pytest.FixtureRequest, database: Database[Document]) -> fo.Dataset:
    """A dataset of a media type with everything that FiftyOne keeps of one."""
    return FULL_DATASETS[request.param]("Füchse 🦊 狐", database)


@pytest.mark.parametrize("full_dataset", ["image", "video"], indirect=True)
class TestCompleteness:
    """What FiftyOne adds in later versions must not be lost silently.

    The server itself tells which collections FiftyOne touches. If one of these fails, FiftyOne
    keeps something of a dataset in a collection that capture does not know: add a part to
    contents.py, or say in ``LEFT_OUT`` why it is not versioned.
    """

    def test_capture_knows_every_collection_that_a_clone_reads_or_writes(
        self, full_dataset: fo.Dataset, database: Database[Document]
    ) -> None:
        with profile(database) as commands:
            full_dataset.clone("a copy")
        touched = _of_fiftyone(_kinds(commands))
        assert {"samples.*", "datasets", "views", "runs", "execution_store"} <= touched
        assert touched <= _known(database)

    def test_capture_knows_every_collection_that_a_deletion_writes(
        self, full_dataset: fo.Dataset, database: Database[Document]
    ) -> None:
        with profile(database) as commands:
            full_dataset.delete()
        touched = _of_fiftyone(_kinds(commands))
        assert {"samples.*", "datasets", "views", "runs", "execution_store"} <= touched
        assert touched <= _known(database)

    def test_capture_knows_every_collection_that_names_the_dataset(
        self, full_dataset: fo.Dataset, database: Database[Document]
    ) -> None:
        wanted = full_dataset._doc.id
        naming = {
            _kind(name)
            for name in database.list_collection_names()
            if any(_mentions(document, wanted) for document in database[name].find())
        }
        assert naming <= _known(database)


def _kinds(commands: list[Document]) -> set[str]:
    """Returns the collections that commands were about."""
    kinds = set()
    for command in commands:
        details = command.get("command", {})
        name = command["ns"].partition(".")[2]
        if name == "$cmd":
            name = next((str(value) for value in details.values() if isinstance(value, str)), "")
        kinds.add(_kind(name))
        for stage in details.get("pipeline", []):
            target = stage.get("$out") or stage.get("$merge")
            if target:
                kinds.add(_kind(target if isinstance(target, str) else target["into"]))
    return kinds - {""}


def _kind(name: str) -> str:
    """Tells a collection by what it holds: where datasets have their own, an id is in its name."""
    return re.sub(r"[0-9a-f]{24}.*", "*", name)


def _known(database: Database[Document]) -> set[str]:
    captured = {"samples.*", "frames.samples.*", "datasets"} | {
        shared_collection(database, part).name
        for part in Part
        if part not in (Part.SAMPLES, Part.FRAMES, Part.DATASET)
    }
    return captured | set(LEFT_OUT)


def _of_fiftyone(kinds: set[str]) -> set[str]:
    return {kind for kind in kinds if not kind.startswith("snapshots.")}


def _mentions(value: Any, wanted: ObjectId) -> bool:
    if isinstance(value, dict):
        return any(_mentions(item, wanted) for item in (*value, *value.values()))
    if isinstance(value, list):
        return any(_mentions(item, wanted) for item in value)
    return value == wanted or (isinstance(value, str) and str(wanted) in value)
