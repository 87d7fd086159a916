"""The ids that a projection's own documents have, beside those of the snapshot."""

from __future__ import annotations

import hashlib
from typing import Any

from bson import DBRef, ObjectId

from ..catalog.record import SnapshotRecord
from ..dataset.parts import Part
from ..mongo.database import Document
from .found import Found

# Longer strings cannot be ids, so large values need not be searched
_ID_LENGTH = 24


class Identities:
    """Ids for the projection's own documents: new ones, but the same at every load."""

    def __init__(self, record: SnapshotRecord, found: Found) -> None:
        self.snapshot_id = record.id
        runs = [run["_id"] for run in found.captured.get(Part.RUNS, ())]
        self._translations = {str(run): str(self.of(run)) for run in runs}
        self._translations[str(record.dataset_id)] = str(record.id)

    def of(self, original: ObjectId) -> ObjectId:
        """Returns the id that stands for one of the snapshot's documents."""
        seed = self.snapshot_id.binary + original.binary
        return ObjectId(hashlib.sha256(seed).digest()[:12])

    def of_reference(self, reference: Any) -> Any:
        """Returns what refers to the projection's own document; no reference stays as it is."""
        # Documents that FiftyOne has not migrated yet embed what later versions refer to
        if isinstance(reference, DBRef):
            reference = reference.id
        return self.of(reference) if isinstance(reference, ObjectId) else reference

    def translate(self, store_record: Document) -> Document:
        """Keeps an execution store readable: panels key what they keep by the ids of runs."""
        return {
            **store_record,
            "key": self._translate(store_record.get("key")),
            "value": self._translate(store_record.get("value")),
        }

    def _translate(self, value: Any) -> Any:
        if isinstance(value, dict):
            return {self._translate(key): self._translate(item) for key, item in value.items()}
        if isinstance(value, list):
            return [self._translate(item) for item in value]
        if isinstance(value, ObjectId):
            return ObjectId(self._translations.get(str(value), value))
        # Large values are never ids, and are not worth a look-up
        if isinstance(value, str) and len(value) == _ID_LENGTH:
            return self._translations.get(value, value)
        return value
