"""Media in repositories of DVC: its hashes are used, and its cache gives contents back."""

from __future__ import annotations

import hashlib
import json
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.config import MediaLevel
from fiftyone_snapshots.backend.media import capture, look
from fiftyone_snapshots.backend.media.dvc import DvcProvider
from fiftyone_snapshots.backend.media.fact import MediaFact
from fiftyone_snapshots.backend.media.listing import Fingerprint, Listing
from support.media_files import NAME, masks, media, restored, touch, write


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


def small_repository(root: Path) -> str:
    """Makes a repository as DVC 3.67 does, with a file whose content is in its cache."""
    path = write(root / "masks.dvc.d/mask.png", "v1")
    digest = hashlib.md5(Path(path).read_bytes()).hexdigest()
    size = Path(path).stat().st_size
    (root / ".dvc").mkdir()
    (root / ".dvc/config").touch()
    cached = root / f".dvc/cache/files/md5/{digest[:2]}/{digest[2:]}"
    cached.parent.mkdir(parents=True)
    shutil.copy(path, cached)
    told = f"outs:\n- md5: {digest}\n  size: {size}\n  hash: md5\n  path: mask.png\n"
    Path(f"{path}.dvc").write_text(told)
    return path


def test_dvc_gives_what_its_cache_has(tmp_path: Path) -> None:
    path = small_repository(tmp_path / "repository")
    before = Path(path).read_text()
    masks(tmp_path, [path])
    fos.create_snapshot(NAME, "v1", media="hash")
    Path(path).write_text("painted over")
    assert media().replaced.names == (path,)
    assert restored(tmp_path / "back") == ({"mask.png": before}, 0)
    # A second time, it is there
    again = fos.restore_media(NAME, "v1", to=tmp_path / "back")
    assert (again.written, again.lost.total) == (0, 0)
    shutil.rmtree(Path(path).parent)
    assert restored(tmp_path / "third") == ({"mask.png": before}, 0)
    (cached,) = (tmp_path / "repository/.dvc/cache").rglob("*/*/??/*")
    cached.write_text("somebody has written to the cache")
    assert restored(tmp_path / "fourth") == ({}, 1)
    cached.unlink()
    assert restored(tmp_path / "fourth") == ({}, 1)
    assert not list((tmp_path / "fourth").rglob("*partial"))


@pytest.mark.parametrize("told", ["md5:../../../../etc/passwd", "etag:x", "md5:", "sha256:1"])
def test_dvc_opens_nothing_else(told: str, tmp_path: Path) -> None:
    path = small_repository(tmp_path / "repository")
    assert DvcProvider().open(path, MediaFact(told)) is None
    assert DvcProvider().open("s3://bucket/key", MediaFact("md5:" + "0" * 32)) is None


@pytest.mark.skipif(shutil.which("dvc") is None, reason="DVC is not installed: make test-clients")
def test_real_dvc_gives_back_what_a_version_had(tmp_path: Path) -> None:
    def dvc(*words: str) -> None:
        subprocess.run(["dvc", *words], cwd=root, check=True, capture_output=True)

    root = tmp_path / "repository"
    paths = [write(root / f"masks/mask-{number}.png") for number in range(2)]
    paths.append(write(root / "mask-single.png"))
    masks(tmp_path, paths)
    dvc("init", "--no-scm")
    dvc("add", "masks", "mask-single.png")
    before = {Path(path).name: Path(path).read_text() for path in paths}
    fos.create_snapshot(NAME, "v1", media="hash")
    for path in paths:
        Path(path).unlink()
        write(Path(path), "painted over")
    dvc("add", "masks", "mask-single.png")
    fos.create_snapshot(NAME, "v2", media="hash")
    assert media("v1", "v2").replaced.total == 3
    shutil.rmtree(root / "masks")
    assert restored(tmp_path / "one") == (before, 0)
    after = {name: f"{content}painted over" for name, content in before.items()}
    assert restored(tmp_path / "two", "v2") == (after, 0)
