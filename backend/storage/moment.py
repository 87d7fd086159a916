"""What it is to copy a dataset as it is at one moment: where to, and what is known then."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Protocol

from bson import ObjectId
from pymongo.database import Database

from ..dataset.change_token import DatasetToken
from ..dataset.parts import Documents, Head, Part, State
from ..dataset.together import HeldDocuments
from ..manifest.manifest import Manifest
from ..mongo.continuity import Continuity
from ..mongo.database import Document


class Target(Protocol):
    """Where a copy is put."""

    def read(self, part: Part, documents: Documents) -> Manifest:
        """Returns the content of a part of the dataset."""

    def copy(self, part: Part, documents: Documents, content: Manifest | None = None) -> Manifest:
        """Makes the copy of a part hold exactly these documents; returns their content.

        If that is given, the documents need not be read to know it. It need not know their order.
        """

    def patch(
        self, part: Part, documents: Documents, changed: list[ObjectId], removed: list[ObjectId]
    ) -> None:
        """Copies some documents of a part again and removes others from the copy."""

    def copied(self, part: Part) -> Documents:
        """Returns the documents of a part that the copy holds."""


@dataclass(frozen=True)
class KnownContent:
    """What samples and frames hold, for as long as nobody writes to them."""

    manifests: Mapping[Part, Manifest]
    change_token: DatasetToken
    """Taken when they held it."""

    @classmethod
    def of(
        cls, database: Database[Document], state: State, manifests: Mapping[Part, Manifest]
    ) -> KnownContent:
        """Notes what collections hold that nobody writes to now.

        Args:
            database: the database
            state: where samples and frames are
            manifests: what they hold, or some of them
        """
        return cls(manifests, DatasetToken.of_state(database, state))

    def recall(self, now: DatasetToken) -> Mapping[Part, Manifest]:
        """Returns the content of what was not written to since.

        Args:
            now: a look at the dataset
        """
        then = self.change_token
        if then.server != now.server:
            return {}
        return {
            part: manifest
            for part, manifest in self.manifests.items()
            if then.counters[part] is not None and then.counters[part] == now.counters.get(part)
        }


@dataclass(frozen=True)
class KnownHead(Head):
    """A dataset of which somebody may know what samples and frames hold."""

    recall: Callable[[DatasetToken], Mapping[Part, Manifest]]
    """Given a look at the dataset, returns what is known of the content that it had then."""


@dataclass(frozen=True)
class Moment:
    """What a dataset was at the moment at which it was copied."""

    manifests: dict[Part, Manifest]
    """The content of each part of the copy."""
    change_token: DatasetToken
    """Taken before that moment: what proves no write since proves that the dataset is the same."""
    continuity: Continuity | None = None
    """By what to tell later whether writes were counted on. None if something that was counted by
    then need not be in the copy, for writes are counted before others see them."""
    is_still: bool = False
    """Whether the counters prove that nobody has written while the copy was made."""

    def facts(self) -> dict[str, Any]:
        """Returns what is known of the dataset without reading it again, as fields of Captured."""
        state = self.change_token.state
        found: dict[str, Any] = {
            "change_token": {**self.change_token.to_document(), **self._noted_continuity()},
            "sample_collection": state[Part.SAMPLES].collection.name,
        }
        documents = state[Part.DATASET]
        # On a replica set it was looked at a moment before
        is_known = not Manifest.read(documents).compare(self.manifests[Part.DATASET])
        if is_known and isinstance(documents, HeldDocuments) and documents.held:
            found["document"] = next(documents.decoded())
        return found

    def _noted_continuity(self) -> Document:
        return {} if self.continuity is None else {"continuity": asdict(self.continuity)}
