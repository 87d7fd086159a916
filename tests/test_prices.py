"""What each verb costs in commands to MongoDB: with a server far away, that is what it takes."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import replace

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.catalog.catalog import Catalog
from fiftyone_snapshots.backend.diff import latest_changes
from fiftyone_snapshots.backend.operations import lease, operation
from fiftyone_snapshots.backend.storage.delta import collection_token
from support.counting import COMMANDS
from support.datasets import image_dataset
from support.full import Document
from support.panel import Panel

#: The commands that a verb sends with duplication and with delta, in the order in which the verbs
#: are called.
PRICES: dict[str, tuple[int, int]] = {
    "create": (37, 51),
    "list": (3, 3),
    "info": (2, 3),
    "load": (13, 15),
    "load again": (6, 6),
    "load an older one": (13, 36),
    "edit": (14, 14),
    "tag": (14, 14),
    "pin": (14, 14),
    "diff": (18, 24),
    "diff with HEAD": (22, 27),
    "sample history": (6, 9),
    "diff of a sample": (5, 9),
    "revert": (63, 69),
    "undo": (67, 68),
    "delete": (24, 24),
    "create branch": (41, 42),
    "delete branch": (45, 45),
    "restore branch": (35, 35),
}

#: The most that a rendering of the History panel sends, whatever lies in the trash.
RENDERING = 6


@pytest.fixture(autouse=True)
def in_no_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is told or asked because time has passed, or the server was written to before."""
    monkeypatch.setattr(operation, "_PROGRESS_INTERVAL_SECONDS", math.inf)
    monkeypatch.setattr(operation, "_LOOK_INTERVAL_SECONDS", math.inf)
    monkeypatch.setattr(lease, "_RENEWALS_PER_TTL", 1.2)
    # A collection of three samples, whatever the engine counts of one that had its place before
    monkeypatch.setattr(collection_token, "_ENOUGH_WRITES", math.inf)


def _edit(dataset: fo.Dataset, value: str) -> None:
    dataset.reload()
    sample = dataset.first()
    sample["weather"] = fo.Classification(label=value)
    sample.save()


@pytest.mark.parametrize("backend", ["duplication", "delta"])
def test_each_verb_sends_as_many_commands_as_it_is_known_for(
    backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    dataset = image_dataset("d", 3, persistent=True)
    fos.create_snapshot("d", "v0")
    sent: dict[str, list[str]] = {}

    def count(verb: str, act: Callable[[], object]) -> None:
        with COMMANDS.counted() as sent[verb]:
            act()

    _edit(dataset, "a")
    count("create", lambda: fos.create_snapshot("d", "v1"))
    for number in (2, 3):
        _edit(dataset, f"v{number}")
        fos.create_snapshot("d", f"v{number}")
    count("list", lambda: fos.list_snapshots("d"))
    count("info", lambda: fos.get_snapshot_info("d", "v2"))
    count("load", lambda: fos.load_snapshot("d", "v3"))
    count("load again", lambda: fos.load_snapshot("d", "v3"))
    count("load an older one", lambda: fos.load_snapshot("d", "v1"))
    count("edit", lambda: fos.edit_snapshot("d", "v1", description="new"))
    count("tag", lambda: fos.tag_snapshot("d", "v1", "new"))
    count("pin", lambda: fos.pin_snapshot("d", "v1"))
    count("diff", lambda: fos.diff("d", "v2", "v3", progress=False))
    _edit(dataset, "z")
    count("diff with HEAD", lambda: fos.diff("d", "v3", progress=False))
    sample_id = dataset.first().id
    count("sample history", lambda: fos.sample_history("d", sample_id))
    count("diff of a sample", lambda: fos.diff_sample("d", sample_id, "v1", "v2"))
    count("revert", lambda: fos.revert_dataset_to_snapshot("d", "v2"))
    count("undo", lambda: fos.undo_revert("d"))
    count("delete", lambda: fos.delete_snapshot("d", "v3"))
    fos.create_branch("d", "first", "v1")
    count("create branch", lambda: fos.create_branch("d", "second", "v1"))
    count("delete branch", lambda: fos.delete_branch("d.second"))
    count("restore branch", lambda: fos.restore_branch("d.second"))

    known = {verb: prices[backend == "delta"] for verb, prices in PRICES.items()}
    found = {verb: len(names) for verb, names in sent.items()}
    # What has become cheaper is to be held as well
    dearer = [f"{verb}: {' '.join(sent[verb])}" for verb in known if found[verb] > known[verb]]
    assert found == known, "\n".join(dearer)


@pytest.mark.usefixtures("installed_plugin")
def test_a_rendering_of_the_panel_costs_the_same_however_many_snapshots_there_are(
    database: Database[Document],
) -> None:
    dataset = image_dataset("d", 3, persistent=True)
    fos.create_snapshot("d", "v0")
    catalog = Catalog(database)
    record = catalog.latest(dataset._doc.id)
    assert record is not None
    sent: dict[str, list[str]] = {}

    def render(what: str, **state: object) -> None:
        with COMMANDS.counted() as sent[what]:
            Panel("d", **state)

    for first, last in ((1, 5), (5, 60)):
        for number in range(first, last):
            name, id_, place = f"v{number}", ObjectId(), record.sequence + number
            catalog.add(replace(record, id=id_, name=name, slug=name, sequence=place))
        basis = latest_changes.basis(id_, dataset._sample_collection_name)
        catalog.set_dataset_facts(record.dataset_id, latest_changes_basis=basis)
        render(f"{last} snapshots")
        render(f"{last} snapshots, unchanged")
    render("a name is typed", history={"create": {"fields": {"name": "v60"}}})
    for _ in range(2):
        fos.revert_dataset_to_snapshot("d", "v0")
        fos.create_snapshot("d", "again")
    render("former states lie in the trash", trash=True)

    dearer = {what: names for what, names in sent.items() if len(names) > RENDERING}
    assert not dearer
    assert len(sent["5 snapshots"]) == len(sent["60 snapshots"])
