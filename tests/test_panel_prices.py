"""What the App asks the server for by itself: at every look, page and click, whatever is there."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
import pytest
from bson import ObjectId
from fiftyone.operators.executor import ExecutionContext, Executor
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.catalog.catalog import Catalog
from fiftyone_snapshots.operators import compare
from fiftyone_snapshots.operators.banner import AT_ONCE, describe
from fiftyone_snapshots.operators.base import Target
from support.counting import COMMANDS
from support.datasets import image_dataset
from support.full import Document
from support.operators import PLUGIN, triggered
from support.panel import Panel

pytestmark = pytest.mark.usefixtures("installed_plugin")

#: The most commands of a page that has changed, and of one that has not, or of a look.
RENDERING, LOOK = 12, 6

#: The most that is sent to a browser at a look, in characters; it looks every four seconds.
LETTER = 10_000


@pytest.fixture
def dataset() -> fo.Dataset:
    dataset = image_dataset("d", 3, persistent=True)
    fos.create_snapshot("d", "v0")
    dataset.tag_samples("y")
    fos.create_snapshot("d", "v1")
    dataset.tag_samples("z")
    return dataset


@pytest.fixture
def many(dataset: fo.Dataset, database: Database[Document]) -> str:
    """500 snapshots, of which one is open."""
    catalog = Catalog(database)
    record = catalog.latest(dataset._doc.id)
    assert record is not None
    for number in range(2, 500):
        name, place = f"v{number}", record.sequence + number
        catalog.add(replace(record, id=ObjectId(), name=name, slug=name, sequence=place))
    assert len(fos.list_snapshots("d")) == 500
    return str(fos.load_snapshot("d", "v0").name)


class Sent:
    """What was sent to MongoDB for each thing that was asked for."""

    def __init__(self) -> None:
        self.commands: dict[str, list[str]] = {}

    @contextmanager
    def counted(self, what: str) -> Iterator[None]:
        with COMMANDS.counted() as found:
            yield
        self.commands[what] = list(found)

    def dearer_than(self, price: int) -> dict[str, list[str]]:
        return {what: found for what, found in self.commands.items() if len(found) > price}


def look(operator: str, opened: str, **params: Any) -> dict[str, Any]:
    """Asks as the App's script does."""
    found = foo.get_operator(f"{PLUGIN}/{operator}")
    request = {"dataset_name": opened, "params": params}
    result = found.execute(ExecutionContext(request, Executor(), operator_uri=found.uri))
    assert isinstance(result, dict)
    return result


def test_a_look_costs_little_however_many_snapshots_there_are(many: str) -> None:
    sent, told = Sent(), {}
    for opened in ("d", many):
        for operator in ("describe_history", "describe_open_snapshot", "describe_banner"):
            what = f"{operator} of {opened}"
            with sent.counted(what):
                told[what] = look(operator, opened)
    assert not sent.dearer_than(LOOK)
    letters = {what: len(json.dumps(answer)) for what, answer in told.items()}
    assert not {what: size for what, size in letters.items() if size > LETTER}


def test_every_page_of_the_panel_costs_little(many: str) -> None:
    sent = Sent()
    pages: dict[str, dict[str, Any]] = {
        "the list": {},
        "another page": {"page": 1},
        "the last page": {"page": 49},
        "a search": {"history": {"search": {"text": "v4"}}},
        "the trash": {"trash": True},
        "activity": {"activity": True},
        "older activity": {"activity": True, "page": 1},
    }
    for what, state in pages.items():
        with sent.counted(what):
            Panel("d", **state)
    assert not sent.dearer_than(LOOK)
    # To find out which dataset a snapshot is of takes two more
    for what, state in pages.items():
        with sent.counted(what):
            Panel(many, **state)
    assert not sent.dearer_than(LOOK + 2)


def test_a_comparison_that_was_made_costs_little_to_show(dataset: fo.Dataset) -> None:
    diff = fos.diff("d", "v0", progress=False)
    compare.remember("d", "v0", compare.HEAD, diff)
    versions = {"dataset": "d", "before": "v0", "after": compare.HEAD}
    sent = Sent()
    for what in ("a comparison", "a comparison again"):
        with sent.counted(what):
            panel = Panel("d", compare=versions, sample_page=0)
    assert panel.find("pictures") is not None
    assert not sent.dearer_than(RENDERING)


def test_the_banner_offers_what_is_around_the_open_snapshot(many: str) -> None:
    told = look("describe_banner", many)
    names = [each["name"] for each in told["snapshots"]]
    assert (len(names), told["total"]) == (AT_ONCE, 500)
    # The oldest one is open
    assert names[-1] == told["snapshot"] == "v0"
    told = describe(Target("d", "v250"))
    names = [each["name"] for each in told["snapshots"]]
    assert len(names) == AT_ONCE
    assert {"v249", "v250", "v251"} <= set(names)
    asked = triggered("use_banner", many, value="all")
    assert [name for name, _ in asked] == ["open_panel"]
