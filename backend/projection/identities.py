"""The ids that a projection's own documents have, beside those of the snapshot."""

from __future__ import annotations

import hashlib
from typing import Any

from bson import DBRef, ObjectId

from ..catalog.record import SnapshotRecord
from ..dataset import ownership
from ..dataset.parts import Part, owner_field
from ..dataset.view_stages import StageTranslation
from ..mongo.database import Document
from .found import Found

_REFERENCE_FIELDS = ("saved_views", "workspaces")

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

    def refer(self, document: Document) -> None:
        """Makes a dataset document refer to the projection's own documents."""
        for field in _REFERENCE_FIELDS:
            document[field] = [self.of_reference(item) for item in document.get(field) or []]
        for field in ownership.RUN_FIELDS:
            runs = document.get(field) or {}
            document[field] = {key: self.of_reference(run) for key, run in runs.items()}

    def own(self, part: Part, document: Document, stages: StageTranslation) -> Document:
        """Returns the projection's own document that stands for one of the snapshot's.

        Args:
            part: one of those whose documents say which dataset they belong to
            document: the snapshot's
            stages: what views have to say

        Returns:
            another document
        """
        own = {**document, "_id": self.of(document["_id"])}
        # A run on a whole dataset has none
        if part in (Part.VIEWS, Part.RUNS) and document.get("view_stages") is not None:
            own["view_stages"] = stages.translate(document["view_stages"])
        if part is Part.STORE:
            own = self.translate(own)
        own[owner_field(part)] = self.snapshot_id
        if part is Part.RUNS and document.get("results") is not None:
            own["results"] = self.of(document["results"])
        return own

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
