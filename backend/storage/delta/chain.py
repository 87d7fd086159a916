"""The chain: which collections the snapshots of a dataset are kept in.

A dataset's snapshots form a chain, oldest first. Of samples and frames, the newest snapshot has a
*full copy*: a collection that holds exactly its documents. An older one has *pre-images*: a
collection of those of its documents that the next snapshot no longer has, or has with other
content. What a snapshot holds is found by going along the chain until a full copy is met: a
document is what the first pre-images that have it say, else what the full copy says. Which
documents there are, the snapshot's manifest tells. A snapshot whose part equals that of the next
one has no pre-images of it.

Other parts are small, and stored as full copies; snapshots among which one did not change share
it.

A snapshot has a full copy as well if it was *materialised* to be opened, or if it is *kept* as one
because nearly everything changed after it. A full copy that is *open* may have readers, so it is
never changed again; only the newest one that nobody has opened is taken over by the next snapshot,
which patches it where it lies.

All that is one document per dataset, see :mod:`.chains`. Collections are made before the chain
names them, and dropped once it does not any more; those that a crash has left in between are
garbage, which is collected.
"""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from bson import ObjectId

from ...catalog.record import FORMAT_VERSION, check_format
from ...dataset.parts import Part
from ...errors import SnapshotError
from ...mongo.database import Document
from .collection_token import CollectionToken
from .high_water import HighWaterMark


@dataclass(frozen=True)
class Stored:
    """How a part of a snapshot is stored."""

    full_copy: ObjectId | None = None
    """The collection that holds all of it, if there is one."""
    pre_images: ObjectId | None = None
    """The collection that holds what the next snapshot has not."""
    is_kept: bool = False
    """Whether there is no other way to get it back than the full copy."""

    def to_document(self) -> Document:
        """Returns this as stored in the database."""
        return {"whole": self.full_copy, "history": self.pre_images, "kept": self.is_kept}

    @classmethod
    def from_document(cls, document: Document) -> Stored:
        """Reads what :meth:`to_document` wrote."""
        return cls(document["whole"], document["history"], document["kept"])


@dataclass(frozen=True)
class Link:
    """A snapshot in the chain."""

    id: ObjectId
    sequence: int
    parts: dict[Part, Stored] = field(default_factory=dict)
    is_complete: bool = False
    """Whether its capture has ended; until then a full copy of it may be half patched."""
    is_apart: bool = False
    """Whether it is stored as full copies, on its own, and nothing rests on it."""
    sources: dict[Part, str] = field(default_factory=dict)
    """The names of the dataset's own collections when it was captured."""
    change_tokens: dict[Part, CollectionToken] = field(default_factory=dict)
    """What tells that those were not written to since."""
    marks: dict[Part, HighWaterMark] = field(default_factory=dict)
    """What tells what was inserted into those since."""

    def with_part(self, part: Part, **changes: Any) -> Link:
        """Returns the link with something changed about one part."""
        stored = replace(self.parts.get(part, Stored()), **changes)
        return replace(self, parts={**self.parts, part: stored})

    def to_document(self) -> Document:
        """Returns this as stored in the database."""
        return {
            "id": self.id,
            "sequence": self.sequence,
            "complete": self.is_complete,
            "apart": self.is_apart,
            "witnesses": {p.value: w.to_document() for p, w in self.change_tokens.items()},
            "marks": {p.value: mark.to_document() for p, mark in self.marks.items()},
            "sources": {part.value: name for part, name in self.sources.items()},
            # A list, because parts have dots in their names
            "parts": [{"part": p.value, **s.to_document()} for p, s in self.parts.items()],
        }

    @classmethod
    def from_document(cls, document: Document) -> Link:
        """Reads what :meth:`to_document` wrote."""
        change_tokens = {
            Part(part): CollectionToken.from_document(found)
            for part, found in document["witnesses"].items()
        }
        marks = {
            Part(part): HighWaterMark.from_document(found)
            # Chains of earlier versions have none
            for part, found in document.get("marks", {}).items()
        }
        return cls(
            document["id"],
            document["sequence"],
            {Part(item["part"]): Stored.from_document(item) for item in document["parts"]},
            document["complete"],
            document["apart"],
            {Part(part): name for part, name in document["sources"].items()},
            change_tokens,
            marks,
        )


