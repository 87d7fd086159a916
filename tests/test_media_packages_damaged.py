"""Exports with media that are damaged or forged, or lead somewhere else."""

from __future__ import annotations

import hashlib
import json
import shutil
import tarfile
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.media.listing import FileState, Fingerprint, Listing
from support.archives import Files, header, unpack
from support.media_files import NAME, files, images, write

GOLDEN = Path(__file__).parent / "golden" / "package-1.tar"


def named_by(dataset: fo.Dataset) -> set[str]:
    """Returns the files that a dataset refers to, as capturing finds them."""
    fos.create_snapshot(dataset, "found", media="hash")
    found = fos.restore_media(dataset, "found", to="unused")
    assert not found.lost
    return set(found.paths)


@pytest.fixture(autouse=True)
def in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")


def packed(found: Files, change: Callable[[tarfile.TarInfo], None] | None = None) -> bytes:
    """Returns a package whose checksums are right, also those of the archive in it."""
    from support.archives import pack

    names = list(found)
    end = names.index("SHA256SUMS")
    inner = pack({name: found[name] for name in names[: end + 1]})
    outer = pack({name: found[name] for name in names[end + 1 :]}, change)
    return inner.rstrip(b"\0") + bytes(-len(inner.rstrip(b"\0")) % 512) + outer


def told(found: Files, listing: Listing, **more: object) -> Files:
    """Returns the files of a package that tells otherwise which path had which content."""
    about = header(found)
    about["media"].update(data=b64encode(listing.to_bytes()).decode(), **more)
    return {**found, "snapshot.json": json.dumps(about).encode()}


CONTENT = hashlib.sha256("夜.png".encode()).hexdigest()


def lying(path: str, fact: str = f"sha256:{CONTENT}") -> Callable[[Files], bytes]:
    def change(found: Files) -> bytes:
        kept = {name: found[name] for name in found if not name.startswith("media/")}
        end = kept.pop("MEDIA-SHA256SUMS")
        content = {f"media/{CONTENT}": found[f"media/{CONTENT}"]}
        listed = b"".join(line for line in end.splitlines(True) if CONTENT.encode() in line)
        file = Fingerprint(FileState.FILE, 8, 1, 1, fact)
        listing = Listing.of(sorted([(path, file), ("/a/b/c/d.png", file)]))
        return packed(told({**kept, **content, "MEDIA-SHA256SUMS": listed}, listing))

    return change


def member(change: Callable[[tarfile.TarInfo], None]) -> Callable[[Files], bytes]:
    def changed(info: tarfile.TarInfo) -> None:
        if info.name == f"media/{CONTENT}":
            change(info)

    return lambda found: packed(found, changed)


def _link(info: tarfile.TarInfo) -> None:
    info.type, info.linkname, info.size = tarfile.SYMTYPE, "/etc/passwd", 0


def _rename(name: str) -> Callable[[tarfile.TarInfo], None]:
    return lambda info: setattr(info, "name", name)


def other(found: Files) -> bytes:
    return packed({**found, f"media/{CONTENT}": b"\0" * 8})


