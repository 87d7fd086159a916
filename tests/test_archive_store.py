"""Archives in an object store: a real S3 server, and everything that goes wrong with one."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import timedelta

import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.archive import cloud, compression, location
from support.datasets import image_dataset
from support.full import Document
from support.invariants import World, assert_sound
from support.s3 import (
    BUCKET,
    Proxy,
    empty_bucket,
    objects,
    s3_server,
    unfinished_uploads,
)

NAME = "d"


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with s3_server() as port:
        yield port


@pytest.fixture
def s3(server: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """An empty bucket behind the proxy, as the place for archives."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", f"s3://{BUCKET}/team/one")
    with empty_bucket(server, monkeypatch) as state:
        yield state


@pytest.fixture
def before(database: Database[Document]) -> World:
    dataset = image_dataset(NAME, 30, persistent=True)
    fos.create_snapshot(NAME, "v1")
    dataset.set_values("weather.label", ["rain"] * 30)
    return World.now(database, NAME)


def test_there_and_back(
    s3: Proxy, server: int, before: World, database: Database[Document]
) -> None:
    fos.archive_snapshot(NAME, "v1")
    (key,) = objects(server)
    assert key.startswith("team/one/")
    assert key.endswith(".tar")
    assert fos.verify_snapshot(NAME, "v1")
    assert len(fos.diff(NAME, "v1", progress=False).changed) == 30
    fos.unarchive_snapshot(NAME, "v1")
    assert objects(server) == {}
    assert World.now(database, NAME) == before
    assert_sound_here(database)


