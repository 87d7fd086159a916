"""Media that other systems keep: DVC, object stores, and what packages of others plug in."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import subprocess
from collections.abc import Iterator, Mapping, Sequence
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import ClassVar

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.config import MediaLevel
from fiftyone_snapshots.backend.media import capture, look, provider
from fiftyone_snapshots.backend.media.dvc import DvcProvider
from fiftyone_snapshots.backend.media.fact import SHA256, MediaFact
from fiftyone_snapshots.backend.media.listing import FileState, Fingerprint, Listing
from support.media_files import NAME, media, touch, write
from support.s3 import BUCKET, Proxy, client, empty_bucket, s3_server


def found(paths: Sequence[str], level: str = "hash") -> dict[str, Fingerprint]:
    listing = capture.look_at(sorted(paths), MediaLevel(level), Listing.empty())
    return dict(listing.items())


def md5(path: str | Path) -> str:
    return "md5:" + hashlib.md5(Path(path).read_bytes()).hexdigest()


SINGLE = """outs:
- md5: {md5}
  size: {size}
  hash: md5
  path: single.png
"""

FOLDER = """outs:
- md5: a3f5f73e6ffce9af1b0e0321d028cb2e.dir
  size: 8
  nfiles: 2
  hash: md5
  path: images
"""

STAGES = """stages:
  make:
    wdir: prep
    cmd: mkdir -p out && echo made > out/x.png && echo m > y.png
    outs: [out, y.png]
  each:
    foreach: [1, 2]
    do:
      cmd: echo ${item} > z${item}.png
      outs: ["z${item}.png"]
"""

LOCK = """schema: '2.0'
stages:
  make:
    cmd: mkdir -p out && echo made > out/x.png && echo m > y.png
    outs:
    - path: y.png
      hash: md5
      md5: 69b64623f86def16ce17d454b8be41ae
      size: 2
  each@1:
    cmd: echo 1 > z1.png
    outs:
    - path: z1.png
      hash: md5
      md5: b026324c6904b2a9cb4b88d6d61c81d1
      size: 2
"""


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with the files that DVC 3.67 has written in one."""
    root = tmp_path / "repository"
    (root / ".dvc").mkdir(parents=True)
    (root / ".dvc/config").touch()
    contents = {"images/a.png": "one", "images/sub/夜.png": "two", "prep/y.png": "m"}
    for name, content in {**contents, "z1.png": "1"}.items():
        write(root / name)
        (root / name).write_text(f"{content}\n")
    write(root / "single.png")
    (root / "images.dvc").write_text(FOLDER)
    (root / "dvc.yaml").write_text(STAGES)
    (root / "dvc.lock").write_text(LOCK)
    entries = [
        {"md5": "5bbf5a52328e7439ae6e719dfe712200", "relpath": "a.png"},
        {"md5": "c193497a1a06b2c72230e6146ff47080", "relpath": "sub/夜.png"},
    ]
    listed = root / ".dvc/cache/files/md5/a3/f5f73e6ffce9af1b0e0321d028cb2e.dir"
    listed.parent.mkdir(parents=True)
    listed.write_text(json.dumps(entries))
    add(root)
    return root


def add(root: Path) -> None:
    """Does what ``dvc add`` does of a file."""
    file = root / "single.png"
    told = SINGLE.format(md5=md5(file)[4:], size=file.stat().st_size)
    (root / "single.png.dvc").write_text(told)
    touch(root / "single.png.dvc", 1_000_000)


FILES = ("images/a.png", "images/sub/夜.png", "prep/y.png", "single.png", "z1.png")


