"""Media in object stores: their sizes, etags and versions, which the store is asked for.

Paths such as ``s3://bucket/key`` are of this kind. An etag is no hash of the content: the same
content has another one when it was uploaded in other pieces, or is encrypted with another key.
"""

from __future__ import annotations

import importlib
import io
import logging
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, BinaryIO, cast
from urllib.parse import urlsplit

from ..errors import InvalidSettingError
from . import look
from .fact import MediaFact, parts

logger = logging.getLogger(__name__)

_SCHEMES = ("s3", "gs", "az")
_THREADS = 16


class ObjectProvider:
    """Object stores, as the environment variables of their own tools lead to them."""

    def __init__(self) -> None:
        self._buckets: dict[str, _Bucket | None] = {}

    def facts(self, paths: Sequence[str]) -> Mapping[str, MediaFact]:
        """Asks for each object; a store that does not answer is not asked again."""
        of: dict[str, list[tuple[str, str]]] = {}
        for path in paths:
            if (place := _parsed(path)) is not None:
                of.setdefault(place[0], []).append((path, place[1]))
        found: dict[str, MediaFact] = {}
        for bucket, wanted in of.items():
            store = self._bucket(bucket)
            if store is None:
                continue
            known = look.in_threads(store.ask, [key for _, key in wanted], _THREADS)
            pairs = zip(wanted, known, strict=True)
            found |= {path: fact for (path, _), fact in pairs if fact is not None}
        return found

    def open(self, path: str, fact: MediaFact) -> BinaryIO | None:
        """Opens the version of an object that is noted, or the object if it is the same still."""
        place = _parsed(path)
        store = None if place is None else self._bucket(place[0])
        if place is None or store is None:
            return None
        return store.get(place[1], parts(fact.value))

    def _bucket(self, name: str) -> _Bucket | None:
        """Returns a bucket; None if it cannot be asked, which is said once."""
        if name not in self._buckets:
            self._buckets[name] = None
            try:
                # Only those who use an object store need the library for it
                cloud = importlib.import_module("..archive.cloud", __package__)
                self._buckets[name] = _Bucket(name, cloud.open_url(name))
            except ImportError:
                logger.warning("Media in '%s' need a package: pip install obstore", name)
            except InvalidSettingError as error:
                logger.warning("Media in '%s' were not looked at: %s", name, error)
        return self._buckets[name]


def _parsed(path: str) -> tuple[str, str] | None:
    scheme, _, rest = path.partition("://")
    bucket, _, key = rest.partition("/")
    return (f"{scheme}://{bucket}", key) if scheme in _SCHEMES and bucket and key else None


class _Bucket:
    def __init__(self, name: str, store: Any) -> None:
        self._name = urlsplit(name).geturl()
        self._store = store
        self._has_failed = False

    def ask(self, key: str) -> MediaFact | None:
        """Returns what the store says of an object; None if it does not say."""
        if self._has_failed:
            return None
        obstore = importlib.import_module("obstore")
        exceptions = importlib.import_module("obstore.exceptions")
        try:
            found = obstore.head(self._store, key)
        except (exceptions.NotFoundError, FileNotFoundError) as error:
            if "NoSuchBucket" not in str(error):
                return MediaFact(is_there=False)
            self._fail(error)
        except exceptions.PermissionDeniedError:
            # Of one object, others may be allowed
            return None
        except (exceptions.BaseError, OSError, ValueError) as error:
            self._fail(error)
        else:
            told = [("etag", found.get("e_tag")), ("version", found.get("version"))]
            value = " ".join(f"{kind}:{_plain(each)}" for kind, each in told if each)
            time = int(found["last_modified"].timestamp() * 1_000_000) * 1000
            return MediaFact(value, found["size"], time)
        return None

    def get(self, key: str, told: Mapping[str, str]) -> BinaryIO | None:
        """Opens what was told of an object; None if the store does not have that."""
        if self._has_failed:
            return None
        obstore = importlib.import_module("obstore")
        exceptions = importlib.import_module("obstore.exceptions")
        version = told.get("version")
        try:
            found = obstore.get(
                self._store, key, options={"version": version} if version else None
            )
        except (exceptions.BaseError, OSError, ValueError) as error:
            # Of one object, others may be there, and allowed
            of_one = exceptions.NotFoundError, exceptions.PermissionDeniedError, FileNotFoundError
            if not isinstance(error, of_one):
                self._fail(error)
            return None
        if "etag" in told and _plain(found.meta.get("e_tag") or "") != told["etag"]:
            return None
        return cast("BinaryIO", io.BufferedReader(Stream(found.stream())))

    def _fail(self, error: BaseException) -> None:
        self._has_failed = True
        cloud = importlib.import_module("..archive.cloud", __package__)
        logger.warning(
            "Media in '%s' were not looked at any further: %s", self._name, cloud.first_line(error)
        )


class Stream(io.RawIOBase):
    """What a store sends, as a file."""

    def __init__(self, chunks: Iterable[Any]) -> None:
        super().__init__()
        self._chunks = iter(chunks)
        self._left = memoryview(b"")

    def readable(self) -> bool:
        """Returns True."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Reads some bytes."""
        while not self._left:
            chunk = next(self._chunks, None)
            if chunk is None:
                return 0
            self._left = memoryview(bytes(chunk))
        count = min(len(buffer), len(self._left))
        buffer[:count] = self._left[:count]
        self._left = self._left[count:]
        return count


def _plain(told: str) -> str:
    return told.strip('"').replace(" ", "_")
