"""Create while others write, beside create while nobody does."""

from __future__ import annotations

import itertools
import multiprocessing
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timezone
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo
import pymongo

import fiftyone_snapshots as fos

from .data import image_dataset
from .harness import Row, Step, compare

_WRITERS = 2
_UPDATES_PER_SECOND = 20
_TRIES = 10

_ENOUGH = 50_000
"""From this size on the bar is set: of less a copy is made between two updates."""


def rows(samples: int) -> Iterator[Row]:
    """Measures create under writers, with each backend.

    Args:
        samples: the size of the dataset

    Returns:
        an iterator over the rows
    """
    for backend in ("duplication", "delta"):
        os.environ["FIFTYONE_SNAPSHOTS_BACKEND"] = backend
        dataset = image_dataset("bench-busy", samples)
        fos.create_snapshot(dataset, "base")
        yield _row(dataset, samples, backend)
        fo.delete_dataset("bench-busy")
    del os.environ["FIFTYONE_SNAPSHOTS_BACKEND"]


def _row(dataset: fo.Dataset, samples: int, backend: str) -> Row:
    collection = dataset._sample_collection
    ids = [document["_id"] for document in collection.find({}, {"_id": 1})]
    half = len(ids) // 2
    # Far apart, so that a copy is long under way between the two
    pairs = list(zip(ids[:half], ids[half:], strict=False))
    done: list[bool] = []
    torn: list[int] = []
    running = []

    def create() -> None:
        try:
            fos.create_snapshot(dataset, "measured")
            done.append(True)
        except fos.ConcurrentWritesError:
            done.append(False)

    def start() -> None:
        running.append(_writers(collection.name, pairs))
        running[-1].__enter__()
        time.sleep(0.5)

    def stop() -> None:
        running.pop().__exit__(None, None, None)
        if done[-1]:
            loaded = fos.load_snapshot(dataset, "measured")._sample_collection
            found = {each["_id"]: each.get("n") for each in loaded.find({}, {"n": 1})}
            torn.append(sum(found[one] != found[other] for one, other in pairs))
            clean()

    def clean() -> None:
        fos.delete_snapshot(dataset, "measured")
        fos.empty_trash(dataset)

    row = compare(
        f"create, {_WRITERS} writers",
        f"{samples:,} samples, {backend}",
        Step(create, before=start, after=stop),
        "create, nobody writes",
        Step(lambda: fos.create_snapshot(dataset, "measured"), after=clean),
        bar=3.0 if samples >= _ENOUGH else None,
        repeats=_TRIES,
    )
    note = f"{sum(done)} of {len(done)} tries; at most {max(torn, default=0)} pairs differ"
    return replace(row, note=note)


@contextmanager
def _writers(name: str, pairs: list[tuple[Any, Any]]) -> Iterator[None]:
    """Has others write pairs of documents, one after the other, as FiftyOne does."""
    context = multiprocessing.get_context("fork")
    database = foo.get_db_conn().name
    writers = [
        context.Process(target=_write, args=(database, name, pairs[number::_WRITERS]), daemon=True)
        for number in range(_WRITERS)
    ]
    for writer in writers:
        writer.start()
    try:
        yield
    finally:
        for writer in writers:
            writer.kill()
            writer.join()


def _write(database: str, name: str, pairs: list[tuple[Any, Any]]) -> None:
    client: pymongo.MongoClient[Any] = pymongo.MongoClient(os.environ["FIFTYONE_DATABASE_URI"])
    samples = client[database][name]
    due = time.monotonic()
    for number in itertools.count(1):
        for pair in pairs:
            for id_ in pair:
                now = datetime.now(timezone.utc)
                samples.update_one({"_id": id_}, {"$set": {"n": number, "last_modified_at": now}})
                due += 1 / _UPDATES_PER_SECOND
                time.sleep(max(0.0, due - time.monotonic()))
