"""Media in lakeFS, of the commits that they have.

Paths such as ``lakefs://repository/branch/file`` are of this kind. A branch is resolved to its
commit once, so that the content of then can be had later. What nobody had committed then is not in
that commit: its etag tells.
"""

from __future__ import annotations

import base64
import logging
import os
import re
from collections.abc import Mapping, Sequence
from typing import Any, BinaryIO, cast
from urllib.parse import quote, urlencode

from . import look, web
from .fact import AT, MediaFact, parts
from .web import WebError

logger = logging.getLogger(__name__)

_PATH = re.compile(r"lakefs://([^/]+)/([^/]+)/(.+)")
_COMMIT = re.compile(r"[0-9a-f]{32,64}")
_ENDPOINT = "LAKECTL_SERVER_ENDPOINT_URL"
_USER, _SECRET = "LAKECTL_CREDENTIALS_ACCESS_KEY_ID", "LAKECTL_CREDENTIALS_SECRET_ACCESS_KEY"
_THREADS = 16


class LakeFsProvider:
    """The server of lakeFS that the environment variables of ``lakectl`` lead to."""

    def facts(self, paths: Sequence[str]) -> Mapping[str, MediaFact]:
        """Asks for each file; a reference that cannot be resolved is not asked for again."""
        if not os.environ.get(_ENDPOINT):
            return {}
        of: dict[tuple[str, str], list[tuple[str, str]]] = {}
        for path in paths:
            if (found := _PATH.fullmatch(path)) is not None:
                of.setdefault((found[1], found[2]), []).append((path, found[3]))
        known: dict[str, MediaFact] = {}
        for (repository, ref), wanted in of.items():
            try:
                commit = _commit(repository, ref)
                asked = [(repository, ref, commit, file) for _, file in wanted]
                facts = list(look.in_threads(_fact, asked, _THREADS))
            except (WebError, KeyError, TypeError, IndexError, ValueError) as error:
                logger.warning(
                    "Media in 'lakefs://%s/%s' were not looked at: %s", repository, ref, error
                )
                continue
            pairs = zip(wanted, facts, strict=True)
            known |= {path: fact for (path, _), fact in pairs}
        return known

    def open(self, path: str, fact: MediaFact) -> BinaryIO | None:
        """Opens a file as it was in the commit that is noted, if it was the same there."""
        found, told = _PATH.fullmatch(path), parts(fact.value)
        commit = told.get(AT, "")
        if found is None or not _COMMIT.fullmatch(commit) or not os.environ.get(_ENDPOINT):
            return None
        opened = web.get(_url(found[1], commit, "objects", path=found[3]), _headers())
        if opened is not None and _etag(opened.headers.get("ETag") or "") != told.get("etag"):
            opened.close()
            return None
        return cast("BinaryIO | None", opened)


def _commit(repository: str, ref: str) -> str:
    told = web.get_json(_url(repository, ref, "commits", amount="1"), _headers())
    if told is None:
        raise WebError("there is no such repository or reference")
    commit = str(told["results"][0]["id"])
    if not _COMMIT.fullmatch(commit):
        raise WebError(f"{commit[:80]!r} is no commit")
    return commit


def _fact(asked: tuple[str, str, str, str]) -> MediaFact:
    repository, ref, commit, file = asked
    told: Any = web.get_json(_url(repository, ref, "objects/stat", path=file), _headers())
    if told is None:
        return MediaFact(is_there=False)
    return MediaFact(
        f"etag:{_etag(str(told['checksum']))} {AT}:{commit}",
        int(told["size_bytes"]),
        int(told["mtime"]) * 1_000_000_000,
    )


def _etag(told: str) -> str:
    return told.strip('"').replace(" ", "_")


def _url(repository: str, ref: str, what: str, **asked: str) -> str:
    root = os.environ[_ENDPOINT].rstrip("/").removesuffix("/api/v1")
    place = f"{quote(repository, safe='')}/refs/{quote(ref, safe='')}"
    return f"{root}/api/v1/repositories/{place}/{what}?{urlencode(asked)}"


def _headers() -> dict[str, str]:
    pair = f"{os.environ.get(_USER, '')}:{os.environ.get(_SECRET, '')}"
    return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}
