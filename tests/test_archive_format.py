"""The format of archives: what is written, that it stays readable, and what is refused."""

from __future__ import annotations

import json
import shutil
import subprocess
import tarfile
from collections.abc import Callable
from pathlib import Path

import bson
import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.archive import format as archive_format
from fiftyone_snapshots.backend.dataset.parts import Part
from fiftyone_snapshots.testing.backend_contract import raw_documents
from support.archives import Files, documents, header, pack, unpack, zstd
from support.datasets import video_dataset
from support.full import Document
from support.invariants import assert_sound

GOLDEN = Path(__file__).parent / "golden"
VERSION_1 = GOLDEN / "archive-1.tar"
"""Written by the first version of the format; never to be written anew."""


@pytest.fixture
def exported(tmp_path: Path) -> Path:
    dataset = video_dataset("d", 3, 4, persistent=True)
    fos.create_snapshot(dataset, "v1", "Zum ersten Mal 🎉")
    return fos.export_snapshot(dataset, "v1", tmp_path / "v1.tar")


def test_it_can_be_read_with_standard_tools(
    exported: Path, database: Database[Document], tmp_path: Path
) -> None:
    with tarfile.open(exported) as tar:
        tar.extractall(tmp_path / "out", filter="data")
    if shutil.which("sha256sum"):
        subprocess.run(
            ["sha256sum", "--check", "--quiet", "SHA256SUMS"], cwd=tmp_path / "out", check=True
        )
    files = unpack(exported)
    for part in ("samples", "frames"):
        (name,) = database.list_collection_names(
            filter={"name": {"$regex": rf"^snapshots\.(masters|delta)\..*\.{part}$"}}
        )
        assert documents(files, part) == b"".join(raw_documents(database[name]))
    (dataset,) = bson.decode_all(documents(files, "dataset"))
    assert dataset["name"] == "d"
    parts = json.loads(files["parts.json"])
    assert parts["samples"] == {"documents": 3, "bytes": len(documents(files, "samples"))}


def test_the_header_tells_what_it_is(exported: Path) -> None:
    files = unpack(exported)
    assert next(iter(files)) == "snapshot.json"
    assert list(files)[-2:] == ["parts.json", "SHA256SUMS"]
    found = header(files)
    assert (found["format"], found["version"]) == ("fiftyone-snapshot", 1)
    assert found["snapshot"]["name"] == "v1"
    assert found["snapshot"]["description"] == "Zum ersten Mal 🎉"
    assert found["snapshot"]["sample_count"] == 3
    assert {index["name"] for index in found["indexes"]["samples"]} >= {"_id_", "filepath_1"}


def test_every_part_has_its_place() -> None:
    assert sorted(archive_format.ORDER) == sorted(Part)


def test_large_parts_are_cut_into_pieces(
    exported: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive_format, "PIECE_BYTES", 1)
    monkeypatch.setattr("fiftyone_snapshots.backend.dataset.parts._BATCH_DOCUMENTS", 2)
    monkeypatch.setattr("fiftyone_snapshots.backend.mongo.reader._GROWTH", 1)
    cut = fos.export_snapshot("d", "v1", tmp_path / "cut.tar")
    names = [name for name in unpack(cut) if name.startswith("frames/")]
    assert names == [f"frames/{number:06}.bson.zst" for number in range(len(names))]
    assert len(names) > 3
    assert documents(unpack(cut), "frames") == documents(unpack(exported), "frames")
    fo.delete_dataset("d")
    fos.import_snapshot(cut)
    assert fos.verify_snapshot("d", "v1")


def test_version_1_stays_readable(database: Database[Document]) -> None:
    snapshot = fos.import_snapshot(VERSION_1)
    assert (snapshot.name, snapshot.description) == ("v1", "Golden 🏆")
    dataset = fo.load_dataset("golden")
    assert [label.label for label in dataset.values("weather")] == ["sunny", "rainy"]
    assert dataset.values("frames.note") == [["a", "b"], ["c", "d"]]
    assert dataset.list_saved_views() == ["sunny"]
    assert dataset.load_run_results("run").numbers == [1, 2, 3]
    assert "note_1" in dataset._frame_collection.index_information()
    assert_sound(database)


def _replace(name: str, change: Callable[[bytes], bytes]) -> Callable[[Files], bytes]:
    def replaced(files: Files) -> bytes:
        return pack({**files, name: change(files[name])})

    return replaced


def _header(**changes: object) -> Callable[[Files], bytes]:
    return _replace(
        "snapshot.json", lambda data: json.dumps({**json.loads(data), **changes}).encode()
    )


