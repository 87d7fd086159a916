"""Every argument of every public function: what is nonsense is refused at the door, by name."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fiftyone as fo
import numpy as np
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots import management
from fiftyone_snapshots.management.authorize import ACTION
from support.datasets import image_dataset
from support.full import Document
from support.operators import execute

FUNCTIONS = {
    name: function
    for name in management.__all__
    if inspect.isfunction(function := getattr(management, name))
}

NONSENSE = {
    "operator": {"$ne": ""},
    "regex": {"$regex": "."},
    "object": object(),
    "bytes": b"v1",
    "float": -1.5,
    "class": int,
    "half a character": "v\ud83e",
    "endless": "v" * 2_000_000,
    "list of operators": [{"$ne": ""}],
}
"""What no function takes for any argument."""

DATASET = "digits"

GOOD: dict[str, Any] = {
    "dataset_name": DATASET,
    "snapshot_name": "v1",
    "new_dataset_name": "copy",
    "operation_id": "0" * 24,
    "sample_id": "0" * 24,
    "label_id": "0" * 24,
    "view_or_ids": [],
    "a": "v1",
    "address": "x",
    "action": "create",
    "tags": ["x"],
    "run": "mlflow:x",
    "path": "/nowhere/x.tar",
    "key": "run",
    "name": "role",
    "backend": "delta",
    "branch": f"{DATASET}.night",
    "merge_id": "0" * 24,
    "merge": "0" * 24,
    "conflicts": [],
    "take": "ours",
    "mode": "off",
    "what": "x",
    "interface": management.Interface.SDK,
    "progress": print,
    "to": "/nowhere/media",
    "paths": {"/a.png": "/b.png"},
    "remote": "/nowhere",
    "dataset": DATASET,
}
"""What is given for the arguments that must be given besides."""


@pytest.fixture
def dataset() -> fo.Dataset:
    made = image_dataset(DATASET, size=2, persistent=True)
    fos.create_snapshot(made, "v1")
    return made


def call(function: Callable[..., Any], **arguments: Any) -> Any:
    found = function(**arguments)
    if hasattr(found, "__enter__"):
        with found:
            return None
    return found


def parameters() -> Iterator[tuple[str, str]]:
    for name, function in FUNCTIONS.items():
        for parameter in inspect.signature(function).parameters:
            yield name, parameter


def test_all_functions_are_asked_at_the_door() -> None:
    others = {name for name, function in FUNCTIONS.items() if not hasattr(function, ACTION)}
    assert others == {
        *("acting_as", "archives_are_on", "diagnose", "reporting", "wait_for_media", "why_not")
    }


def test_nonsense_is_refused_by_name(dataset: fo.Dataset, database: Database[Document]) -> None:
    wrong = []
    for name, parameter in parameters():
        wrong += [f"{name}({parameter}={problem}" for problem in problems(name, parameter)]
    assert not wrong, "\n".join(wrong)
    assert fos.list_snapshots(dataset) == ["v1"]
    # A call that was none is not noted
    failed = database["snapshots.audit"].find({"outcome": "failed", "action": {"$ne": "restore"}})
    noted = {"restore_samples", "resolve_merge", "undo_operation"}
    # What is in a selection, or in a mapping, only they tell
    noted |= {"restore_media", "repoint_media"}
    assert not {event["action"] for event in failed} - noted


def problems(name: str, parameter: str) -> Iterator[str]:
    function = FUNCTIONS[name]
    required = {
        key: GOOD[key]
        for key, item in inspect.signature(function).parameters.items()
        if item.default is inspect.Parameter.empty
    }
    # Selections of samples are told apart by what is in them
    refusal = fos.InvalidRequestError if parameter == "view_or_ids" else fos.InvalidArgumentError
    for what, value in NONSENSE.items():
        try:
            call(function, **{**required, parameter: value})
        except Exception as error:  # noqa: BLE001 (which one is the question)
            said = str(error)
            if not isinstance(error, refusal):
                yield f"{what}) raises {error!r}"
            elif len(said) > 300 or (parameter != "view_or_ids" and parameter not in said):
                yield f"{what}) says {said}"
        else:
            yield f"{what}) is taken"


def test_flags_are_flags(dataset: fo.Dataset) -> None:
    for value in ("no", 0, None, [], "false"):
        with pytest.raises(fos.InvalidArgumentError, match="dry_run must be True or False"):
            fos.revert_dataset_to_snapshot(dataset, "v1", dry_run=value)  # type: ignore[call-overload]
    assert fos.revert_dataset_to_snapshot(dataset, "v1", dry_run=np.True_) is not None  # type: ignore[call-overload]


@pytest.mark.parametrize(
    ("argument", "value"),
    [
        ("limit", -1),
        ("limit", 2**70),
        ("limit", True),
        ("offset", -1),
        ("since", datetime.max.replace(tzinfo=timezone(timedelta(hours=-5)))),
        ("until", datetime.min.replace(tzinfo=timezone(timedelta(hours=5)))),
    ],
)
def test_numbers_and_times_that_nobody_can_mean(argument: str, value: Any) -> None:
    with pytest.raises(fos.InvalidArgumentError, match=argument):
        fos.list_events(**{argument: value})


def test_numbers_of_other_kinds(dataset: fo.Dataset) -> None:
    assert fos.list_operations(dataset, np.int64(5)) is not None
    for value in (-1, 2**40, 2**70):
        with pytest.raises(fos.InvalidArgumentError, match="ended_within"):
            fos.list_operations(dataset, value)
    with pytest.raises(fos.InvalidArgumentError, match="older_than"):
        fos.prune_snapshots(dataset, older_than=timedelta.max)


@pytest.mark.parametrize("path", ["", "a\0b.jsonl", Path("a\0b.jsonl")])
def test_paths_that_are_none(path: str | Path) -> None:
    for function in (fos.export_events, fos.import_snapshot):
        with pytest.raises(fos.InvalidArgumentError, match="path"):
            function(path)


def test_records_that_callers_make() -> None:
    for item in dataclasses.fields(management.HistoryQuery):
        with pytest.raises(fos.InvalidArgumentError, match=item.name):
            management.HistoryQuery(**{item.name: {"$ne": ""}})


OPERATORS = {
    "create_snapshot": ("name", "description", "tags"),
    "list_snapshots": ("text", "creator", "trash", "offset", "limit"),
    "get_snapshot_info": ("name",),
    "browse_snapshot": ("name",),
    "delete_snapshot": ("name",),
    "edit_snapshot": ("name", "new_name", "description"),
    "tag_snapshot": ("name", "tags"),
    "revert_to_snapshot": ("name",),
    "compare_snapshots": ("before", "after"),
    "clone_snapshot": ("name", "new_name"),
    "pin_snapshot": ("name",),
    "restore_samples": ("name", "sample_ids", "fields"),
    "verify_snapshot": ("name", "media"),
}
"""Parameters of operators that reach the SDK."""


@pytest.mark.parametrize("name", OPERATORS)
def test_operators_take_no_operators_of_mongodb(
    dataset: fo.Dataset, installed_plugin: Path, name: str
) -> None:
    for parameter in OPERATORS[name]:
        for value in ({"$ne": ""}, [{"$ne": ""}], 1.5):
            given = {"name": "v1", "before": "v1", "new_name": "w1", parameter: value}
            with pytest.raises(
                Exception,
                match=r"must be|is missing|Not a sample|Expected a view|Which|Validation error",
            ):
                execute(name, dataset, **given)
    assert fos.list_snapshots(dataset) == ["v1"]
    (entry,) = fos.get_history(dataset).entries
    assert (entry.description, entry.pinned, entry.tags) == (None, False, ())
