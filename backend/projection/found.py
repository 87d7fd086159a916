"""What there is before a snapshot is projected, read in one round trip."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import bson
from bson.codec_options import CodecOptions
from bson.raw_bson import RawBSONDocument
from pymongo.database import Database

from ..catalog.record import SnapshotRecord
from ..dataset.ownership import OWNED
from ..dataset.parts import Documents, Part, State, owner_field, shared_collection
from ..dataset.together import read_together
from ..errors import SnapshotError
from ..mongo.collections import view_name
from ..mongo.database import Document


@dataclass(frozen=True)
class Found:
    """What was captured, and what there is of the projection, but for samples and frames."""

    captured: dict[Part, list[RawBSONDocument]]
    present: dict[Part, list[RawBSONDocument]]
    codec_options: CodecOptions[Document]
    view_name: str
    has_frames: bool

    @staticmethod
    def places(
        database: Database[Document], record: SnapshotRecord, state: State
    ) -> dict[tuple[bool, Part], Documents]:
        """Returns where all of it is, by whether it is the projection's own, and the part."""
        small: dict[tuple[bool, Part], Documents] = {
            (False, part): documents
            for part, documents in state.items()
            if not part.is_own_collection and part is not Part.RESULT_CHUNKS
        }
        own: dict[tuple[bool, Part], Documents] = {
            (True, part): Documents(
                shared_collection(database, part), {owner_field(part): record.id}
            )
            for part in OWNED
        }
        own[True, Part.DATASET] = Documents(database["datasets"], {"_id": record.id})
        files = Documents(database["fs.files"], {"snapshot_id": record.id})
        own[True, Part.RESULT_FILES] = files
        return {**small, **own}

    @classmethod
    def read(cls, database: Database[Document], record: SnapshotRecord, state: State) -> Found:
        """Reads all of it in one round trip."""
        found = read_together(database, cls.places(database, record, state))
        return cls(
            {part: found[is_own, part] for is_own, part in found if not is_own},
            {part: found[is_own, part] for is_own, part in found if is_own},
            database.codec_options,
            view_name(record.id, Part.SAMPLES),
            Part.FRAMES in state,
        )

    @property
    def is_foreign(self) -> bool:
        """Whether the id of the snapshot is that of a dataset that is no projection."""
        return any(
            document.get("sample_collection_name") != self.view_name
            for document in self.present[Part.DATASET]
        )

    def documents(self, part: Part) -> Iterator[Document]:
        """Returns the documents of a part as they were captured."""
        for document in self.captured.get(part, ()):
            yield bson.decode(document.raw, self.codec_options)

    def dataset(self, record: SnapshotRecord) -> Document:
        """Returns the dataset document as it was captured."""
        for document in self.documents(Part.DATASET):
            return document
        raise SnapshotError(f"Snapshot '{record.name}' has no dataset document")
