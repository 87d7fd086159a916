"""Media in object stores: their sizes, etags and versions, which the store is asked for.

Paths such as ``s3://bucket/key`` are of this kind. An etag is no hash of the content: the same
content has another one when it was uploaded in other pieces, or is encrypted with another key.
"""

from __future__ import annotations

import importlib
import logging
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

from ..errors import InvalidSettingError
from . import look
from .fact import MediaFact

logger = logging.getLogger(__name__)

_SCHEMES = ("s3", "gs", "az")
_THREADS = 16


class ObjectProvider:
    """Object stores, as the environment variables of their own tools lead to them."""

    def facts(self, paths: Sequence[str]) -> Mapping[str, MediaFact]:
        """Asks for each object; a store that does not answer is not asked again."""
        of: dict[str, list[tuple[str, str]]] = {}
        for path in paths:
            scheme, _, rest = path.partition("://")
            bucket, _, key = rest.partition("/")
            if scheme in _SCHEMES and bucket and key:
                of.setdefault(f"{scheme}://{bucket}", []).append((path, key))
        found: dict[str, MediaFact] = {}
        for bucket, wanted in of.items():
            try:
                # Only those who use an object store need the library for it
                cloud = importlib.import_module("..archive.cloud", __package__)
                store = _Bucket(bucket, cloud.open_url(bucket))
            except ImportError:
                logger.warning("Media in '%s' need a package: pip install obstore", bucket)
                continue
            except InvalidSettingError as error:
                logger.warning("Media in '%s' were not looked at: %s", bucket, error)
                continue
            known = look.in_threads(store.ask, [key for _, key in wanted], _THREADS)
            pairs = zip(wanted, known, strict=True)
            found |= {path: fact for (path, _), fact in pairs if fact is not None}
        return found


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

    def _fail(self, error: BaseException) -> None:
        self._has_failed = True
        cloud = importlib.import_module("..archive.cloud", __package__)
        logger.warning(
            "Media in '%s' were not looked at any further: %s", self._name, cloud.first_line(error)
        )


def _plain(told: str) -> str:
    return told.strip('"').replace(" ", "_")
