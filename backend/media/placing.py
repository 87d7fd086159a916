"""Where files go in a folder: as they are to each other, over nothing, and never out of it.

The paths may be from an import, which nobody believes, and from another system.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterable
from pathlib import Path

from . import look
from .fact import SHA256

_DRIVE = re.compile(r"[A-Za-z]:[\\/]|\\\\")
"""What paths of Windows begin with."""

_NAME_BYTES = 255


def places(paths: Iterable[str]) -> dict[str, str]:
    """Chooses where files go in a folder: as they are to each other now.

    Args:
        paths: their paths

    Returns:
        relative paths, by path, of which none leads anywhere else than down
    """
    parts = {path: _parts(path) for path in paths}
    parts = {path: each for path, each in parts.items() if each}
    if not parts:
        return {}
    folders = [each[:-1] for each in parts.values()]
    # What the first and the last have in common, all have
    first, last = min(folders), max(folders)
    pairs = enumerate(zip(first, last, strict=False))
    common = next((at for at, (a, b) in pairs if a != b), min(len(first), len(last)))
    return {path: "/".join(each[common:]) for path, each in parts.items()}


def _parts(path: str) -> list[str]:
    """Returns the names that a path leads through; none if no file can be there."""
    if "\0" in path:
        return []
    found: list[str] = []
    given = path.replace("\\", "/").replace(":", "") if _DRIVE.match(path) else path
    for name in given.split("/"):
        if name == "..":
            del found[-1:]
        elif name not in ("", "."):
            found.append(name)
    return found


def free(folder: Path, place: str, digest: str, kind: str = SHA256) -> tuple[Path, bool]:
    """Finds a place where nothing is, and makes the folders that lead there.

    Args:
        folder: the folder
        place: where in it the file should be
        digest: a hash of its content
        kind (SHA256): which one

    Returns:
        where it can go, and whether it is there already

    Raises:
        OSError: if it can go nowhere
    """
    target = folder / place
    _check_inside(folder, target.parent)
    target.parent.mkdir(parents=True, exist_ok=True)
    for path in (target, target.with_name(_beside(target, digest))):
        if not os.path.lexists(path):
            return path, False
        # Who follows a link reads, and says of, a file that is not in the folder
        if path.is_file() and not path.is_symlink() and look.digest(str(path), kind) == digest:
            return path, True
    raise FileExistsError(errno.EEXIST, f"something else is at '{target}'")


def _beside(target: Path, digest: str) -> str:
    """Returns a name that tells of the content, of no more bytes than a name may have."""
    ending = f"-{digest[:16]}{target.suffix}".encode()
    stem = target.stem.encode(errors="surrogateescape")[: _NAME_BYTES - len(ending)]
    return (stem.decode(errors="ignore").encode() + ending).decode()


def _check_inside(folder: Path, inner: Path) -> None:
    """Refuses to go through links that somebody has put into a folder."""
    is_there = inner
    while not os.path.lexists(is_there):
        is_there = is_there.parent
    if is_there.is_relative_to(folder) and not is_there.resolve().is_relative_to(folder.resolve()):
        raise PermissionError(errno.EPERM, f"'{is_there}' is a link that leads out of it")
