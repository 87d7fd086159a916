"""Pruning by rules, and pins."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.mongo.database import server_time
from fiftyone_snapshots.backend.snapshots import prune
from support.datasets import image_dataset
from support.full import Document
from support.invariants import assert_sound

MONDAY = datetime(2024, 1, 1)  # noqa: DTZ001 (as MongoDB gives times back)
AGES = {
    "mon": MONDAY + timedelta(hours=9),
    "mon late": MONDAY + timedelta(hours=23, minutes=59),
    "tue": MONDAY + timedelta(days=1),
    "sun": MONDAY + timedelta(days=6, hours=23),
    "next mon": MONDAY + timedelta(days=7),
    "last": MONDAY + timedelta(days=30),
}
ALL = list(AGES)


@pytest.fixture
def dataset(database: Database[Document]) -> fo.Dataset:
    dataset = image_dataset("d", 2, persistent=True)
    for name, created_at in AGES.items():
        fos.create_snapshot(dataset, name)
        database["snapshots.catalog"].update_one(
            {"name": name}, {"$set": {"created_at": created_at}}
        )
    return dataset


RULES: list[tuple[dict[str, object], list[str]]] = [
    ({"keep_last": 2}, ["next mon", "last"]),
    ({"keep_last": 100}, ALL),
    ({"keep_daily": 3}, ["sun", "next mon", "last"]),
    ({"keep_daily": 5}, ["mon late", "tue", "sun", "next mon", "last"]),
    ({"keep_weekly": 3}, ["sun", "next mon", "last"]),
    ({"keep_weekly": 2, "keep_last": 3}, ["sun", "next mon", "last"]),
    ({"older_than": timedelta(0)}, ["last"]),
    ({"older_than": timedelta(days=100_000)}, ALL),
]


@pytest.mark.parametrize(("rules", "kept"), RULES)
def test_what_no_rule_keeps_goes(rules, kept, dataset, database) -> None:
    planned = fos.prune_snapshots(dataset, **rules)
    assert planned.dry_run
    assert list(planned.kept) == kept
    assert [snapshot.name for snapshot in planned.pruned] == [n for n in ALL if n not in kept]
    assert fos.list_snapshots(dataset) == ALL, "a dry run is the default"
    done = fos.prune_snapshots(dataset, **rules, dry_run=False)
    assert (done.pruned, done.kept, done.dry_run) == (planned.pruned, planned.kept, False)
    assert fos.list_snapshots(dataset) == kept
    assert len(fos.list_trash(dataset)) == len(ALL) - len(kept)
    assert_sound(database, load=False)


def test_older_than_keeps_what_is_younger(dataset, database) -> None:
    now = server_time(database)
    for name, days in (("sun", 11), ("next mon", 9)):
        created_at = now - timedelta(days=days)
        database["snapshots.catalog"].update_one(
            {"name": name}, {"$set": {"created_at": created_at}}
        )
    planned = fos.prune_snapshots(dataset, older_than=timedelta(days=10))
    assert list(planned.kept) == ["next mon", "last"]


def test_it_tells_names_and_bytes(dataset, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    fos.archive_snapshot(dataset, "mon")
    (archive,) = tmp_path.iterdir()
    planned = fos.prune_snapshots(dataset, keep_last=4)
    assert [snapshot.name for snapshot in planned.pruned] == ["mon", "mon late"]
    assert planned.pruned[0].size_bytes == archive.stat().st_size
    assert planned.pruned[1].size_bytes > archive.stat().st_size
    assert planned.size_bytes == sum(snapshot.size_bytes for snapshot in planned.pruned)
    assert "2 of 6 snapshots would be deleted" in str(planned)
    assert "mon late" in str(planned)
    fos.prune_snapshots(dataset, keep_last=4, dry_run=False)
    fos.empty_trash(dataset)
    assert not list(tmp_path.iterdir())


def test_pinned_ones_stay(dataset) -> None:
    assert fos.pin_snapshot(dataset, "tue").is_pinned
    fos.prune_snapshots(dataset, keep_last=1, dry_run=False)
    assert fos.list_snapshots(dataset) == ["tue", "last"]
    assert not fos.unpin_snapshot(dataset, "tue").is_pinned
    fos.prune_snapshots(dataset, keep_last=1, dry_run=False)
    assert fos.list_snapshots(dataset) == ["last"]


def test_another_snapshot_that_has_the_name_by_now_stays(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    choose = prune._kept

    def choose_and_be_overtaken(*arguments: Any) -> set[str]:
        chosen = choose(*arguments)
        fos.delete_snapshot(dataset, "tue")
        fos.create_snapshot(dataset, "tue")
        return chosen

    monkeypatch.setattr(prune, "_kept", choose_and_be_overtaken)
    fos.prune_snapshots(dataset, keep_last=1, dry_run=False)
    assert fos.list_snapshots(dataset) == ["last", "tue"]


def test_pinned_ones_do_not_expire_in_the_trash(dataset, database) -> None:
    fos.pin_snapshot(dataset, "tue")
    for name in ("tue", "sun"):
        fos.delete_snapshot(dataset, name)
    long_ago = server_time(database) - timedelta(days=400)
    database["snapshots.catalog"].update_many({"live": False}, {"$set": {"trashed_at": long_ago}})
    fos.recover()
    (item,) = fos.list_trash(dataset)
    assert (item.name, item.expires_at) == ("tue", None)
    assert not list(
        database["snapshots.journal"].find({"verb": "empty_trash", "state": "running"})
    )
    fos.restore_snapshot(dataset, "tue")
    assert fos.get_snapshot_info(dataset, "tue").is_pinned
    fos.delete_snapshot(dataset, "tue")
    fos.empty_trash(dataset)
    assert fos.list_trash(dataset) == []


@pytest.mark.parametrize(
    "rules",
    [
        {},
        {"keep_last": 0},
        {"keep_daily": -1},
        {"keep_weekly": True},
        {"older_than": timedelta(-1)},
        {"keep_last": "1"},
        {"keep_last": 1.5},
        {"keep_daily": [1]},
        {"older_than": 30},
    ],
)
def test_rules_that_make_no_sense(rules, dataset) -> None:
    with pytest.raises(ValueError, match=r"keep_|older_than"):
        fos.prune_snapshots(dataset, **rules, dry_run=False)
    assert fos.list_snapshots(dataset) == ALL


def test_a_dataset_without_snapshots() -> None:
    dataset = image_dataset("empty", 1, persistent=True)
    assert fos.prune_snapshots(dataset, keep_last=1).pruned == ()
