"""What planning and applying a merge reads: of what is known already, nothing."""

from __future__ import annotations

import os
from collections.abc import Iterator

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.merge import finish
from fiftyone_snapshots.backend.storage import counted
from support.full import Document
from support.profiling import documents_read, profile
from support.street import STREET, operation, plan, street_with_branch

_SAMPLES = 300
_FEW = 30
"""So many documents may be looked at for two samples that have changed."""


@pytest.fixture(params=["duplication", "delta"])
def street(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A dataset with a branch; on both, something was changed."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", request.param)
    monkeypatch.setattr(counted, "_WORTH_COUNTING", 0)
    street_with_branch(_SAMPLES)
    yield STREET
    assert fos.is_head_equal(STREET, fos.list_snapshots(STREET, safety=True)[-1])
    for snapshot in fos.list_snapshots(STREET, safety=True):
        assert fos.verify_snapshot(STREET, snapshot).is_intact


def test_the_snapshot_that_a_merge_ends_with_reads_what_was_written(
    street: str, database: Database[Document]
) -> None:
    planned = plan()
    with profile(database) as commands:
        fos.apply_merge(planned)
    merged = fo.load_dataset(street, reload=True)._sample_collection_name
    assert documents_read(commands, merged) <= _FEW


def test_what_a_snapshot_holds_is_planned_and_undone_without_reading_it(
    street: str, database: Database[Document]
) -> None:
    done = operation("fog", 2, 3)
    place = fo.load_dataset(street)._sample_collection_name
    with profile(database) as commands:
        fos.undo_operation(street, done.id)
    # What the snapshot at the end copies as a whole is read meanwhile, once
    is_copied = os.environ["FIFTYONE_SNAPSHOTS_BACKEND"] == "duplication"
    assert documents_read(commands, place) <= _FEW + is_copied * _SAMPLES
    assert fo.load_dataset(street, reload=True)._sample_collection_name == place


def test_what_is_written_after_the_exchange_is_in_no_snapshot_by_hearsay(
    street: str, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    let_write = finish.standstill.let_write

    def write_then(*args: object) -> None:
        let_write(*args)  # type: ignore[arg-type]
        samples = database["datasets"].find_one({"name": STREET}) or {}
        database[samples["sample_collection_name"]].update_one(
            {}, {"$set": {"weather.label": "at once"}}
        )

    monkeypatch.setattr(finish.standstill, "let_write", write_then)
    fos.apply_merge(plan())
