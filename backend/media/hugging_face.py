"""Media in repositories of the Hugging Face Hub, of the revisions that they have.

Paths such as ``hf://datasets/owner/name@revision/file`` are of this kind, as those of the Hub's
own file system. A revision that moves, such as ``main``, is resolved to its commit once, so that
the content of then can be had later. Of files in its LFS, the Hub knows the SHA-256.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, cast
from urllib.parse import quote, unquote

from . import web
from .fact import AT, MediaFact, parts
from .web import WebError

logger = logging.getLogger(__name__)

_PATH = re.compile(
    r"hf://(?:(datasets|spaces|models)/)?([^/@]+/[^/@]+)(?:@((?:refs/[^/]+/[^/]+)|[^/]+))?/(.+)"
)
_COMMIT = re.compile(r"[0-9a-f]{40,64}")
_PAGE = 500


@dataclass(frozen=True)
class _Repository:
    kind: str
    name: str
    revision: str

    def api(self, what: str, revision: str) -> str:
        return f"{_endpoint()}/api/{self.kind}/{self.name}/{what}/{quote(revision, safe='')}"

    def file(self, revision: str, path: str) -> str:
        folder = "" if self.kind == "models" else f"{self.kind}/"
        return f"{_endpoint()}/{folder}{self.name}/resolve/{revision}/{quote(path)}"


class HuggingFaceProvider:
    """The Hub that ``HF_ENDPOINT`` leads to, with the token ``HF_TOKEN`` if there is one."""

    def facts(self, paths: Sequence[str]) -> Mapping[str, MediaFact]:
        """Asks for the files of each repository; one that does not answer is not asked again."""
        of: dict[_Repository, dict[str, str]] = {}
        for path in paths:
            if (found := _parsed(path)) is not None:
                of.setdefault(found[0], {})[path] = found[1]
        known: dict[str, MediaFact] = {}
        for repository, wanted in of.items():
            try:
                known |= dict(_facts(repository, wanted))
            except (WebError, KeyError, TypeError, AttributeError, ValueError) as error:
                logger.warning(
                    "Media in '%s' were not looked at any further: %s", repository.name, error
                )
        return known

    def open(self, path: str, fact: MediaFact) -> BinaryIO | None:
        """Opens a file as it was in the commit that is noted."""
        found, commit = _parsed(path), parts(fact.value).get(AT, "")
        if found is None or not _COMMIT.fullmatch(commit):
            return None
        return cast("BinaryIO | None", web.get(found[0].file(commit, found[1]), _headers()))


def _facts(repository: _Repository, wanted: Mapping[str, str]) -> Iterator[tuple[str, MediaFact]]:
    told = web.get_json(repository.api("revision", repository.revision), _headers())
    if told is None:
        # Also of those that nobody may see: it cannot be told whether there are such files
        raise WebError("there is no such repository or revision")
    commit = str(told["sha"])
    if not _COMMIT.fullmatch(commit):
        raise WebError(f"{commit[:80]!r} is no commit")
    names = sorted(set(wanted.values()))
    files: dict[str, Any] = {}
    for start in range(0, len(names), _PAGE):
        body = {"paths": names[start : start + _PAGE], "expand": False}
        page = web.get_json(repository.api("paths-info", commit), _headers(), body)
        files.update({each["path"]: each for each in page or () if each["type"] == "file"})
    for path, name in wanted.items():
        if name not in files:
            yield path, MediaFact(is_there=False)
            continue
        lfs = files[name].get("lfs")
        content = f"sha256:{lfs['oid']}" if lfs else f"blob:{files[name]['oid']}"
        yield path, MediaFact(f"{content} {AT}:{commit}", int((lfs or files[name])["size"]))


def _parsed(path: str) -> tuple[_Repository, str] | None:
    found = _PATH.fullmatch(path)
    if found is None:
        return None
    kind, name, revision, file = found.groups()
    return _Repository(kind or "models", name, unquote(revision or "main")), file


def _endpoint() -> str:
    return os.environ.get("HF_ENDPOINT", "https://huggingface.co").rstrip("/")


def _headers() -> dict[str, str]:
    token = os.environ.get("HF_TOKEN")
    return {"Authorization": f"Bearer {token}"} if token else {}
