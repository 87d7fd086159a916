"""The content that files had comes back from where other systems keep their versions."""

from __future__ import annotations

import hashlib
import io
import os
import shutil
import socket
import time
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO, ClassVar

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.media import fact, provider, web
from fiftyone_snapshots.backend.media.changes import MediaChange, judge
from fiftyone_snapshots.backend.media.copies import MediaStore
from fiftyone_snapshots.backend.media.fact import MediaFact
from fiftyone_snapshots.backend.media.hugging_face import HuggingFaceProvider
from fiftyone_snapshots.backend.media.listing import FileState, Fingerprint
from support.full import Document
from support.media_files import NAME, files, layers, masks, media, restored
from support.media_servers import Hub, LakeFs, Versions, serving
from support.s3 import Proxy, client, empty_bucket, s3_server

BUCKET = "versions"


@pytest.fixture
def copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MediaStore:
    (tmp_path / "store").mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA_STORE", str(tmp_path / "store"))
    return MediaStore(tmp_path / "store")


# --- Object stores


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with s3_server() as port:
        for name in (BUCKET, "plain"):
            client(port).create_bucket(Bucket=name)
        versioning = {"Status": "Enabled"}
        client(port).put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration=versioning)
        yield port


@pytest.fixture
def proxy(server: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    pytest.importorskip("obstore")
    with empty_bucket(server, monkeypatch) as state:
        yield state


def put(server: int, key: str, content: str, bucket: str = BUCKET) -> str:
    client(server).put_object(Bucket=bucket, Key=key, Body=content.encode())
    return f"s3://{bucket}/{key}"


def test_a_store_with_versions_gives_that_of_then(
    server: int, proxy: Proxy, tmp_path: Path
) -> None:
    paths = [put(server, f"夜/mask {number}.png", f"was {number}") for number in range(3)]
    masks(tmp_path, paths)
    fos.create_snapshot(NAME, "v1", media="remote")
    put(server, "夜/mask 0.png", "painted over")
    client(server).delete_object(Bucket=BUCKET, Key="夜/mask 1.png")
    before = {f"mask {number}.png": f"was {number}" for number in range(3)}
    # The images are on this machine, and nobody knows their content
    assert restored(tmp_path / "back") == (before, 3)
    back = fos.restore_media(NAME, "v1", to=tmp_path / "back")
    assert (back.written, len(back.paths)) == (0, 3)
    done = fos.repoint_media(NAME, back)
    assert done is not None
    shown = fo.load_dataset(NAME).values("road.mask_path")
    assert [Path(path).read_text() for path in shown] == list(before.values())


def test_a_store_without_versions_gives_what_is_the_same_still(
    server: int, proxy: Proxy, tmp_path: Path
) -> None:
    paths = [put(server, f"mask-{number}.png", f"was {number}", "plain") for number in range(2)]
    masks(tmp_path, paths)
    fos.create_snapshot(NAME, "v1", media="remote")
    put(server, "mask-0.png", "isn't", "plain")
    assert restored(tmp_path / "back") == ({"mask-1.png": "was 1"}, 3)
    # What is cut off on the way is not taken for the content
    put(server, "mask-0.png", "was 0", "plain")
    proxy.trouble = lambda request: "cut" if request.method == "GET" else None
    assert restored(tmp_path / "third")[0] == {}
    assert not list((tmp_path / "third").rglob("*partial"))


def test_copies_are_made_of_what_is_elsewhere_and_once(
    server: int, proxy: Proxy, tmp_path: Path, copies: MediaStore
) -> None:
    paths = [put(server, f"mask-{number}.png", f"was {number}", "plain") for number in range(2)]
    masks(tmp_path, paths)
    fos.create_snapshot(NAME, "v1", media="copy")
    captured = fos.get_captured_media(NAME, "v1")
    assert captured is not None
    assert (captured.files, captured.hashed) == (4, 4)
    assert media().proven
    proxy.requests.clear()
    fos.create_snapshot(NAME, "v2", media="copy")
    assert "GET" not in proxy.methods
    put(server, "mask-0.png", "painted over", "plain")
    fos.create_snapshot(NAME, "v3", media="copy")
    assert media("v2", "v3").replaced.names == (paths[0],)
    for number in range(2):
        client(server).delete_object(Bucket="plain", Key=f"mask-{number}.png")
    shutil.rmtree(tmp_path / "store/owners")
    assert restored(tmp_path / "one") == ({"mask-0.png": "was 0", "mask-1.png": "was 1"}, 0)
    assert restored(tmp_path / "two", "v3")[0]["mask-0.png"] == "painted over"
    # Copies that snapshots refer to stay
    for copy in copies.folder.glob("sha256/*/*"):
        os.utime(copy, (0, 0))
    assert fos.collect_media(dry_run=False).removed == 0
    fos.delete_snapshot(NAME, "v3")
    fos.empty_trash(NAME)
    assert fos.collect_media(dry_run=False).removed == 1


def test_a_copy_of_what_is_elsewhere_that_is_lost_is_made_again(
    server: int, proxy: Proxy, tmp_path: Path, copies: MediaStore
) -> None:
    masks(tmp_path, [put(server, "mask.png", "was", "plain")])
    fos.create_snapshot(NAME, "v1", media="copy")
    shutil.rmtree(copies.folder / "sha256")
    fos.capture_media(NAME, "v1", "copy")
    digest = hashlib.sha256(b"was").hexdigest()
    assert copies.path(digest).read_text() == "was"
    # A store that refuses leaves what is known
    shutil.rmtree(copies.folder / "sha256")
    proxy.trouble = lambda request: 403 if request.method == "GET" else None
    captured = fos.capture_media(NAME, "v1", "copy")
    assert captured.found == 2
    assert not copies.find(digest)


# --- lakeFS and the Hub, as documented


@pytest.fixture
def lakefs(monkeypatch: pytest.MonkeyPatch) -> Iterator[Versions]:
    versions = Versions()
    with serving(versions, LakeFs) as address:
        monkeypatch.setenv("LAKECTL_SERVER_ENDPOINT_URL", f"{address}/api/v1")
        monkeypatch.setenv("LAKECTL_CREDENTIALS_ACCESS_KEY_ID", "me")
        monkeypatch.setenv("LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY", "secret")
        yield versions


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Versions]:
    versions = Versions()
    with serving(versions, Hub) as address:
        monkeypatch.setenv("HF_ENDPOINT", address)
        monkeypatch.setenv("HF_TOKEN", "secret")
        yield versions


