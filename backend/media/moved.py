"""Where the media of a snapshot are, if they are not where its documents say.

A snapshot that was imported names the files of where it comes from, which is its content and is
never changed. What was put into a folder here is noted beside it: so whoever opens the snapshot
sees the files that there are, and whoever asks what became of them looks at these.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..mongo.database import Document
from . import look
from .listing import FileState, Fingerprint, Listing

logger = logging.getLogger(__name__)

_FILEPATH = "filepath"

_MOST = 10_000
"""Of files that are not where the others of their folder are; the server reads their paths with
each query."""

_MOST_BYTES = 4 * 1024 * 1024
"""Of their paths: as often as there are fields that name files, all go into one view, and no
document of MongoDB has more than 16 MB."""

_ENTRY_BYTES = 32
"""What BSON needs for each besides."""


@dataclass(frozen=True)
class MovedMedia:
    """Where files are, by the paths that documents have."""

    former: str = ""
    """What the paths begin with, up to a slash; empty if only some files are elsewhere."""
    now: str = ""
    """What they begin with in place of that."""
    others: Mapping[str, str] = field(default_factory=dict)
    """Where files are that this does not lead to."""
    rewritten: Mapping[str, tuple[int, str]] = field(default_factory=dict)
    """The sizes and hashes of what is there of scenes, which name the files where they are now."""

    @classmethod
    def of(
        cls,
        paths: Mapping[str, str],
        staying: Iterable[str] = (),
        rewritten: Mapping[str, tuple[int, str]] | None = None,
    ) -> MovedMedia:
        """Notes where files are.

        Args:
            paths: where each is, by the path that documents have
            staying (()): the paths of files that are where they were, or nowhere
            rewritten (None): the sizes and hashes of those whose content is another one
        """
        pairs = Counter(_folders(*each) for each in paths.items())
        former, now = pairs.most_common(1)[0][0] if pairs else ("", "")
        found = cls(former, now)
        others = {path: new for path, new in paths.items() if found.place(path) != new}
        others.update({path: path for path in staying if found.place(path) != path})
        return cls(former, now, _few(others, _MOST_BYTES), rewritten or {})

    def __bool__(self) -> bool:
        return self.former != self.now or bool(self.others)

    def place(self, path: str) -> str:
        """Returns where a file is.

        Args:
            path: its path, as documents have it
        """
        if path in self.others:
            return self.others[path]
        if self.former and path.startswith(self.former):
            return self.now + path.removeprefix(self.former)
        return path

    def former_of(self, places: Iterable[str]) -> dict[str, str]:
        """Returns the paths that documents have, by where the files are.

        Args:
            places: where files are; those that were not moved are left out
        """
        former = {new: path for path, new in self.others.items()}
        found = {}
        for place in places:
            path = former.get(place, place)
            if path == place and self.former and place.startswith(self.now):
                path = self.former + place.removeprefix(self.now)
            if self.place(path) == place != path:
                found[place] = path
        return found

    def places(self, listing: Listing) -> Listing:
        """Returns what is known of files, by where they are now.

        Args:
            listing: what is known of them, by the paths that documents have
        """
        if not self:
            return listing
        found: dict[str, Fingerprint] = {}
        for path, each in listing.items():
            known = each
            if each.state is FileState.FILE and path in self.rewritten:
                size, fact = self.rewritten[path]
                known = each._replace(size=size, fact=fact)
            found.setdefault(self.place(path), known)
        return Listing.of(sorted(found.items()))

    def to_document(self) -> Document:
        """Returns it as it is stored."""
        return {
            "former": self.former,
            "now": self.now,
            # Not as keys, which may not be any text
            "others": [list(pair) for pair in self.others.items()],
            "rewritten": [[path, *told] for path, told in self.rewritten.items()],
        }

    @classmethod
    def from_document(cls, document: Mapping[str, Any] | None) -> MovedMedia:
        """Reads what :meth:`to_document` returned; of nothing, that nothing was moved.

        Args:
            document: the document
        """
        if document is None:
            return cls()
        return cls(
            document["former"],
            document["now"],
            dict(document["others"]),
            {path: (size, fact) for path, size, fact in document["rewritten"]},
        )

    def stages(self, paths: Iterable[str]) -> list[Document]:
        """Returns the stages of a view whose documents name the files where they are.

        Args:
            paths: the paths of the fields that name files, as they are stored
        """
        named = list(paths)
        few = replace(self, others=_few(self.others, 2 * _MOST_BYTES // max(len(named), 1)))
        return few._stages(named)

    def _stages(self, paths: Iterable[str]) -> list[Document]:
        found: list[Document] = []
        for path in paths:
            first, *steps = path.split(".")
            # Read most often, and never a list
            is_plain = path == _FILEPATH
            value = self._text(f"${first}") if is_plain else self._within(f"${first}", steps, 0)
            found.append({"$set": {first: value}})
        return found

    def _text(self, value: str) -> Document:
        is_text: Document = {"$eq": [{"$type": value}, "string"]}
        return {"$cond": [is_text, self._replaced(value), value]}

    def _within(self, value: str, steps: list[str], depth: int) -> Document:
        """Returns an expression for a value of which some texts are replaced, also in lists."""
        each, every = f"e{depth}", f"l{depth}"
        here = f"$${each}"
        if steps:
            name, *rest = steps
            inner = f"{here}.{name}"
            changed: Document | str = {
                "$mergeObjects": [here, {name: self._within(inner, rest, depth + 1)}]
            }
            is_meant: Document = {
                "$and": [{"$eq": [{"$type": here}, "object"]}, {"$gt": [inner, None]}]
            }
        else:
            changed = self._replaced(here)
            is_meant = {"$eq": [{"$type": here}, "string"]}
        mapped: Document = {
            "$map": {
                "input": {"$cond": [{"$isArray": value}, value, [value]]},
                "as": each,
                "in": {"$cond": [is_meant, changed, here]},
            }
        }
        # What is missing must not become null
        return {
            "$cond": [
                {"$lte": [value, None]},
                value,
                {
                    "$let": {
                        "vars": {every: mapped},
                        "in": {
                            "$cond": [
                                {"$isArray": value},
                                f"$${every}",
                                {"$arrayElemAt": [f"$${every}", 0]},
                            ]
                        },
                    }
                },
            ]
        }

    def _replaced(self, path: str) -> Document | str:
        found: Document | str = path
        if self.former != self.now:
            size = len(self.former.encode())
            former: Document = {"$literal": self.former}
            rest: Document = {"$substrBytes": [path, size, -1]}
            begins: Document = {"$eq": [{"$indexOfBytes": [path, former, 0, size]}, 0]}
            found = {"$cond": [begins, {"$concat": [{"$literal": self.now}, rest]}, path]}
        if not self.others:
            return found
        # The server makes a table of a list that is always the same
        place: Document = {"$indexOfArray": [{"$literal": list(self.others)}, path]}
        new: Document = {"$arrayElemAt": [{"$literal": list(self.others.values())}, "$$place"]}
        return {
            "$let": {
                "vars": {"place": place},
                "in": {"$cond": [{"$gte": ["$$place", 0]}, new, found]},
            }
        }


NOTHING = MovedMedia()


def _few(others: Mapping[str, str], most_bytes: int) -> dict[str, str]:
    """Returns as many of some files as a view can tell of."""
    found: dict[str, str] = {}
    left = most_bytes
    for path, new in others.items():
        left -= (
            sum(len(each.encode("utf-8", "surrogatepass")) for each in (path, new)) + _ENTRY_BYTES
        )
        if left < 0 or len(found) == _MOST:
            logger.warning(
                "%d media files were put beside others of their names: opened, the snapshot shows "
                "%d of these",
                len(others),
                len(found),
            )
            break
        found[path] = new
    return found


def _folders(former: str, now: str) -> tuple[str, str]:
    """Returns what two paths begin with before they are the same, up to a slash."""
    if not look.is_local(former):
        # Such as those of Windows, whose files are told one by one
        return "", ""
    a, b = former.split("/"), now.split("/")
    while len(a) > 1 and len(b) > 1 and a[-1] == b[-1]:
        a.pop()
        b.pop()
    if a[-1] and len(a) == len(former.split("/")):
        # It has another name itself
        return "", ""
    return "/".join(a) + "/", "/".join(b) + "/"
