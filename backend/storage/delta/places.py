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
    """Where to look for a document: in the pre-images, one after the other, then in the base."""

    pre_images: tuple[Collection[Document], ...]
    base: Collection[Document]
    is_steady: bool
    """Whether the base is not being patched at this moment."""
    is_own_copy: bool
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
            DamagedSnapshotError: if it is missing
        """
        pre_images: list[Collection[Document]] = []
        for other in chain.onwards(link, part):
            stored = other.parts.get(part)
            if stored is None:
                break
            if stored.full_copy is not None:
                base = database[delta_name(chain.dataset_id, stored.full_copy, part)]
                return cls(tuple(pre_images), base, other.is_complete, not pre_images)
            if stored.pre_images is not None:
                pre_images.append(database[delta_name(chain.dataset_id, stored.pre_images, part)])
        raise DamagedSnapshotError(f"Snapshot {link.id} is damaged: its {part.value} are missing")

    def all(self) -> list[Collection[Document]]:
        """Returns all the collections, in the order in which they are asked."""
        return [*self.pre_images, self.base]