def test_lakefs_gives_what_the_commit_of_then_has(lakefs: Versions, tmp_path: Path) -> None:
    lakefs.commit("main", **{"夜/mask 0.png": "was 0", "mask-1.png": "was 1"})
    lakefs.staged["mask-2.png"] = b"nobody has committed this"
    names = ["夜/mask 0.png", "mask-1.png", "mask-2.png", "mask-3.png"]
    masks(tmp_path, [f"lakefs://street/main/{name}" for name in names])
    fos.create_snapshot(NAME, "v1", media="remote")
    captured = fos.get_captured_media(NAME, "v1")
    assert captured is not None
    assert (captured.found, captured.missing, captured.unchecked) == (7, 1, 0)
    lakefs.commit("main", **{"夜/mask 0.png": "painted over"})
    lakefs.staged.clear()
    assert media().replaced.names == (f"lakefs://street/main/{names[0]}",)
    assert media().missing.names == (f"lakefs://street/main/{names[2]}",)
    before = {"mask 0.png": "was 0", "mask-1.png": "was 1"}
    assert restored(tmp_path / "back") == (before, 5)
    assert {each[:6] for each in lakefs.authorizations} == {"Basic "}


def test_of_another_commit_with_the_same_files_nothing_is_noted(
    lakefs: Versions, tmp_path: Path, database: Database[Document]
) -> None:
    lakefs.commit("main", **{"mask.png": "was"})
    masks(tmp_path, ["lakefs://street/main/mask.png"])
    fos.create_snapshot(NAME, "v1", media="remote")
    lakefs.commit("main", **{"other.png": "other"})
    fos.create_snapshot(NAME, "v2", media="remote")
    assert not media("v1", "v2")
    assert len(layers(database)) == 1


