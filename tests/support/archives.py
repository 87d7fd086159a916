"""Archives as tests look at them: with Python's own tar and zstd, and without this package."""

from __future__ import annotations

import hashlib
import io
import json
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path

if sys.version_info >= (3, 14):
    from compression import zstd
else:
    from backports import zstd

Files = dict[str, bytes]


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


def documents(files: Files, part: str) -> bytes:
    """Returns the documents of a part, as BSON one after the other."""
    names = sorted(name for name in files if name.startswith(f"{part}/"))
    return b"".join(zstd.decompress(files[name]) for name in names)


def header(files: Files) -> dict[str, object]:
    """Returns what an archive says about itself first."""
    found: dict[str, object] = json.loads(files["snapshot.json"])
    return found