def _flip(name: str) -> Callable[[Files], bytes]:
    def flipped(files: Files) -> bytes:
        data = bytearray(pack(files))
        data[data.index(files[name]) + len(files[name]) // 2] ^= 0x10
        return bytes(data)

    return flipped


def _without(name: str) -> Callable[[Files], bytes]:
    return lambda files: pack({other: files[other] for other in files if other != name})


def _renamed(name: str, new: str) -> Callable[[Files], bytes]:
    return lambda files: pack(
        {new if other == name else other: data for other, data in files.items()}
    )


def _as_link(name: str) -> Callable[[Files], bytes]:
    def change(member: tarfile.TarInfo) -> None:
        if member.name == name:
            member.type, member.linkname, member.size = tarfile.SYMTYPE, "/etc/passwd", 0

    return lambda files: pack(files, change)


FRAMES = "frames/000000.bson.zst"
BOMB = zstd.compress(bytes(archive_format.MAX_PIECE_BYTES + 1))

DAMAGE: dict[str, tuple[Callable[[Files], bytes], type[Exception], str]] = {
    "flipped in samples": (_flip("samples/000000.bson.zst"), fos.DamagedArchiveError, "samples/"),
    "flipped in frames": (_flip(FRAMES), fos.DamagedArchiveError, "frames/"),
    "flipped in checksums": (_flip("SHA256SUMS"), fos.DamagedArchiveError, "holds no checksum"),
    "flipped in totals": (_flip("parts.json"), fos.DamagedArchiveError, "parts.json"),
    "piece missing": (_without(FRAMES), fos.DamagedArchiveError, "all of its frames"),
    "totals missing": (_without("parts.json"), fos.DamagedArchiveError, "more than it says"),
    "checksums missing": (_without("SHA256SUMS"), fos.DamagedArchiveError, "ends after parts"),
    "a gap": (
        _renamed(FRAMES, "frames/000001.bson.zst"),
        fos.DamagedArchiveError,
        "before frames/000001.bson.zst is missing",
    ),
    "a path outside": (
        _renamed(FRAMES, "../../etc/passwd"),
        fos.DamagedArchiveError,
        "which no archive does",
    ),
    "an absolute path": (_renamed(FRAMES, "/tmp/x"), fos.DamagedArchiveError, "no archive does"),
    "a link": (_as_link(FRAMES), fos.DamagedArchiveError, "no archive does"),
    "no zstd": (_replace(FRAMES, lambda data: b"frames"), fos.DamagedArchiveError, FRAMES),
    "no BSON": (
        _replace(FRAMES, lambda data: zstd.compress(b"not at all BSON")),
        fos.DamagedArchiveError,
        FRAMES,
    ),
    "endless BSON": (
        _replace(FRAMES, lambda data: zstd.compress(bytes(8))),
        fos.DamagedArchiveError,
        FRAMES,
    ),
    "a bomb": (_replace(FRAMES, lambda data: BOMB), fos.DamagedArchiveError, FRAMES),
    "newer": (_header(version=2), fos.NewerFormatError, "pip install --upgrade"),
    "another format": (_header(format="other"), fos.NotAnArchiveError, "no archive of a snapshot"),
    "header incomplete": (_header(snapshot={}), fos.DamagedArchiveError, "snapshot.json lacks"),
    "another dataset": (
        _header(dataset={"id": {"$oid": "6" * 24}, "name": "golden"}),
        fos.DamagedArchiveError,
        "the whole snapshot that it says",
    ),
    "no header": (_without("snapshot.json"), fos.NotAnArchiveError, "no archive of a snapshot"),
    "no JSON": (
        _replace("snapshot.json", lambda data: b"\xff{"),
        fos.NotAnArchiveError,
        "no archive of a snapshot",
    ),
    "a picture": (lambda files: b"\x89PNG" + bytes(5000), fos.NotAnArchiveError, "no archive"),
    "nothing": (lambda files: b"", fos.NotAnArchiveError, "no archive of a snapshot"),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_what_is_not_what_was_written_is_refused(
    damage: str, tmp_path: Path, database: Database[Document]
) -> None:
    spoil, error, message = DAMAGE[damage]
    path = tmp_path / "spoilt.tar"
    path.write_bytes(spoil(unpack(VERSION_1)))
    with pytest.raises(error, match=message):
        fos.import_snapshot(path)
    assert not fo.list_datasets()
    assert not Path("/tmp/x").exists()
    assert_sound(database)


def test_a_truncated_one_is_refused_wherever_it_ends(
    tmp_path: Path, database: Database[Document]
) -> None:
    whole = VERSION_1.read_bytes()
    end = len(whole.rstrip(b"\0"))
    path = tmp_path / "short.tar"
    for size in [*range(512, end, 1537), end - 1]:
        path.write_bytes(whole[:size])
        with pytest.raises((fos.DamagedArchiveError, fos.NotAnArchiveError)):
            fos.import_snapshot(path)
    assert not fo.list_datasets()
    assert_sound(database)


def test_every_flipped_bit_is_noticed_or_harmless(tmp_path: Path) -> None:
    """In what is neither content nor checked by the tar itself, nothing can be lost."""
    from fiftyone_snapshots.backend.archive.read import Reader

    whole = VERSION_1.read_bytes()
    expected = _read(Reader, whole)
    unnoticed = 0
    for position in range(0, len(whole), 61):
        spoilt = bytearray(whole)
        spoilt[position] ^= 1 << position % 8
        try:
            found = _read(Reader, bytes(spoilt))
        except (fos.DamagedArchiveError, fos.NotAnArchiveError, fos.NewerFormatError):
            continue
        unnoticed += 1
        assert found == expected, position
    assert unnoticed < len(whole) / 61 / 2


def _read(reader, data: bytes) -> list[tuple[str, bytes]]:
    def chunks():
        yield data

    return [(piece.part, piece.data) for piece in reader(chunks(), "flipped").pieces()]