def test_the_hub_gives_what_the_commit_of_then_has(hub: Versions, tmp_path: Path) -> None:
    hub.large.add("夜/mask 0.png")
    commit = hub.commit("main", **{"夜/mask 0.png": "was 0", "mask-1.png": "was 1"})
    root = "hf://datasets/me/street"
    paths = [f"{root}/夜/mask 0.png", f"{root}@main/mask-1.png", f"{root}@{commit}/mask-2.png"]
    masks(tmp_path, paths)
    fos.create_snapshot(NAME, "v1", media="remote")
    captured = fos.get_captured_media(NAME, "v1")
    assert captured is not None
    assert (captured.found, captured.missing, captured.hashed) == (5, 1, 1)
    hub.commit("main", **{"夜/mask 0.png": "painted over", "mask-1.png": "painted over"})
    assert set(media().replaced.names) == set(paths[:2])
    with serving(Versions(hub.commits), Hub) as storage:
        hub.elsewhere = storage
        before = {"mask 0.png": "was 0", "mask-1.png": "was 1"}
        assert restored(tmp_path / "back") == (before, 3)
    assert set(hub.authorizations) == {"Bearer secret"}


def test_the_token_goes_to_nobody_else(hub: Versions) -> None:
    hub.large.add("mask.png")
    commit = hub.commit("main", **{"mask.png": "was"})
    storage = Versions(hub.commits)
    with serving(storage, Hub) as elsewhere:
        hub.elsewhere = elsewhere
        told = MediaFact(f"blob:1 at:{commit}")
        opened = HuggingFaceProvider().open("hf://datasets/me/street/mask.png", told)
        assert opened is not None
        with opened:
            assert opened.read() == b"was"
    assert storage.authorizations == [""]
    assert hub.authorizations == ["Bearer secret"]


def test_what_the_hub_sends_is_compared_with_its_hash(hub: Versions, tmp_path: Path) -> None:
    commit = hub.commit("main", **{"mask.png": "was"})
    masks(tmp_path, ["hf://datasets/me/street/mask.png"])
    fos.create_snapshot(NAME, "v1", media="remote")
    hub.commits[commit]["mask.png"] = b"saw"
    assert restored(tmp_path / "back") == ({}, 2)


