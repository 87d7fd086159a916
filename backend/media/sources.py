"""Where the content that files had can be had: copies, the files themselves, and other systems."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from ..errors import ArchiveStorageError
from . import provider, scenes
from .fact import MediaFact, is_hash, parts, sha256_of
from .kept import Copies, Copy
from .listing import FileState, Fingerprint
from .moved import MovedMedia
from .provider import Named

_READ_BYTES = 1024 * 1024


class OtherContentError(Exception):
    """What was read is not what a file was."""


def checked(file: BinaryIO, known: Fingerprint) -> Iterator[bytes]:
    """Yields a content, and makes sure at its end that it is the one that is known.

    Args:
        file: the content, which is closed then
        known: what is known of it: its size, and its hashes

    Yields:
        bytes

    Raises:
        OtherContentError: if it is another one, or cannot be read
    """
    told, size = parts(known.fact), 0
    digests = {kind: _HASHES[kind](known.size) for kind in _HASHES if kind in told}
    with file:
        while chunk := _read(file):
            size += len(chunk)
            for digest in digests.values():
                digest.update(chunk)
            yield chunk
    if digests:
        is_it = all(found.hexdigest() == told[kind] for kind, found in digests.items())
    else:
        # Who does not know the size of a file says that it has none
        is_it = known.size in (0, size)
    if not is_it:
        raise OtherContentError


def _read(file: BinaryIO) -> bytes:
    try:
        return file.read(_READ_BYTES)
    except Exception as error:
        # Whatever the system behind it raises
        raise OtherContentError from error


def _blob(size: int) -> Any:
    """Returns the hash that git names a file by."""
    found = hashlib.sha1(usedforsecurity=False)
    found.update(b"blob %d\0" % size)
    return found


_HASHES: dict[str, Callable[[int], Any]] = {
    "sha256": lambda _: hashlib.sha256(),
    "md5": lambda _: hashlib.md5(usedforsecurity=False),
    "blob": _blob,
}


@dataclass
class Sources:
    """Where the content that files had can be had."""

    kept: Copies | None
    """Copies, if there are any."""
    moved: MovedMedia
    """Where the files of the snapshot are, if not where its documents say."""
    _providers: list[Named] | None = field(default=None, repr=False)

    def of(self, path: str, known: Fingerprint) -> Iterator[Iterator[bytes]]:
        """Yields what may be a content, from the nearest place to the farthest.

        Args:
            path: the file, as documents have it
            known: what is known of the content

        Yields:
            each as :func:`checked` yields it
        """
        if known.state is not FileState.FILE:
            return
        digest = sha256_of(known.fact)
        copy = self.copy(digest) if digest else None
        if copy is not None:
            with suppress(ArchiveStorageError):
                yield checked(copy.open(), known)
        # A copy may be damaged, and then the file may still be what it was
        places = [Path(place) for place in dict.fromkeys((self.moved.place(path), path))]
        for place in places if is_hash(known.fact) else ():
            # What is at a path now may be anything, unless a hash tells
            with suppress(OSError):
                if place.is_file():
                    yield checked(place.open("rb"), known)
        if digest and (scene := self.former_scene(path, digest)) is not None:
            yield iter((scene,))
        yield from self.of_others(path, known)

    def copy(self, digest: str) -> Copy | None:
        """Returns the copy of a content; None if there is none.

        Args:
            digest: its SHA-256
        """
        return None if self.kept is None else self.kept.find(digest)

    def former_scene(self, path: str, digest: str) -> bytes | None:
        """Returns a scene as it was before it named the files where they are now.

        Args:
            path: the scene, as documents have it
            digest: the SHA-256 that it had
        """
        if path not in self.moved.rewritten:
            return None
        with suppress(OSError):
            content = Path(self.moved.place(path)).read_bytes()
            former = scenes.renamed(content, self.moved.former_of(scenes.named_in(content)))
            if hashlib.sha256(former).hexdigest() == digest:
                return former
        return None

    def of_others(self, path: str, known: Fingerprint) -> Iterator[Iterator[bytes]]:
        """Yields what may be a content and comes from other systems, see :meth:`of`."""
        if not known.fact:
            return
        if self._providers is None:
            self._providers = list(provider.every())
        fact = MediaFact(known.fact, known.size, known.time)
        for named in self._providers:
            file = named.open(path, fact)
            if file is not None:
                yield checked(file, known)
