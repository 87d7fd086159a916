"""What it is to copy a dataset as it is at one moment: where to, and what is known then."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

from bson import ObjectId

from ..dataset.change_token import DatasetToken
from ..dataset.parts import Documents, Part
from ..dataset.together import HeldDocuments
from ..manifest.manifest import Manifest


class Target(Protocol):
    """Where a copy is put."""

    def read(self, part: Part, documents: Documents) -> Manifest:
        """Returns the content of a part of the dataset."""

    def copy(self, part: Part, documents: Documents) -> Manifest:
        """Makes the copy of a part hold exactly these documents; returns their content."""

    def patch(
        self, part: Part, documents: Documents, changed: list[ObjectId], removed: list[ObjectId]
    ) -> None:
        """Copies some documents of a part again and removes others from the copy."""

    def copied(self, part: Part) -> Documents:
        """Returns the documents of a part that the copy holds."""


@dataclass(frozen=True)
class Moment:
    """What a dataset was at the moment at which it was copied."""

    manifests: dict[Part, Manifest]
    """The content of each part of the copy."""
    change_token: DatasetToken
    """Taken before that moment: what proves no write since proves that the dataset is the same."""

    def facts(self) -> dict[str, Any]:
        """Returns what is known of the dataset without reading it again, as fields of Captured."""
        state = self.change_token.state
        found: dict[str, Any] = {
            "change_token": self.change_token.to_document(),
            "sample_collection": state[Part.SAMPLES].collection.name,
        }
        documents = state[Part.DATASET]
        # On a replica set it was looked at a moment before
        is_known = not Manifest.read(documents).compare(self.manifests[Part.DATASET])
        if is_known and isinstance(documents, HeldDocuments) and documents.held:
            found["document"] = next(documents.decoded())
        return found