def test_large_ones_go_in_several_parts(
    s3: Proxy,
    server: int,
    before: World,
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = image_dataset("big", 3, persistent=True)
    # Does not compress: 3 × 4 MB
    for document in list(dataset._sample_collection.find()):
        noise = {"$set": {"noise": os.urandom(4_000_000)}}
        dataset._sample_collection.update_one({"_id": document["_id"]}, noise)
    monkeypatch.setattr(cloud, "_PART_BYTES", 5 * 1024 * 1024)
    fos.create_snapshot("big", "v1")
    fos.archive_snapshot("big", "v1")
    assert sum("partNumber" in request.path for request in s3.requests) >= 3
    assert list(objects(server).values()) > [12_000_000]
    assert fos.verify_snapshot("big", "v1")
    fos.unarchive_snapshot("big", "v1")
    assert fos.verify_snapshot("big", "v1")


TROUBLES = {
    "errors": lambda request: 500 if request.number < 2 else None,
    "slow down": lambda request: 503 if request.number < 2 else None,
    "dropped connections": lambda request: "drop" if request.number < 2 else None,
    "cut answers": lambda request: (
        "cut" if request.method == "GET" and request.number < 2 else None
    ),
}


@pytest.mark.parametrize("trouble", TROUBLES)
def test_trouble_that_passes_is_not_noticed(
    trouble: str, s3: Proxy, server: int, before: World, database: Database[Document]
) -> None:
    s3.trouble = TROUBLES[trouble]
    fos.archive_snapshot(NAME, "v1")
    s3.requests.clear()
    fos.unarchive_snapshot(NAME, "v1")
    assert World.now(database, NAME) == before
    assert objects(server) == {}
    assert_sound_here(database)


LASTING = {
    "errors": lambda request: 500 if request.method in ("PUT", "POST") else None,
    "dropped connections": lambda request: "drop" if request.method in ("PUT", "POST") else None,
    "forbidden": lambda request: 403 if request.method in ("PUT", "POST") else None,
    "unreadable": lambda request: 500 if request.method == "GET" else None,
}


@pytest.mark.parametrize("trouble", LASTING)
def test_an_archive_that_cannot_be_written_changes_nothing(
    trouble: str, s3: Proxy, server: int, before: World, database: Database[Document]
) -> None:
    s3.trouble = LASTING[trouble]
    with pytest.raises(fos.ArchiveStorageError, match="Nothing was changed") as raised:
        fos.archive_snapshot(NAME, "v1")
    assert f"s3://{BUCKET}/team/one" in str(raised.value)
    assert World.now(database, NAME) == before
    assert objects(server) == {}
    assert unfinished_uploads(server) == 0
    s3.trouble = lambda request: None
    # Removing what was never there is requested with POST as well
    fos.recover()
    assert_sound_here(database)
    fos.archive_snapshot(NAME, "v1")


@pytest.mark.parametrize("trouble", ["errors", "drop", "gone"])
def test_an_archive_that_cannot_be_read_stays_archived(
    trouble: str, s3: Proxy, server: int, before: World, database: Database[Document]
) -> None:
    fos.archive_snapshot(NAME, "v1")
    archived = World.now(database, NAME)
    statuses = {"errors": 500, "drop": "drop", "gone": 404}
    # A store that is asked what else it holds still answers if only the archive is gone
    s3.trouble = lambda request: (
        None if trouble == "gone" and "list-type" in request.path else statuses[trouble]
    )
    error = fos.ArchiveNotFoundError if trouble == "gone" else fos.ArchiveStorageError
    with pytest.raises(error):
        fos.unarchive_snapshot(NAME, "v1")
    assert World.now(database, NAME) == archived
    s3.trouble = lambda request: None
    assert_sound_here(database)
    fos.unarchive_snapshot(NAME, "v1")
    assert World.now(database, NAME) == before


def test_a_slow_store_is_waited_for(s3: Proxy, server: int, before: World) -> None:
    s3.trouble = lambda request: time.sleep(0.2)
    fos.archive_snapshot(NAME, "v1")
    fos.unarchive_snapshot(NAME, "v1")


def test_a_store_that_never_answers_is_not_waited_for(
    s3: Proxy, before: World, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    short = {**cloud.REQUESTS, "timeout": timedelta(seconds=0.3)}
    monkeypatch.setattr(cloud, "REQUESTS", short)
    s3.trouble = lambda request: time.sleep(3)
    with pytest.raises(fos.ArchiveStorageError):
        fos.archive_snapshot(NAME, "v1")
    s3.trouble = lambda request: None
    monkeypatch.undo()
    assert World.now(database, NAME) == before


def test_wrong_credentials(s3: Proxy, before: World, monkeypatch: pytest.MonkeyPatch) -> None:
    # The test server takes all credentials; this is what Amazon's answers
    s3.trouble = lambda request: 403
    with pytest.raises(fos.ArchiveStorageError, match="does not accept these credentials"):
        fos.archive_snapshot(NAME, "v1")


def test_no_such_bucket(s3: Proxy, before: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", "s3://nobodys/")
    with pytest.raises(fos.ArchiveStorageError, match="nobodys"):
        fos.archive_snapshot(NAME, "v1")


def test_nobody_there(before: World, monkeypatch: pytest.MonkeyPatch, s3: Proxy) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(fos.ArchiveStorageError, match="try again when the store can be reached"):
        fos.archive_snapshot(NAME, "v1")


@pytest.mark.parametrize(
    "url", ["ftp://host/folder", "s4://bucket", "s3://", "gs//bucket://x", "://"]
)
def test_what_is_no_url_of_a_store(
    url: str, before: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", url)
    with pytest.raises(fos.InvalidSettingError):
        fos.archive_snapshot(NAME, "v1")


@pytest.mark.parametrize("url", ["gs://bucket/folder", "az://container/folder"])
def test_the_other_clouds_are_known(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_STORAGE_ACCOUNT_NAME", "account")
    monkeypatch.setenv("GOOGLE_SKIP_SIGNATURE", "true")
    assert location.open_store(url).describe("a.tar") == f"{url}/a.tar"


def test_a_folder_works_without_the_library(
    before: World, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "obstore", None)
    monkeypatch.delitem(sys.modules, "fiftyone_snapshots.backend.archive.cloud")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", "s3://bucket")
    with pytest.raises(fos.InvalidSettingError, match="pip install obstore"):
        fos.archive_snapshot(NAME, "v1")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    fos.archive_snapshot(NAME, "v1")
    fos.unarchive_snapshot(NAME, "v1")


def test_without_zstd_all_but_archives_works(
    before: World, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    fos.archive_snapshot(NAME, "v1")
    compression._zstd.cache_clear()
    for module in ("backports.zstd", "compression.zstd"):
        monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(fos.InvalidSettingError, match=r"install backports\.zstd"):
        fos.unarchive_snapshot(NAME, "v1")
    fos.create_snapshot(NAME, "v2")
    with pytest.raises(fos.InvalidSettingError, match=r"install backports\.zstd"):
        fos.archive_snapshot(NAME, "v2")
    monkeypatch.undo()
    compression._zstd.cache_clear()


@pytest.mark.parametrize("point", ["archive.piece", "archive.written", "archive.checked"])
def test_killed_it_leaves_nothing_in_the_store(
    point: str, s3: Proxy, server: int, before: World, database: Database[Document]
) -> None:
    # Not a fork, in which the library's threads would be missing
    code = f"import fiftyone_snapshots as fos; fos.archive_snapshot({NAME!r}, 'v1')"
    environment = {**os.environ, "FIFTYONE_SNAPSHOTS_FAULT": f"{point}:kill"}
    ended = subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert ended.returncode == -signal.SIGKILL
    fos.list_snapshots(NAME)
    assert World.now(database, NAME) == before
    assert objects(server) == {}


def assert_sound_here(database: Database[Document]) -> None:
    """Checks everything but the folder of archives, of which there is none."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH")
        assert_sound(database)
