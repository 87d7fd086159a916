"""What other systems know of media files: object stores, DVC, and those of other packages.

A package plugs in by the entry-point group ``fiftyone_snapshots.media``: the name is the system's,
and the value a class that can be called without arguments, which makes a :class:`MediaProvider`.
Nothing fails because of a provider: what it raises is logged, and its files are looked at as if
there were none.
"""

from __future__ import annotations

import logging
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import Protocol

from . import look
from .dvc import DvcProvider
from .fact import MediaFact
from .listing import FileState, Fingerprint, Listing
from .objects import ObjectProvider

logger = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "fiftyone_snapshots.media"

_FACT = re.compile(
    r"|sha256:[0-9a-f]{64}|md5:[0-9a-f]{32}|(?!sha256:|md5:)[a-z0-9]+:[^\x00-\x1f]+"
)
_MOST_CHARACTERS = 1000


class MediaProvider(Protocol):
    """A system that knows something of files without reading them."""

    def facts(self, paths: Sequence[str]) -> Mapping[str, MediaFact]:
        """Tells what the system knows.

        Args:
            paths: paths as documents have them; those of this machine's file system only where
                their content is to be proved

        Returns:
            what is known, by path; those that are left out are none of this system's
        """


@dataclass(frozen=True)
class _Named:
    name: str
    provider: MediaProvider


def told(listing: Listing, *, of_content: bool) -> Listing:
    """Adds what other systems know of files.

    Args:
        listing: what was found out of them here
        of_content: whether the content of files of this machine is to be proved

    Returns:
        the same listing with more facts
    """
    asked = {
        path: place
        for place, (path, each) in enumerate(listing.items())
        if each.state is FileState.ELSEWHERE
        or (of_content and each.state is FileState.FILE and not each.fact)
    }
    found: dict[int, Fingerprint] = {}
    for named in _providers() if asked else ():
        # Of each file, the first one that knows it tells
        for path, fact in _facts(named, list(asked)).items():
            if (place := asked.get(path)) is not None and _is_fact(named, path, fact):
                known = _joined(listing[place], fact)
                if known is not None:
                    found[place] = known
                    del asked[path]
    return listing.knowing(found) if found else listing


def _providers() -> Iterator[_Named]:
    # Not by entry points, which a plugin folder has none of
    yield _Named("object stores", ObjectProvider())
    yield _Named("DVC", DvcProvider())
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            provider: MediaProvider = point.load()()
        except Exception as error:  # noqa: BLE001 (code of others)
            logger.warning("The provider of media '%s' cannot be used: %r", point.name, error)
        else:
            yield _Named(point.name, provider)


def _facts(named: _Named, paths: list[str]) -> dict[str, MediaFact]:
    try:
        return dict(named.provider.facts(paths))
    except Exception as error:  # noqa: BLE001 (code of others)
        logger.warning("The provider of media '%s' has failed: %r", named.name, error)
        return {}


def _is_fact(named: _Named, path: str, fact: object) -> bool:
    if isinstance(fact, MediaFact) and (
        not fact.is_there or (_FACT.fullmatch(fact.value) and len(fact.value) < _MOST_CHARACTERS)
    ):
        return True
    logger.warning("The provider of media '%s' tells of '%s' what is no fact", named.name, path)
    return False


def _joined(found: Fingerprint, fact: MediaFact) -> Fingerprint | None:
    """Returns what is known of a file now; None if it is not the one that is told of."""
    if found.state is FileState.FILE:
        is_same = fact.is_there and fact.size in (None, found.size)
        return found._replace(fact=fact.value) if is_same else None
    if not fact.is_there:
        return Fingerprint(FileState.MISSING)
    return Fingerprint(FileState.FILE, fact.size or 0, fact.time, 0, fact.value)


def is_remote(path: str) -> bool:
    """Returns whether a path is that of no file system, so that nobody can read it here."""
    return "://" in path


def is_local_file(path: str, found: Fingerprint) -> bool:
    """Returns whether there was a file of this machine under a path.

    Args:
        path: the path
        found: what is known of it
    """
    return found.state is FileState.FILE and look.is_local(path)
