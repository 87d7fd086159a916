"""A database and archives written by an earlier version open, verify, compare and revert."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support import golden
from support.invariants import assert_sound

GOLDEN = Path(__file__).parent / "golden" / "database-1"
FACTS: dict[str, Any] = json.loads((GOLDEN / "facts.json").read_text())
NAMES = sorted(FACTS["snapshots"])

Document = dict[str, Any]


@pytest.fixture
def written_earlier(
    database: Database[Document], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The golden database, and its archives where it finds them."""
    golden.load(GOLDEN / "database.zst", database)
    for archive in GOLDEN.glob("*.tar"):
        shutil.copy(archive, tmp_path)
    database["snapshots.catalog"].update_many(
        {"archive": {"$ne": None}}, {"$set": {"archive.location": str(tmp_path)}}
    )
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_TRASH_DAYS", "3650")  # what lies there is old by now


def numbers(diff: fos.DatasetDiff) -> dict[str, Any]:
    return {
        "versions": [diff.a, diff.b],
        "samples": [len(diff.added), len(diff.deleted), len(diff.changed)],
        "fields": {path: len(changes.ids) for path, changes in diff.fields.items()},
        "properties": len(diff.properties),
        "schema": len(diff.schema),
    }


@pytest.mark.usefixtures("written_earlier")
def test_what_it_says_of_its_snapshots_is_what_they_are() -> None:
    for name in NAMES:
        facts = FACTS["snapshots"][name]
        assert fos.list_snapshots(name) == list(facts)
        for snapshot, fact in facts.items():
            assert fos.content_hash(name, snapshot) == fact["hash"]
            assert fos.verify_snapshot(name, snapshot)

        found = [numbers(fos.diff(name, *diff["versions"])) for diff in FACTS["diffs"][name]]
        assert found == FACTS["diffs"][name]
        trash = sorted(f"{item.kind.value} {item.name}" for item in fos.list_trash(name))
        assert trash == FACTS["trash"][name]


@pytest.mark.usefixtures("written_earlier")
@pytest.mark.parametrize("backend", ["duplication", "delta"])
def test_it_can_be_worked_with(database: Database[Document], backend: str) -> None:
    for name in (name for name in NAMES if name.endswith(backend)):
        samples = {each: fact["samples"] for each, fact in FACTS["snapshots"][name].items()}
        fos.undo_revert(name)
        fos.restore_snapshot(name, "v3")
        fos.unarchive_snapshot(name, "v1")
        for snapshot, count in samples.items():
            loaded = fo.load_dataset(name, snapshot=snapshot)
            assert database[loaded._sample_collection_name].count_documents({}) == count

        fos.create_snapshot(name, "new")
        fos.revert_dataset_to_snapshot(name, "v1")
        assert not fos.diff(name, "v1").summary.has_changes
        fos.undo_revert(name)
        fos.empty_trash(name)
    assert_sound(database, load=False)