DAMAGE: dict[str, Callable[[Files], bytes]] = {
    "another content": other,
    "a link": member(_link),
    "a hard link": member(lambda info: setattr(info, "type", tarfile.LNKTYPE)),
    "a device": member(lambda info: setattr(info, "type", tarfile.CHRTYPE)),
    "a folder": member(lambda info: setattr(info, "type", tarfile.DIRTYPE)),
    "a path outside": member(_rename("media/../../x")),
    "an absolute path": member(_rename("/tmp/fiftyone-snapshots-x")),
    "a hash of nothing": member(_rename("media/" + "0" * 64)),
    "a content missing": lambda found: packed(
        {name: found[name] for name in found if name != f"media/{CONTENT}"}
    ),
    "no list": lambda found: packed(
        {name: found[name] for name in found if name != "MEDIA-SHA256SUMS"}
    ),
    "another list": lambda found: packed({**found, "MEDIA-SHA256SUMS": b"nothing\n"}),
    "no hash": lying("/a/b/x.png", ""),
    "a hash that is a path": lying("/a/b/x.png", "sha256:../../../x"),
    "a path that none can be": lying("/a/b/\0.png"),
    "no name at all": lying("/"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_not_what_was_written_is_refused(damage: str, tmp_path: Path) -> None:
    package = tmp_path / "spoilt.tar"
    package.write_bytes(DAMAGE[damage](unpack(GOLDEN)))
    with pytest.raises(fos.DamagedArchiveError):
        fos.import_snapshot(package, media_to=tmp_path / "out/here")
    assert not fo.list_datasets()
    assert [path.name for path in tmp_path.rglob("*") if path.is_file()] == ["spoilt.tar"]


@pytest.mark.parametrize(
    "path",
    [
        "/a/b/../../../../x.png",
        "../../x.png",
        "/../x.png",
        "/a/b/c/../../../../../../x.png",
        "C:\\windows\\..\\..\\x.png",
        "\\\\server\\share\\x.png",
        "s3://bucket/../../x.png",
        "~/x.png",
    ],
)
def test_no_path_leads_out_of_the_folder(path: str, tmp_path: Path) -> None:
    package = tmp_path / "forged.tar"
    package.write_bytes(lying(path)(unpack(GOLDEN)))
    fos.import_snapshot(package, media_to=tmp_path / "out/here")
    found = [each for each in tmp_path.rglob("*") if each.is_file() and each != package]
    # What is in an object store stays there
    assert len(found) == (1 if "://" in path else 2)
    assert all(each.is_relative_to(tmp_path / "out/here") for each in found)
    assert not Path("/x.png").exists()
    # Nor where it was taken in without them, and the files are found here
    shutil.rmtree(tmp_path / "out")
    back = fos.restore_media("golden", "v1", to=tmp_path / "out/here")
    assert back.written == 0


def test_a_forged_capture_leads_nowhere_else(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "store").mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MEDIA_STORE", str(tmp_path / "store"))
    content = tmp_path / "store/sha256" / CONTENT[:2] / CONTENT
    content.parent.mkdir(parents=True)
    content.write_text("夜.png")
    package = tmp_path / "forged.tar"
    package.write_bytes(lying("/a/b/../../../../x.png")(unpack(GOLDEN)))
    fos.import_snapshot(package)
    back = fos.restore_media("golden", "v1", to=tmp_path / "out/here")
    assert back.written == 2
    assert all(Path(path).is_relative_to(tmp_path / "out/here") for path in back.paths.values())
    assert len(files(tmp_path / "out")) == 2


def test_no_link_in_the_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "here").mkdir()
    (tmp_path / "here/masks").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(fos.ArchiveStorageError, match="leads out of it"):
        fos.import_snapshot(GOLDEN, media_to=tmp_path / "here")
    assert files(tmp_path / "elsewhere") == {}
    assert not fo.list_datasets()
    (tmp_path / "here/masks").unlink()
    # A link to the same content is not that file
    write(tmp_path / "elsewhere/x")
    (tmp_path / "elsewhere/x").write_text("夜.png")
    (tmp_path / "here/夜.png").symlink_to(tmp_path / "elsewhere/x")
    fos.import_snapshot(GOLDEN, media_to=tmp_path / "here")
    assert Path(fo.load_dataset("golden").first().filepath).name.startswith("夜-")


def test_a_truncated_one_is_refused_wherever_it_ends(tmp_path: Path) -> None:
    whole = GOLDEN.read_bytes()
    end = len(whole.rstrip(b"\0"))
    package = tmp_path / "short.tar"
    for size in [*range(end - 4000, end, 311), end - 1]:
        package.write_bytes(whole[:size])
        with pytest.raises((fos.DamagedArchiveError, fos.InvalidRequestError)):
            fos.import_snapshot(package, media_to=tmp_path / "here")
        assert not files(tmp_path / "here"), size
    assert not fo.list_datasets()


def test_a_sparse_file_does_not_fill_the_disk(tmp_path: Path) -> None:
    found = unpack(GOLDEN)
    names = {"GNU.sparse.major": "1", "GNU.sparse.minor": "0", "GNU.sparse.realsize": str(2**40)}
    inner = packed({name: found[name] for name in list(found)[: -1 - 3]} | {}, None)
    info = tarfile.TarInfo(f"media/{CONTENT}")
    info.pax_headers = names
    content = b"0\n".ljust(512, b"\0")
    info.size = len(content)
    forged = inner.rstrip(b"\0")
    forged += bytes(-len(forged) % 512) + info.tobuf(tarfile.PAX_FORMAT) + content + bytes(1024)
    (tmp_path / "sparse.tar").write_bytes(forged)
    with pytest.raises(fos.DamagedArchiveError, match="which no package does"):
        fos.import_snapshot(tmp_path / "sparse.tar", media_to=tmp_path / "here")


def test_an_import_that_fails_takes_its_files_back(tmp_path: Path) -> None:
    images(tmp_path / "there", 1)
    fos.create_snapshot(NAME, "v1")
    package = fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar", media=True)
    fo.delete_dataset(NAME)
    found = unpack(package)
    found["samples/000000.bson.zst"] = b"damaged"
    package.write_bytes(packed(found))
    write(tmp_path / "here/mine.png")
    with pytest.raises(fos.DamagedArchiveError):
        fos.import_snapshot(package, media_to=tmp_path / "here")
    assert list(files(tmp_path / "here")) == ["mine.png"]
    assert not fo.list_datasets()
