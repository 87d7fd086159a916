"""Media that other systems keep: object stores, and what packages of others plug in."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.config import MediaLevel
from fiftyone_snapshots.backend.media import capture, look, provider
from fiftyone_snapshots.backend.media.fact import SHA256, MediaFact
from fiftyone_snapshots.backend.media.listing import FileState, Fingerprint, Listing
from support.media_files import NAME, media, write
from support.s3 import BUCKET, Proxy, client, empty_bucket, s3_server


def found(paths: Sequence[str], level: str = "hash") -> dict[str, Fingerprint]:
    listing = capture.look_at(sorted(paths), MediaLevel(level), Listing.empty())
    return dict(listing.items())


def md5(path: str | Path) -> str:
    return "md5:" + hashlib.md5(Path(path).read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def server() -> Iterator[int]:
    with s3_server() as port:
        yield port


@pytest.fixture
def bucket(server: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    pytest.importorskip("obstore")
    with empty_bucket(server, monkeypatch) as state:
        yield state


def put(server: int, key: str, content: str) -> str:
    client(server).put_object(Bucket=BUCKET, Key=key, Body=content.encode())
    return f"s3://{BUCKET}/{key}"


@pytest.fixture
def street(server: int, bucket: Proxy, tmp_path: Path) -> fo.Dataset:
    """A dataset of images on this machine, whose masks are in an object store."""
    dataset = fo.Dataset(NAME, persistent=True)
    masks = [put(server, f"masks/夜 {number}.png", str(number)) for number in range(3)]
    dataset.add_samples(
        [
            fo.Sample(
                write(tmp_path / f"{number}.png"), road=fo.Segmentation(mask_path=masks[number])
            )
            for number in range(3)
        ]
    )
    return dataset


def test_objects_are_told_by_their_etags(street: fo.Dataset, server: int) -> None:
    fos.create_snapshot(NAME, "sizes", media="stat")
    fos.create_snapshot(NAME, "v1", media="remote")
    sizes, captured = (fos.get_captured_media(NAME, name) for name in ("sizes", "v1"))
    assert sizes is not None
    assert captured is not None
    assert (sizes.found, sizes.unchecked) == (3, 3)
    assert (captured.found, captured.unchecked, captured.hashed) == (6, 0, 0)
    assert captured.level.value == "remote"
    assert not media()
    assert not media().proven
    assert "as far as size and time tell" in "\n".join(media().lines())
    paths = [label.mask_path for label in street.values("road")]
    put(server, "masks/夜 0.png", "of another size")
    put(server, "masks/夜 1.png", "x")
    client(server).delete_object(Bucket=BUCKET, Key="masks/夜 2.png")
    assert media().replaced.names == (paths[0],)
    assert media().rewritten.names == (paths[1],)
    assert media().missing.names == (paths[2],)
    fos.create_snapshot(NAME, "v2", media="hash")
    assert media("v1", "v2").replaced.names == (paths[0],)
    assert fos.verify_snapshot(NAME, "v1", media=True).media is not None


def test_the_same_content_uploaded_again_is_the_same(street: fo.Dataset, server: int) -> None:
    fos.create_snapshot(NAME, "v1", media="remote")
    put(server, "masks/夜 0.png", "0")
    assert not media()
    assert media().unchanged == 6


def test_versions_of_objects(server: int, bucket: Proxy) -> None:
    s3 = client(server)
    s3.create_bucket(Bucket="versioned")
    s3.put_bucket_versioning(Bucket="versioned", VersioningConfiguration={"Status": "Enabled"})
    put_ = s3.put_object(Bucket="versioned", Key="a.png", Body=b"1")
    known = found(["s3://versioned/a.png"], "remote")["s3://versioned/a.png"]
    assert known.state is FileState.FILE
    assert known.size == 1
    assert known.fact == f"etag:{put_['ETag'].strip(chr(34))} version:{put_['VersionId']}"


def test_media_in_stores_stay_there_when_a_snapshot_moves(
    street: fo.Dataset, tmp_path: Path
) -> None:
    fos.create_snapshot(NAME, "v1", media="hash")
    package = fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    fo.delete_dataset(NAME)
    fos.import_snapshot(package, media_to=tmp_path / "here")
    first = fo.load_dataset(NAME).first()
    assert first.filepath == str(tmp_path / "here/0.png")
    assert first.road.mask_path == f"s3://{BUCKET}/masks/夜 0.png"


def test_a_store_that_does_not_answer_is_not_asked_again_and_nothing_fails(
    street: fo.Dataset, bucket: Proxy, caplog: pytest.LogCaptureFixture
) -> None:
    bucket.trouble = lambda request: 403
    fos.create_snapshot(NAME, "forbidden", media="remote")
    bucket.trouble = lambda request: "drop"
    fos.create_snapshot(NAME, "dropped", media="remote")
    for name in ("forbidden", "dropped"):
        captured = fos.get_captured_media(NAME, name)
        assert captured is not None
        assert (captured.found, captured.unchecked) == (3, 3)
    assert f"Media in 's3://{BUCKET}' were not looked at any further" in caplog.text
    bucket.trouble = lambda request: None
    fos.create_snapshot(NAME, "v1", media="remote")
    bucket.trouble = lambda request: 500
    assert media().untold.total == 3
    assert found(["s3://nobody-has-this/x.png"], "remote")["s3://nobody-has-this/x.png"] == (
        look.look("s3://x/y")
    )


class Elsewhere:
    """What a package of others plugs in."""

    told: ClassVar[dict[str, object]] = {}

    def facts(self, paths: Sequence[str]) -> Mapping[str, MediaFact]:
        if "raise" in self.told:
            raise RuntimeError
        return {path: self.told[path] for path in paths if path in self.told}  # type: ignore[misc]


_NO_FACTS = {
    "number": MediaFact(5),  # type: ignore[arg-type]
    "no_text": MediaFact("etag:\ud800"),
    "large": MediaFact("etag:a", size=2**63),
    "negative": MediaFact("etag:a", size=-1),
    "text": MediaFact("etag:a", size="5"),  # type: ignore[arg-type]
    "late": MediaFact("etag:a", time=2**63),
    "no_time": MediaFact("etag:a", time=None),  # type: ignore[arg-type]
}


def test_packages_of_others_tell_what_they_know(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    points = [
        EntryPoint("lakefs", f"{__name__}:Elsewhere", provider.ENTRY_POINT_GROUP),
        EntryPoint("broken", "nothing.at.all:Provider", provider.ENTRY_POINT_GROUP),
    ]
    monkeypatch.setattr(EntryPoint, "load", lambda self: _load(self.name))
    monkeypatch.setattr(provider, "entry_points", lambda group: points)
    here = write(tmp_path / "a.png")
    hashed = "sha256:" + "a" * 64
    Elsewhere.told = {
        "lakefs://repo/main/a.png": MediaFact(hashed, 5, 7),
        "lakefs://repo/main/gone.png": MediaFact(is_there=False),
        "lakefs://repo/main/two.png": MediaFact("etag:a\netag:b"),
        "lakefs://repo/main/bad.png": MediaFact("sha256:short"),
        "lakefs://repo/main/odd.png": "sha256",
        **{f"lakefs://repo/main/{name}.png": fact for name, fact in _NO_FACTS.items()},
        here: MediaFact("checksum:12"),
    }
    known = found([*Elsewhere.told, "lakefs://repo/main/unknown.png"])
    assert known["lakefs://repo/main/a.png"] == (FileState.FILE, 5, 7, 0, hashed)
    assert known["lakefs://repo/main/gone.png"].state is FileState.MISSING
    for name in ("two", "bad", "odd", "unknown", *_NO_FACTS):
        assert known[f"lakefs://repo/main/{name}.png"].state is FileState.ELSEWHERE
    assert known[here].fact == "checksum:12"
    assert "'lakefs' tells of 'lakefs://repo/main/odd.png' what is no fact" in caplog.text
    assert "'broken' cannot be used" in caplog.text
    Elsewhere.told = {"raise": None}
    assert found([here])[here].fact == SHA256 + look.digest(here)
    assert "'lakefs' has failed" in caplog.text


def _load(name: str) -> type[Elsewhere]:
    if name == "broken":
        raise ImportError(name)
    return Elsewhere


def test_what_is_in_the_database_or_a_folder_asks_for_nothing(tmp_path: Path) -> None:
    assert os.environ.get("AWS_ENDPOINT_URL") is None
    paths = ["relative.png", "C:\\a.png", "https://host/a.png", "s3://", "s3://bucket", "s3:///a"]
    assert {each.state for each in found(paths).values()} == {FileState.ELSEWHERE}
