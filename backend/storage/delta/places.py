"""The collections in which a part of a snapshot lies."""

from __future__ import annotations

from dataclasses import dataclass

from pymongo.collection import Collection
from pymongo.database import Database

from ...dataset.parts import Part
from ...errors import DamagedSnapshotError
from ...mongo.collections import delta_name
from ...mongo.database import Document
from .chain import Chain, Link


@dataclass(frozen=True)
class Places:
    """Where to look for a document: in the histories, one after the other, then in the base."""

    histories: tuple[Collection[Document], ...]
    base: Collection[Document]
    is_steady: bool
    """Whether the base is not being patched at this moment."""
    is_own_whole: bool
    """Whether the base holds the snapshot and nothing else."""

    @classmethod
    def of(cls, database: Database[Document], chain: Chain, link: Link, part: Part) -> Places:
        """Finds the collections of a part of a snapshot.

        Args:
            database: the database
            chain: the chain
            link: the snapshot
            part: the part

        Returns:
            where it is

        Raises:
            DamagedSnapshotError: if it is nowhere
        """
        histories: list[Collection[Document]] = []
        for other in chain.onwards(link, part):
            stored = other.parts.get(part)
            if stored is None:
                break
            if stored.whole is not None:
                base = database[delta_name(chain.dataset_id, stored.whole, part)]
                return cls(tuple(histories), base, other.is_complete, not histories)
            if stored.history is not None:
                histories.append(database[delta_name(chain.dataset_id, stored.history, part)])
        raise DamagedSnapshotError(f"The {part.value} of snapshot {link.id} are nowhere")

    def all(self) -> list[Collection[Document]]:
        """Returns all the collections, in the order in which they are asked."""
        return [*self.histories, self.base]
