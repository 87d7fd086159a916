"""Archives as tests look at them: with Python's own tar and zstd, and without this package."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bson
import pytest
from bson.codec_options import CodecOptions, DatetimeConversion

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Files = dict[str, bytes]

_AS_IT_IS: CodecOptions[dict[str, Any]] = CodecOptions(
    datetime_conversion=DatetimeConversion.DATETIME_MS
)


def only(folder: Path) -> Path:
    """Returns the one file in a folder."""
    (found,) = folder.iterdir()
    return found


def unpack(path: Path) -> Files:
    """Returns the files in an archive, in their order."""
    with tarfile.open(path) as tar:
        found = {}
        for member in tar:
            file = tar.extractfile(member)
            assert file is not None
            found[member.name] = file.read()
        return found


def pack(files: Files, change: Callable[[tarfile.TarInfo], None] | None = None) -> bytes:
    """Returns an archive of files, whose checksums are put right.

    Args:
        files: names and contents
        change (None): changes what the tar says of each file
    """
    files = dict(files)
    if "SHA256SUMS" in files:
        files["SHA256SUMS"] = b"".join(
            f"{hashlib.sha256(data).hexdigest()}  {name}\n".encode()
            for name, data in files.items()
            if name != "SHA256SUMS"
        )
    target = io.BytesIO()
    with tarfile.open(fileobj=target, mode="w", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            if change is not None:
                change(member)
            tar.addfile(member, io.BytesIO(data))
    return target.getvalue()


def forge(
    files: Files,
    change_header: Callable[[dict[str, Any]], object] = lambda _: None,
    change: Callable[[str, dict[str, Any]], object] = lambda *_: None,
) -> bytes:
    """Returns an archive that says something else, and whose checksums and totals are right.

    Args:
        files: names and contents
        change_header: changes what it says about itself
        change: called with the part and each document, changes it; drops it by returning False
    """
    found, totals = dict(files), json.loads(files["parts.json"])
    about = header(files)
    change_header(about)
    found["snapshot.json"] = json.dumps(about).encode()
    parts = {name.split("/")[0] for name in files if name.endswith(".bson.zst")}
    for part in parts:
        stored = bson.decode_all(documents(files, part), _AS_IT_IS)
        kept = [each for each in stored if change(part, each) is not False]
        data = b"".join(map(bson.encode, kept))
        for name in sorted(name for name in files if name.startswith(f"{part}/"))[1:]:
            del found[name]
        found[f"{part}/000000.bson.zst"] = zstd.compress(data)
        totals[part] = {"documents": len(kept), "bytes": len(data)}
    found["parts.json"] = json.dumps(totals).encode()
    return pack(found)


def documents(files: Files, part: str) -> bytes:
    """Returns the documents of a part, as BSON one after the other."""
    names = sorted(name for name in files if name.startswith(f"{part}/"))
    return b"".join(zstd.decompress(files[name]) for name in names)


def header(files: Files) -> dict[str, Any]:
    """Returns what an archive says about itself first."""
    found: dict[str, Any] = json.loads(files["snapshot.json"])
    return found


def turned_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Turns archives on, for a test; returns their folder."""
    folder = tmp_path / "archives"
    folder.mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(folder))
    return folder