def test_hashes_of_dvc_are_used_and_nothing_is_read(
    repository: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    paths = [str(repository / name) for name in FILES]
    expected = {path: md5(path) for path in paths}
    other = write(repository / "untracked.png")

    def read(path: str, *_: str) -> str:
        assert path == other
        return "0" * 64

    with monkeypatch.context() as patched:
        patched.setattr(look, "digest", read)
        known = found([*paths, other])
    assert {path: known[path].fact for path in paths} == expected
    assert known[other].fact == "sha256:" + "0" * 64
    # What only says how large files are, asks nobody
    assert {each.fact for each in found(paths, "stat").values()} == {""}


def test_what_was_written_to_without_dvc_is_read(repository: Path) -> None:
    path = str(repository / "single.png")
    before = found([path])[path].fact
    content = Path(path).read_text()
    Path(path).write_text(content.swapcase())
    touch(path, 10_000_000_000)
    after = found([path])[path].fact
    assert (before[:4], after[:7]) == ("md5:", "sha256:")
    Path(path).write_text("of another size")
    touch(path, -10_000_000_000_000)
    assert found([path])[path].fact.startswith("sha256:")


def test_a_version_of_a_repository_is_compared_by_the_hashes_of_dvc(repository: Path) -> None:
    dataset = fo.Dataset(NAME, persistent=True)
    dataset.add_samples([fo.Sample(str(repository / name)) for name in FILES])
    fos.create_snapshot(NAME, "v1", media="hash")
    captured = fos.get_captured_media(NAME, "v1")
    assert captured is not None
    assert (captured.hashed, captured.level.value) == (5, "hash")
    path = repository / "single.png"
    touch(path, 10_000_000_000)
    assert (media().hashed, bool(media())) == (5, False)
    path.write_text(path.read_text().swapcase())
    touch(path, 20_000_000_000)
    assert media().replaced.names == (str(path),)
    shutil.copy(path, repository / "kept.png")
    path.unlink()
    shutil.move(repository / "kept.png", path)
    touch(path, -10_000_000_000_000)
    add(repository)
    fos.create_snapshot(NAME, "v2", media="hash")
    assert media("v1", "v2").replaced.names == (str(path),)
    # For whoever packs, the content is named by its SHA-256
    package = fos.export_snapshot(NAME, "v2", repository / "v2.tar", media=True)
    fo.delete_dataset(NAME)
    fos.import_snapshot(package, media_to=repository / "here")
    assert Path(fo.load_dataset(NAME).first().filepath).read_text() == "one\n"


def test_copies_are_made_of_what_dvc_knows(
    repository: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store").mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA_STORE", str(tmp_path / "store"))
    dataset = fo.Dataset(NAME, persistent=True)
    dataset.add_sample(fo.Sample(str(repository / "single.png")))
    fos.create_snapshot(NAME, "v1", media="hash")
    fos.capture_media(NAME, "v1", "copy")
    (repository / "single.png").unlink()
    assert fos.restore_media(NAME, "v1", to=tmp_path / "back")


@pytest.mark.parametrize(
    "spoilt",
    [
        "outs: 5",
        "[",
        "outs: [{path: 5, md5: x}]",
        "outs: [{hash: md5, path: single.png, md5: nothing}]",
        "outs: [{hash: md5, path: single.png, md5: '../../../etc.dir'}]",
        "outs: [{path: single.png, md5: 69b64623f86def16ce17d454b8be41ae, size: 21}]",
        "outs: [{hash: md5, path: single.png, md5: 69b64623f86def16ce17d454b8be41ae, size: 3}]",
        "!!python/object/apply:os.system ['touch /tmp/fiftyone-snapshots-x']",
        "a: &a [*a]",
        "\x00",
    ],
)
def test_what_dvc_would_not_write_is_nothing(spoilt: str, repository: Path) -> None:
    path = str(repository / "single.png")
    (repository / "single.png.dvc").write_text(spoilt)
    touch(repository / "single.png.dvc", 1_000_000)
    (repository / "dvc.lock").write_text(spoilt)
    assert found([path])[path].fact.startswith("sha256:")
    assert not Path("/tmp/fiftyone-snapshots-x").exists()


@pytest.mark.skipif(shutil.which("dvc") is None, reason="DVC is not installed: make test-clients")
def test_real_dvc(tmp_path: Path) -> None:
    def dvc(*words: str) -> None:
        subprocess.run(["dvc", *words], cwd=root, check=True, capture_output=True)

    root = tmp_path / "repository"
    for name in ("images/a.png", "images/sub/夜.png", "single.png"):
        write(root / name)
    (root / "dvc.yaml").write_text(STAGES)
    (root / "prep").mkdir()
    dvc("init", "--no-scm")
    dvc("add", "images", "single.png")
    dvc("repro")
    paths = [str(root / name) for name in (*FILES, "prep/out/x.png", "z2.png", ".dvc/config")]
    known = DvcProvider().facts(paths)
    assert {path: fact.value for path, fact in known.items()} == {
        path: md5(path) for path in paths[:-1]
    }


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
