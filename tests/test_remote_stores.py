"""A remote in an object store: a real S3 server, and everything that goes wrong with one."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.remote import write
from support.datasets import image_dataset
from support.full import Document
from support.invariants import assert_sound
from support.s3 import ACCESS, BUCKET, Proxy, Request, client, empty_bucket, objects, s3_server

REMOTE = f"s3://{BUCKET}/team/histories"


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with s3_server() as port:
        yield port


@pytest.fixture
def s3(server: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """An empty bucket behind the proxy."""
    # Several segments of a small dataset
    monkeypatch.setattr(write, "SEGMENT_BYTES", 4096)
    with empty_bucket(server, monkeypatch) as state:
        yield state


@pytest.fixture
def dataset() -> fo.Dataset:
    made = image_dataset("d", 30, persistent=True)
    fos.create_snapshot("d", "v1")
    made.first().set_field("note", "x")
    sample = made.first()
    sample["note"] = "two"
    sample.save()
    fos.create_snapshot("d", "v2")
    return made


def test_there_and_back(
    s3: Proxy, server: int, dataset: fo.Dataset, database: Database[Document]
) -> None:
    assert fos.push("d", REMOTE).snapshots == ["v1", "v2"]
    assert all(key.startswith("team/histories/") for key in objects(server))
    assert "PUT" in s3.methods
    count = len(objects(server))
    assert fos.push("d", REMOTE).already_there == 2
    assert len(objects(server)) == count
    assert fos.verify_remote(REMOTE).is_ok
    assert fos.gc_remote(REMOTE, dry_run=False, older_than=timedelta(0)).objects == 0
    fo.delete_dataset("d")
    fos.clone_from(REMOTE, "d")
    assert fos.list_snapshots("d") == ["v1", "v2"]
    assert all(fos.verify_all())
    assert_sound(database)


@pytest.mark.parametrize("trouble", ["drop", "cut", 503])
def test_what_fails_now_and_then_is_repeated(
    trouble: str | int, s3: Proxy, dataset: fo.Dataset
) -> None:
    """A request of three is spoilt; a reply that is cut has been obeyed, and is lost."""
    s3.trouble = lambda request: trouble if request.number % 3 == 1 else None
    assert fos.push("d", REMOTE).snapshots == ["v1", "v2"]
    assert fos.verify_remote(REMOTE).is_ok
    fo.delete_dataset("d")
    assert fos.clone_from(REMOTE, "d").snapshots == ["v1", "v2"]
    s3.trouble = lambda request: None
    assert all(fos.verify_all())


def test_a_lost_answer_is_no_conflict(s3: Proxy, server: int, dataset: fo.Dataset) -> None:
    """The commit arrives, and whoever sent it is not told."""
    lost: list[str] = []

    def lose(request: Request) -> str | None:
        if request.method == "PUT" and "/snapshots/" in request.path and len(lost) < 2:
            lost.append(request.path)
            return "cut"
        return None

    s3.trouble = lose
    assert fos.push("d", REMOTE).snapshots == ["v1", "v2"]
    assert lost
    assert sum("/snapshots/" in key for key in objects(server)) == 2


def test_a_store_that_fails_for_good_says_so(
    s3: Proxy, server: int, dataset: fo.Dataset, database: Database[Document]
) -> None:
    def fail(request: Request) -> int | None:
        return 503 if request.method == "PUT" and "/segments/" in request.path else None

    s3.trouble = fail
    with pytest.raises(fos.RemoteStorageError, match="could not be written") as caught:
        fos.push("d", REMOTE)
    assert ACCESS["AWS_SECRET_ACCESS_KEY"] not in str(caught.value)
    assert not any("/snapshots/" in key for key in objects(server))
    s3.trouble = lambda request: None
    # What has been left is no snapshot's, and is not collected before the push is repeated
    (note,) = fos.gc_remote(REMOTE, older_than=timedelta(0), dry_run=False).pushes
    assert note
    assert fos.push("d", REMOTE).snapshots == ["v1", "v2"]
    assert not fos.gc_remote(REMOTE).pushes
    fo.delete_dataset("d")
    s3.trouble = lambda request: 503 if request.method == "GET" else None
    with pytest.raises(fos.RemoteStorageError, match="could not be"):
        fos.clone_from(REMOTE, "d")
    s3.trouble = lambda request: None
    assert not fo.dataset_exists("d")
    assert_sound(database)


def test_a_push_that_was_broken_off_goes_on(s3: Proxy, dataset: fo.Dataset) -> None:
    """What has arrived does not travel again."""

    def sent(method: str) -> list[str]:
        return [
            each.path
            for each in s3.requests
            if each.method == method and "/segments/" in each.path
        ]

    s3.trouble = lambda request: 503 if "/manifests/" in request.path else None
    with pytest.raises(fos.RemoteStorageError):
        fos.push("d", REMOTE, names=["v1"])
    arrived = {path.partition("?")[0] for path in sent("PUT")}
    s3.trouble = lambda request: None
    s3.requests.clear()
    fos.push("d", REMOTE, names=["v1"])
    assert arrived
    assert not sent("PUT")
    assert fos.verify_remote(REMOTE).is_ok


def test_what_nothing_needs_is_collected(
    s3: Proxy, server: int, dataset: fo.Dataset, database: Database[Document]
) -> None:
    fos.push("d", REMOTE)
    needed = set(objects(server))
    (folder,) = {key.rpartition("/segments/")[0] for key in needed if "/segments/" in key}
    store = client(server)
    for key in (f"{folder}/segments/{'0' * 64}", f"{folder}/manifests/{'1' * 64}"):
        store.put_object(Bucket=BUCKET, Key=key, Body=b"left over")
    note = f"{folder}/pushing/somebody"
    time.sleep(1.1)  # the server tells whole seconds
    assert fos.gc_remote(REMOTE).objects == 0  # too new
    found = fos.gc_remote(REMOTE, older_than=timedelta(0))
    assert (found.objects, found.size_bytes, found.dry_run) == (2, 18, True)
    assert len(objects(server)) == len(needed) + 2
    # An older push may need them
    store.put_object(Bucket=BUCKET, Key=note, Body=b"{}")
    for key in (f"{folder}/segments/{'0' * 64}", f"{folder}/manifests/{'1' * 64}"):
        store.put_object(Bucket=BUCKET, Key=key, Body=b"left over")
    time.sleep(1.1)
    kept = fos.gc_remote(REMOTE, older_than=timedelta(0), dry_run=False)
    assert (kept.objects, kept.kept_objects) == (0, 2)
    store.delete_object(Bucket=BUCKET, Key=note)
    assert fos.gc_remote(REMOTE, older_than=timedelta(0), dry_run=False).objects == 2
    assert set(objects(server)) == needed
    # What is needed cannot be told: nothing is removed
    store.put_object(Bucket=BUCKET, Key=f"{folder}/snapshots/v9.json", Body=b"{}")
    with pytest.raises(fos.DamagedRemoteError):
        fos.gc_remote(REMOTE, older_than=timedelta(0), dry_run=False)


def test_no_secrets_are_kept(s3: Proxy, dataset: fo.Dataset, database: Database[Document]) -> None:
    for address in (
        f"s3://anna:hunter2@{BUCKET}/x",
        f"https://host/{BUCKET}?X-Amz-Signature=hunter2",
    ):
        with pytest.raises(fos.InvalidSettingError) as caught:
            fos.push("d", address)
        assert "hunter2" not in str(caught.value)
    fos.push("d", REMOTE)
    for name in database.list_collection_names():
        if name.startswith("snapshots."):
            text = str(list(database[name].find()))
            assert "hunter2" not in text, name
            assert "SECRET" not in text