@pytest.mark.parametrize(
    "path", ["hf://datasets/me/street/mask.png", "lakefs://street/main/mask.png"]
)
def test_a_server_that_does_not_answer_hinders_nobody(
    path: str, hub: Versions, lakefs: Versions, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for versions in (hub, lakefs):
        versions.commit("main", **{"mask.png": "was"})
    masks(tmp_path, [path, path.replace("street", "nobody"), "hf://odd", "lakefs://odd"])
    fos.create_snapshot(NAME, "v1", media="remote")
    hub.down = lakefs.down = True
    assert media().untold.total == 4
    assert "were not looked at" in caplog.text
    assert restored(tmp_path / "back") == ({}, 8)


def test_a_server_that_is_silent_is_waited_for_once(
    monkeypatch: pytest.MonkeyPatch, lakefs: Versions
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        monkeypatch.setattr(web, "_SECONDS", 0.2)
        with pytest.raises(web.WebError, match=r"does not answer: .*timed out"):
            web.get(url, {})
        monkeypatch.setattr(web, "_SECONDS", 60)
        for _ in range(1000):
            with pytest.raises(web.WebError, match="did not answer a moment ago"):
                web.get_json(f"{url}/file", {})
    # Those that do answer are not held up by it, and it is asked again later
    nobody = "/repositories/nobody/refs/main/commits"
    assert web.get(os.environ["LAKECTL_SERVER_ENDPOINT_URL"] + nobody, {}) is None
    monkeypatch.setattr(web, "time", SimpleNamespace(monotonic=lambda: time.monotonic() + 1))
    with pytest.raises(web.WebError, match="refused"):
        web.get(url, {})


def test_without_an_address_of_lakefs_nothing_is_asked(tmp_path: Path) -> None:
    masks(tmp_path, ["lakefs://street/main/mask.png"])
    fos.create_snapshot(NAME, "v1", media="remote")
    captured = fos.get_captured_media(NAME, "v1")
    assert captured is not None
    assert captured.unchecked == 1


# --- Packages of others


class Assets:
    """What a package of others plugs in."""

    contents: ClassVar[dict[str, bytes]] = {}

    def facts(self, paths: Sequence[str]) -> Mapping[str, MediaFact]:
        return {
            path: MediaFact(f"asset:{len(self.contents[path])}")
            for path in paths
            if path in self.contents
        }

    def open(self, path: str, fact: MediaFact) -> BinaryIO | None:
        if fact.value == "asset:0":
            raise RuntimeError
        return io.BytesIO(self.contents[path]) if path.startswith("asset://") else None


class OfBefore:
    """A package of before, which could not open anything."""

    def facts(self, paths: Sequence[str]) -> Mapping[str, MediaFact]:
        return {}


def test_packages_of_others_give_contents(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, copies: MediaStore
) -> None:
    points = [EntryPoint(name, "x", provider.ENTRY_POINT_GROUP) for name in ("OfBefore", "Assets")]
    monkeypatch.setattr(EntryPoint, "load", lambda self: globals()[self.name])
    monkeypatch.setattr(provider, "entry_points", lambda group: points)
    Assets.contents = {"asset://mask-1": b"one", "asset://mask-0": b""}
    masks(tmp_path, list(Assets.contents))
    fos.create_snapshot(NAME, "v1", media="copy")
    assert copies.find(hashlib.sha256(b"one").hexdigest())
    assert restored(tmp_path / "back") == ({"mask-1": "one"}, 1)
    fos.create_snapshot(NAME, "v2", media="remote")
    shutil.rmtree(copies.folder / "sha256")
    assert restored(tmp_path / "third", "v2")[0] == {"mask-1": "one"}
    assert "1.png" not in files(tmp_path / "third")


@pytest.mark.parametrize(
    ("was", "is_", "expected", "is_proven"),
    [
        ("sha256:a at:1", "sha256:a at:2", MediaChange.UNCHANGED, True),
        ("etag:x at:1", "etag:x at:2", MediaChange.UNCHANGED, False),
        ("etag:x version:1", "etag:x", MediaChange.UNCHANGED, False),
        ("etag:x version:1", "etag:x version:2", MediaChange.REWRITTEN, False),
        ("etag:x sha256:a", "etag:y sha256:a", MediaChange.UNCHANGED, True),
        ("etag:x sha256:a", "etag:x", MediaChange.UNCHANGED, False),
        ("etag:x sha256:a", "etag:x sha256:b", MediaChange.REPLACED, True),
        ("at:1", "at:2", MediaChange.UNCHANGED, False),
    ],
)
def test_what_facts_tell(was: str, is_: str, expected: MediaChange, is_proven: bool) -> None:
    a, b = (Fingerprint(FileState.FILE, 5, 7, 0, each) for each in (was, is_))
    assert judge(a, b) == (expected, is_proven)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("", True),
        ("etag:a version:b at:c", True),
        ("asset:a b c", True),
        ("etag:a sha256:" + "0" * 64, True),
        ("etag:a sha256:../../x", False),
        ("md5:" + "0" * 32 + " at:x", True),
        ("md5:../x", False),
        ("nothing", False),
        ("etag:a\nb", False),
        ("etag:" + "a" * 1000, False),
    ],
)
def test_what_a_fact_is(value: str, expected: bool) -> None:
    assert fact.is_valid(value) is expected
