"""A snapshot that is open while another process takes it away fails, and never reads as empty."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo
import pytest
from fiftyone import ViewField as F
from pymongo.database import Database
from pymongo.errors import OperationFailure

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.errors import SnapshotNotFoundError
from fiftyone_snapshots.backend.mongo import invalidate
from support.crash import Child, Gate
from support.datasets import image_dataset, video_dataset
from support.full import Document
from support.invariants import assert_sound
from support.stranger import Stranger

NAME = "going"

BOTH = pytest.mark.parametrize("backend", ["duplication", "delta"], indirect=True)


@pytest.fixture
def backend(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    name: str = request.param
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", name)
    return name


@pytest.fixture
def videos(backend: str) -> fo.Dataset:
    dataset = video_dataset(NAME, 2, 3, persistent=True)
    dataset.save_view("first", dataset.limit(1))
    for number in (1, 2, 3):
        dataset.tag_samples(f"v{number}")
        fos.create_snapshot(NAME, f"v{number}")
    return dataset


async def _as_the_app_reads(dataset: fo.Dataset) -> list[Any]:
    collection = foo.get_async_db_conn()[dataset._sample_collection_name]
    found: list[Any] = await foo.aggregate(collection, [{"$limit": 3}]).to_list(3)
    return found


READERS: dict[str, Callable[[fo.Dataset], object]] = {
    "len": len,
    "count": lambda d: d.count(),
    "view": lambda d: len(d.limit(1)),
    "values": lambda d: d.values("id"),
    "iterate": list,
    "first": lambda d: d.first(),
    "head": lambda d: d.head(),
    "one": lambda d: d.match_tags("v1").values("filepath"),
    "aggregations": lambda d: d.aggregate([fo.Count(), fo.Distinct("tags")]),
    "bounds": lambda d: d.bounds("metadata.size_bytes"),
    "tags": lambda d: d.count_sample_tags(),
    "label classes": lambda d: d.count_values("weather.label"),
    "frames": lambda d: d.count("frames"),
    "labels of frames": lambda d: d.values("frames.objects.detections.label"),
    "frame documents": lambda d: list(d._frame_collection.find()),
    "match": lambda d: d.match(F("tags").length() > 0).values("id"),
    "stats": lambda d: d.stats(),
    "clone": lambda d: d.clone("copy"),
    "reload": lambda d: d.reload(),
    "patches": lambda d: len(d.to_frames(sample_frames="dynamic")),
    "group by": lambda d: d.distinct("weather.label"),
    "find": lambda d: list(d._sample_collection.find()),
    "distinct": lambda d: d._sample_collection.distinct("_id"),
    "documents": lambda d: d._sample_collection.count_documents({}),
    "estimate": lambda d: d._sample_collection.estimated_document_count(),
    "evaluate": lambda d: d.evaluate_classifications("weather", gt_field="weather"),
    "export": lambda d: list(d.select_fields("weather")),
    "App": lambda d: asyncio.run(_as_the_app_reads(d)),
}


def _silent(dataset: fo.Dataset, readers: Iterable[str] = READERS) -> list[str]:
    """Returns the readers that do not fail."""
    silent = []
    for name in readers:
        try:
            READERS[name](dataset)
        except Exception:  # noqa: BLE001 (that it fails is all that matters)
            continue
        silent.append(name)
    return silent


def _delete() -> None:
    fos.delete_snapshot(NAME, "v2")


def _empty_the_trash() -> None:
    fos.delete_snapshot(NAME, "v2")
    fos.empty_trash(NAME)


def _revert_past_it() -> None:
    fos.revert_dataset_to_snapshot(NAME, "v1")


def _delete_the_dataset() -> None:
    fo.delete_dataset(NAME)


WAYS = (_delete, _empty_the_trash, _revert_past_it, _delete_the_dataset)


@BOTH
@pytest.mark.parametrize("go", WAYS, ids=lambda way: way.__name__.strip("_"))
def test_no_reader_takes_it_for_empty(
    backend: str, videos: fo.Dataset, go: Callable[[], None], database: Database[Document]
) -> None:
    gate = Gate()

    def read() -> object:
        dataset = fo.load_dataset(NAME, "v2")
        # What the process remembers must not hide that it is gone
        assert (len(dataset), dataset.count("frames")) == (2, 6)
        asyncio.run(_as_the_app_reads(dataset))
        gate.stop()
        return _silent(dataset)

    with Child(read) as child:
        gate.wait()
        go()
        gate.open()
        assert child.result() == "[]"
    assert_sound(database)


@pytest.mark.parametrize("backend", ["duplication"], indirect=True)
def test_processes_without_the_package_are_told_as_well(
    backend: str, videos: fo.Dataset, database: Database[Document]
) -> None:
    fos.load_snapshot(NAME, "v2")
    fos.load_snapshot(NAME, "v3")
    with Stranger() as stranger:
        stranger.run(
            "snapshots = [fo.load_dataset(f'going@{name}') for name in ('v2', 'v3')]\n"
            "assert [len(each) for each in snapshots] == [2, 2]"
        )
        fos.delete_snapshot(NAME, "v2")
        fos.empty_trash(NAME)
        fos.revert_dataset_to_snapshot(NAME, "v1")
        stranger.run(
            "for dataset in snapshots:\n"
            "    for read in (len, list, lambda d: d.values('id'), lambda d: d.count('frames')):\n"
            "        try:\n"
            "            found = read(dataset)\n"
            "        except Exception as failure:\n"
            "            assert 'not open any more' in str(failure), failure\n"
            "        else:\n"
            "            raise AssertionError(found)"
        )
    fos.undo_revert(NAME)
    assert len(fos.load_snapshot(NAME, "v3")) == 2


@BOTH
def test_it_can_be_read_again_where_it_is_open_once_it_is_loaded_again(
    backend: str, videos: fo.Dataset, database: Database[Document]
) -> None:
    view = fos.load_snapshot(NAME, "v2")._sample_collection_name
    fos.delete_snapshot(NAME, "v2")
    with pytest.raises(OperationFailure, match="not open any more"):
        list(database[view].find())
    fos.restore_snapshot(NAME, "v2")
    with pytest.raises(OperationFailure, match="not open any more"):
        database[view].estimated_document_count()
    assert len(fos.load_snapshot(NAME, "v2")) == 2
    assert len(list(database[view].find())) == 2


@pytest.mark.parametrize("backend", ["duplication"], indirect=True)
def test_what_is_generated_from_it_fails_as_well(
    backend: str, videos: fo.Dataset, database: Database[Document]
) -> None:
    clips = fos.load_snapshot(NAME, "v2").to_clips("events")
    name = clips._dataset._sample_collection_name
    assert database[name].count_documents({}) == 2
    fos.delete_snapshot(NAME, "v2")
    with pytest.raises(OperationFailure, match="not open any more"):
        list(database[name].find())


def test_an_iteration_under_way_ends_complete_or_with_an_error(
    database: Database[Document],
) -> None:
    image_dataset(NAME, 250, persistent=True)
    fos.create_snapshot(NAME, "v1")
    gate = Gate()

    def read() -> object:
        samples = iter(fo.load_dataset(NAME, "v1"))
        next(samples)
        gate.stop()
        return 1 + len(list(samples))

    with Child(read) as child:
        gate.wait()
        fos.delete_snapshot(NAME, "v1")
        fos.empty_trash(NAME)
        gate.open()
        assert child.result() in ("250", "OperationFailure", "CursorNotFound")


def test_what_fiftyone_drops_by_itself_is_noticed(database: Database[Document]) -> None:
    image_dataset(NAME, 3, persistent=True)
    fos.create_snapshot(NAME, "v1")
    snapshot = fos.load_snapshot(NAME, "v1")
    assert snapshot.match_tags("nothing").values("id") == []
    # Not through one of FiftyOne's clients, so nothing of ours stops it
    database.drop_collection(snapshot._sample_collection_name)
    for name in ("len", "values", "iterate", "view"):
        with pytest.raises(SnapshotNotFoundError, match="not open any more"):
            READERS[name](snapshot)


def test_closed_views_are_dropped_in_the_end(
    database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    image_dataset(NAME, 1, persistent=True)
    fos.create_snapshot(NAME, "v1")
    view = fos.load_snapshot(NAME, "v1")._sample_collection_name
    fos.delete_snapshot(NAME, "v1")
    fos.empty_trash(NAME)
    fos.recover()
    assert view in database.list_collection_names()
    monkeypatch.setattr(invalidate, "KEEP_DAYS", 0)
    fos.recover()
    assert view not in database.list_collection_names()
