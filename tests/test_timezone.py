"""Times in another zone than UTC: days are those that are shown, and every time says its zone."""

from __future__ import annotations

from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.results import times
from fiftyone_snapshots.backend.search.history import HistoryQuery
from fiftyone_snapshots.operators import words
from support.command_line import Run, in_this_process
from support.datasets import image_dataset
from support.full import Document

EVENING = datetime(2026, 3, 1, 20, 0)  # noqa: DTZ001 (as MongoDB gives it: UTC; next day in Tokyo)


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return in_this_process(capsys)


@pytest.fixture
def dataset(database: Database[Document], monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    monkeypatch.setattr(fo.config, "timezone", "Asia/Tokyo")
    made = image_dataset("digits", size=2, persistent=True)
    for name, moment in (("v1", EVENING), ("v2", EVENING + timedelta(hours=2))):
        fos.create_snapshot(made, name)
        database["snapshots.catalog"].update_one({"name": name}, {"$set": {"created_at": moment}})
    return made


def test_the_day_that_is_shown_is_found(dataset: fo.Dataset, run: Run) -> None:
    assert "2026-03-02 05:00 JST" in run("list", "digits").out
    assert "2026-03-02 05:00:00 JST" in run("info", "digits", "v1").out

    def found(*arguments: str) -> list[str]:
        return [item["name"] for item in run("search", *arguments, "--json").json]

    assert found("--since", "2026-03-02", "--until", "2026-03-02") == ["v2", "v1"]
    assert found("--until", "2026-03-01") == []
    assert found("--since", "2026-03-02T06:00") == ["v2"]
    assert found("--until", "2026-03-02T06:00") == ["v1"]
    assert found("--since", "2026-03-01T21:00:00+00:00") == ["v2"]
    day = date(2026, 3, 2)
    assert len(fos.search_snapshots(since=day, until=day)) == 2
    # What has no zone is UTC in the SDK, as it is for FiftyOne
    assert len(fos.search_snapshots(since=datetime(2026, 3, 1, 21))) == 1  # noqa: DTZ001
    assert fos.get_history(dataset, HistoryQuery(since=datetime(2026, 3, 1, 21))).matching == 1  # noqa: DTZ001


def test_an_import_finds_its_place(dataset: fo.Dataset, tmp_path: Path) -> None:
    path = fos.export_snapshot(dataset, "v1", tmp_path / "v1.tar")
    fos.delete_snapshot(dataset, "v1")
    fos.empty_trash(dataset)
    imported = fos.import_snapshot(path)
    assert imported.created_at == EVENING.replace(tzinfo=timezone.utc)
    assert fos.list_snapshots(dataset) == ["v1", "v2"]


@pytest.mark.parametrize("backend", ["duplication", "delta"])
def test_a_remote_is_the_same_from_every_zone(
    backend: str, dataset: fo.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    for zone, name in (("Asia/Tokyo", "v3"), (None, "v4"), ("America/New_York", "v5")):
        fo.config.timezone = zone
        assert fos.push(dataset, tmp_path).snapshots[-1:] == fos.list_snapshots(dataset)[-1:]
        assert fos.push(dataset, tmp_path).snapshots == []
        assert fos.pull(tmp_path, dataset).snapshots == []
        dataset.limit(1).tag_samples(name)
        fos.create_snapshot(dataset, name)
    before = fos.list_snapshots(dataset)[:-1]
    fo.delete_dataset("digits")
    fo.config.timezone = "Asia/Tokyo"
    assert fos.clone_from(tmp_path, "digits").snapshots == before
    assert fos.list_snapshots("digits") == before
    assert fos.push("digits", tmp_path).snapshots == []
    assert fos.verify_remote(tmp_path).is_ok


@pytest.mark.parametrize("backend", ["duplication", "delta"])
def test_times_that_are_trusted(
    backend: str, dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    for name in ("v3", "v4"):
        dataset.set_values("tags", [[name], []])
        fos.create_snapshot(dataset, name, trust_timestamps=True)
    assert len(fos.diff(dataset, "v3", "v4", progress=False).changed) == 1
    assert fos.is_head_equal(dataset, "v4")


def test_one_a_day_means_the_days_that_are_shown(
    dataset: fo.Dataset, database: Database[Document]
) -> None:
    # 23:00 and 06:00 in Tokyo, one day in UTC
    before = {"$set": {"created_at": EVENING - timedelta(hours=6)}}
    database["snapshots.catalog"].update_one({"name": "v1"}, before)
    assert fos.prune_snapshots(dataset, keep_daily=2).pruned == ()
    fo.config.timezone = "UTC"
    (pruned,) = fos.prune_snapshots(dataset, keep_daily=2).pruned
    assert pruned.name == "v1"


def test_every_time_says_its_zone(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v3")
    fos.delete_snapshot(dataset, "v3")
    texts = [
        *("created_at", "updated_at", "compared_at", "trashed_at", "expires_at", "at"),
        *("started_at", "finished_at", "recorded_at", "last_loaded_at"),
    ]
    told = []

    def look(value: Any) -> None:
        if isinstance(value, dict):
            told.extend(item for key, item in value.items() if key in texts and item)
            value = list(value.values())
        if isinstance(value, list):
            for item in value:
                look(item)

    for zone, offset in (("Asia/Tokyo", "+09:00"), (None, "+00:00")):
        fo.config.timezone = zone
        told.clear()
        for command in (
            *(["list", "digits"], ["list"], ["info", "digits", "v1"], ["trash"]),
            *(["diff", "digits", "v1", "v2"], ["diff", "digits"], ["changes", "digits"]),
            *(["events"], ["operations", "digits", "--ended-within", "600"]),
            ["prune", "digits", "--keep-last", "1", "--dry-run"],
            ["history", "digits", dataset.first().id],
        ):
            before = len(told)
            look(run(*command, "--json").json)
            assert len(told) > before, command
        assert all(time.endswith(offset) for time in told), told


def test_times_for_people(dataset: fo.Dataset) -> None:
    (entry, _) = fos.get_history(dataset).entries
    assert words.exact(entry.created_at) == "2026-03-02 07:00:00 JST"
    assert words.exact(EVENING) == "2026-03-01 20:00:00 UTC"
    zone = timezone(timedelta(hours=2))
    assert times.shown(times.at(EVENING, zone)) == "2026-03-01 20:00 UTC+02:00"
    assert "JST" in str(fos.list_events()[0])