@dataclass(frozen=True)
class Chain:
    """The snapshots of a dataset, and where they are."""

    dataset_id: ObjectId
    links: tuple[Link, ...] = ()
    opened: dict[ObjectId, datetime] = field(default_factory=dict)
    """When each open full copy was last opened."""
    version: int = 0
    holder: str | None = None
    """The token of the lease under which it was last changed."""

    def find(self, snapshot_id: ObjectId) -> Link | None:
        """Returns the link of a snapshot, or None."""
        return next((link for link in self.links if link.id == snapshot_id), None)

    def get(self, snapshot_id: ObjectId) -> Link:
        """Returns the link of a snapshot that must be there."""
        link = self.find(snapshot_id)
        if link is None:
            raise SnapshotError(f"Snapshot {snapshot_id} was deleted, or never completed")
        return link

    def newest(self) -> Link | None:
        """Returns the last link of the chain, or None."""
        return next((link for link in reversed(self.links) if not link.is_apart), None)

    def onwards(self, link: Link, part: Part) -> Iterator[Link]:
        """Yields a link and those after it that are needed to tell what a part of it holds."""
        yield link
        if link.is_apart or _ends_at(link, part):
            return
        following = [other for other in self.links if not other.is_apart]
        for other in following[following.index(link) + 1 :]:
            yield other
            if _ends_at(other, part):
                return

    def full_copy(self, link: Link, part: Part) -> ObjectId | None:
        """Returns the collection that holds a part of a snapshot and nothing else, if any."""
        for other in self.onwards(link, part):
            stored = other.parts.get(part)
            if stored is None or not other.is_complete:
                return None
            if stored.full_copy is not None:
                return stored.full_copy
            if stored.pre_images is not None:
                return None
        return None

    def before(self, link: Link) -> Link | None:
        """Returns the link before one in the chain."""
        return self._neighbour(link, -1)

    def after(self, link: Link) -> Link | None:
        """Returns the link after one in the chain."""
        return self._neighbour(link, +1)

    def _neighbour(self, link: Link, step: int) -> Link | None:
        chained = [other for other in self.links if not other.is_apart]
        place = next((i for i, other in enumerate(chained) if other.id == link.id), -1)
        wanted = place + step
        return chained[wanted] if place >= 0 and 0 <= wanted < len(chained) else None

    def with_link(self, link: Link) -> Chain:
        """Returns the chain with a link replaced, or added at its end."""
        if self.find(link.id) is None:
            return replace(self, links=(*self.links, link))
        links = tuple(link if other.id == link.id else other for other in self.links)
        return replace(self, links=links)

    def without(self, snapshot_id: ObjectId) -> Chain:
        """Returns the chain without a link."""
        return replace(self, links=tuple(x for x in self.links if x.id != snapshot_id))

    def tokens(self) -> set[ObjectId]:
        """Returns what all collections that are in use are called by."""
        stored = [stored for link in self.links for stored in link.parts.values()]
        found = {token for each in stored for token in (each.full_copy, each.pre_images)}
        return {token for token in found if token is not None}

    def users(self, token: ObjectId) -> list[tuple[Link, Part]]:
        """Returns the snapshots that have a full copy, and as which part."""
        return [
            (link, part)
            for link in self.links
            for part, stored in link.parts.items()
            if stored.full_copy == token
        ]

    def held(self, link: Link) -> list[ObjectId]:
        """Returns the full copies that a snapshot could do without, but for reading it at once."""
        newest = self.newest()
        if newest is None or link.is_apart:
            return []
        # Of snapshots that share one, some may do without it and others not
        needed = {
            stored.full_copy
            for other in self.links
            for stored in other.parts.values()
            if stored.is_kept or other is newest
        }
        return [
            stored.full_copy
            for part, stored in link.parts.items()
            if part.is_own_collection and stored.full_copy is not None
            if stored.full_copy not in needed
        ]

    def releasing(self, links: Iterable[Link], unless: Container[ObjectId] = ()) -> Chain:
        """Returns the chain without those full copies that some snapshots could do without."""
        chain = self
        for token in [token for link in links for token in self.held(link)]:
            for link, part in [] if token in unless else chain.users(token):
                chain = chain.with_link(link.with_part(part, full_copy=None))
        return chain

    def to_document(self) -> Document:
        """Returns this as stored in the database."""
        used = self.tokens()
        return {
            "_id": self.dataset_id,
            "format": FORMAT_VERSION,
            "version": self.version,
            "holder": self.holder,
            "links": [link.to_document() for link in self.links],
            "opened": [
                {"whole": token, "at": at} for token, at in self.opened.items() if token in used
            ],
        }

    @classmethod
    def from_document(cls, document: Document) -> Chain:
        """Reads what :meth:`to_document` wrote."""
        check_format(document)
        return cls(
            document["_id"],
            tuple(Link.from_document(item) for item in document["links"]),
            {item["whole"]: item["at"] for item in document["opened"]},
            document["version"],
            # Chains of earlier versions have none
            document.get("holder"),
        )


def _ends_at(link: Link, part: Part) -> bool:
    stored = link.parts.get(part)
    return stored is None or stored.full_copy is not None
