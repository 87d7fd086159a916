"""Media that DVC tracks: the hashes in ``.dvc`` files and ``dvc.lock`` are used, nothing is read.

DVC notes the hash of a file when it is added or made. Who writes to it afterwards without DVC
leaves another content beside the same hash. So a hash is used only if the file has the size that
goes with it and was not written to after the file which tells it; others are read like any file.
"""

from __future__ import annotations

import configparser
import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, BinaryIO

import yaml

from . import look
from .fact import MediaFact, parts

_MOST_BYTES = 256 * 1024 * 1024
_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_MD5 = re.compile(r"[0-9a-f]{32}")
_FOLDER = ".dir"
"""With what the hash of a folder ends: it is that of a list, which the cache has."""


class DvcProvider:
    """The repositories of DVC that files are in."""

    def __init__(self) -> None:
        self._folders: dict[str, dict[str, MediaFact]] = {}
        self._roots: dict[str, str | None] = {}

    def facts(self, paths: Sequence[str]) -> Mapping[str, MediaFact]:
        """Looks into what DVC has noted in the folders above the files."""
        found: dict[str, MediaFact] = {}
        for path in paths:
            if look.is_local(path) and (fact := self._fact(path)) is not None:
                found[path] = fact
        return found

    def open(self, path: str, fact: MediaFact) -> BinaryIO | None:
        """Opens a content that the cache of the repository has."""
        digest = parts(fact.value).get("md5", "")
        root = self._root(os.path.dirname(os.path.normpath(path)))  # noqa: PTH120
        if not look.is_local(path) or root is None or not _MD5.fullmatch(digest):
            return None
        with suppress(FileNotFoundError):
            return _cached(Path(root), digest).open("rb")
        return None

    def _fact(self, path: str) -> MediaFact | None:
        path = os.path.normpath(path)
        root = self._root(os.path.dirname(path))  # noqa: PTH120
        if root is None:
            return None
        folder = path
        while len(folder) > len(root):
            folder = os.path.dirname(folder)  # noqa: PTH120
            if folder not in self._folders:
                self._folders[folder] = dict(_noted(Path(folder), Path(root)))
            fact = self._folders[folder].get(path)
            if fact is not None:
                try:
                    # Afterwards somebody may have written something else
                    is_newer = os.stat(path).st_mtime_ns > fact.time  # noqa: PTH116
                except OSError:
                    return None
                return None if is_newer else fact
        return None

    def _root(self, folder: str) -> str | None:
        """Returns the repository that a folder is in."""
        if folder not in self._roots:
            above = os.path.dirname(folder)  # noqa: PTH120
            if (Path(folder) / ".dvc").is_dir():
                self._roots[folder] = folder
            else:
                self._roots[folder] = None if above == folder else self._root(above)
        return self._roots[folder]


def _noted(folder: Path, root: Path) -> Iterator[tuple[str, MediaFact]]:
    """Yields what the files of DVC in a folder tell."""
    try:
        names = sorted(each.name for each in folder.iterdir() if each.is_file())
    except OSError:
        return
    for name in names:
        if name.endswith(".dvc"):
            document, time = _read(folder / name)
            yield from _outs(document, folder / str(document.get("wdir") or "."), root, time)
        elif name == "dvc.lock":
            document, time = _read(folder / name)
            declared = _mapping(_read(folder / "dvc.yaml")[0].get("stages"))
            for stage, made in _mapping(document.get("stages")).items():
                of = _mapping(declared.get(stage) or declared.get(stage.partition("@")[0]))
                where = str(_mapping(of.get("do") or of).get("wdir") or ".")
                if "${" not in where:
                    yield from _outs(_mapping(made), folder / where, root, time)


def _outs(
    document: Mapping[str, Any], folder: Path, root: Path, time: int
) -> Iterator[tuple[str, MediaFact]]:
    outs = document.get("outs")
    for out in outs if isinstance(outs, list) else ():
        told = _mapping(out)
        path, hash_, size = told.get("path"), told.get("md5"), told.get("size")
        # Before DVC 3, it is that of a text with other ends of lines
        if told.get("hash") != "md5" or not isinstance(path, str) or not isinstance(hash_, str):
            continue
        whole = os.path.normpath(folder / path)
        if hash_.endswith(_FOLDER):
            for inner, its in _listed(root, hash_):
                yield (
                    os.path.normpath(f"{whole}/{inner}"),
                    MediaFact(f"md5:{its}", None, time),
                )
        else:
            is_size = isinstance(size, int)
            yield whole, MediaFact(f"md5:{hash_}", size if is_size else None, time)


def _listed(root: Path, hash_: str) -> Iterator[tuple[str, str]]:
    """Yields what is in a folder that is tracked as one, if the cache of DVC is there."""
    try:
        with open(_cached(root, hash_), "rb", opener=look.opened_at_once) as file:
            entries = json.loads(file.read(_MOST_BYTES))
    except (OSError, ValueError, RecursionError):
        return
    for entry in entries if isinstance(entries, list) else ():
        told = _mapping(entry)
        if isinstance(told.get("relpath"), str) and isinstance(told.get("md5"), str):
            yield told["relpath"], told["md5"]


def _cached(root: Path, hash_: str) -> Path:
    return _cache(root) / "files" / "md5" / hash_[:2] / hash_[2:]


def _cache(root: Path) -> Path:
    settings = configparser.ConfigParser(strict=False, interpolation=None)
    for name in ("config", "config.local"):
        try:
            settings.read(root / ".dvc" / name, encoding="utf-8")
        except (configparser.Error, UnicodeDecodeError, OSError):
            continue
    return root / ".dvc" / settings.get("cache", "dir", fallback="cache")


def _read(path: Path) -> tuple[Mapping[str, Any], int]:
    """Reads a file of DVC, and tells when it was written; it is empty if it cannot be read."""
    try:
        with open(path, "rb", opener=look.opened_at_once) as file:
            time = os.fstat(file.fileno()).st_mtime_ns
            document = yaml.load(file.read(_MOST_BYTES), Loader=_LOADER)  # noqa: S506 (a safe one)
    except (OSError, ValueError, RecursionError, yaml.YAMLError):
        return {}, 0
    return _mapping(document), time


def _mapping(value: object) -> Mapping[str, Any]:
    return {str(key): each for key, each in value.items()} if isinstance(value, dict) else {}
