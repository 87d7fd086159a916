"""What other systems know of media files: object stores, DVC, lakeFS, Hugging Face, and others.

A package plugs in by the entry-point group ``fiftyone_snapshots.media``: the name is the system's,
and the value a class that can be called without arguments, which makes a :class:`MediaProvider`.
Nothing fails because of a provider: what it raises is logged, and its files are looked at as if
there were none.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import entry_points
from typing import BinaryIO, Protocol

from . import fact as facts_
from . import look
from .dvc import DvcProvider
from .fact import MediaFact
from .hugging_face import HuggingFaceProvider
from .lakefs import LakeFsProvider
from .listing import FileState, Fingerprint, Listing
from .objects import ObjectProvider

logger = logging.getLogger(__name__)

ENTRY_POINT_GROUP = "fiftyone_snapshots.media"


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

    def open(self, path: str, fact: MediaFact) -> BinaryIO | None:
        """Opens a file with the content that it had.

        What is read is compared with the size and the hashes of the fact. Whether it is what an
        ``etag:…`` or a ``version:…`` stands for, nobody else can tell.

        Args:
            path: its path
            fact: what is known of that content, as :meth:`facts` has told it or somebody else

        Returns:
            a file to be read once and closed; None if it is none of this system's, or the system
            does not have that content
        """


@dataclass(frozen=True)
class Named:
    """A provider, and what it is called."""

    name: str
    provider: MediaProvider

    def open(self, path: str, fact: MediaFact) -> BinaryIO | None:
        """Opens a file; whatever goes wrong, there is none."""
        # Those of before had no such method
        opener = getattr(self.provider, "open", None)
        try:
            return None if opener is None else opener(path, fact)
        except Exception as error:  # noqa: BLE001 (code of others)
            logger.warning(
                "The provider of media '%s' could not open '%s': %r", self.name, path, error
            )
            return None


def told(listing: Listing, *, of_content: bool, known: Listing | None = None) -> Listing:
    """Adds what other systems know of files.

    Args:
        listing: what was found out of them here
        of_content: whether the content of files of this machine is to be proved
        known (None): what was known before: of files that are the same, that and no less is told

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
    before = known.places() if asked and known is not None else {}
    for named in every() if asked else ():
        # Of each file, the first one that knows it tells
        for path, fact in _facts(named, list(asked)).items():
            if (place := asked.get(path)) is not None and _is_fact(named, path, fact):
                now = _joined(listing[place], fact)
                if now is not None:
                    if known is not None and path in before:
                        now = _same(now, known[before[path]])
                    found[place] = now
                    del asked[path]
    return listing.knowing(found) if found else listing


def every() -> Iterator[Named]:
    """Yields all providers, those of this package first."""
    # Not by entry points, which a plugin folder has none of
    yield Named("object stores", ObjectProvider())
    yield Named("DVC", DvcProvider())
    yield Named("lakeFS", LakeFsProvider())
    yield Named("Hugging Face", HuggingFaceProvider())
    for point in entry_points(group=ENTRY_POINT_GROUP):
        try:
            provider: MediaProvider = point.load()()
        except Exception as error:  # noqa: BLE001 (code of others)
            logger.warning("The provider of media '%s' cannot be used: %r", point.name, error)
        else:
            yield Named(point.name, provider)


def _facts(named: Named, paths: list[str]) -> dict[str, MediaFact]:
    try:
        return dict(named.provider.facts(paths))
    except Exception as error:  # noqa: BLE001 (code of others)
        logger.warning("The provider of media '%s' has failed: %r", named.name, error)
        return {}


def _is_fact(named: Named, path: str, fact: object) -> bool:
    if isinstance(fact, MediaFact) and facts_.can_be_noted(fact):
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


def _same(now: Fingerprint, was: Fingerprint) -> Fingerprint:
    """Returns what was known of a file, if that is the same file and more is known of it.

    Such as the hash of a copy; and where it can be had, it still can: nothing new has to be noted
    of a file because there was another commit.
    """
    if now.state is not FileState.FILE or was.state is not now.state or was.size != now.size:
        return now
    is_, before = facts_.compared(now.fact), facts_.compared(was.fact)
    return was if is_ and is_.items() <= before.items() else now


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
