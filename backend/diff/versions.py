"""What can be compared: a snapshot, HEAD, and what there was before the first snapshot."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Protocol

from bson import ObjectId
from pymongo.database import Database

from ..archive import extract
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset.change_token import DatasetToken
from ..dataset.parts import Documents, Head, Part, Readable, State
from ..errors import ConcurrentWritesError
from ..manifest import store as manifest_store
from ..manifest.cache import CachedPart
from ..manifest.manifest import Manifest
from ..mongo.database import Document
from ..progress import Progress, silent
from ..rawbson.ids import Keys
from ..storage import counted, registry


class Version(Protocol):
    """A state of a dataset that can be compared with another one."""

    def manifest(self, part: Part, progress: Progress = silent) -> Manifest:
        """Returns the content of a part; empty if the version has no such part."""

    def documents(self, part: Part, wanted: Keys | None = None) -> Readable | None:
        """Returns the documents of a part, or None if the version has no such part.

        If ``wanted`` is given, no other documents will be asked for.
        """

    def check_present(self) -> None:
        """Called when documents are missing: raises unless that can be."""


@dataclass(frozen=True)
class SnapshotVersion:
    """A snapshot, as a version to compare."""

    database: Database[Document]
    record: SnapshotRecord
    known: Mapping[tuple[ObjectId, Part], CachedPart] = field(default_factory=dict)
    """What need not be read, by snapshot and part."""
    _read: dict[Part, CachedPart] = field(default_factory=dict, init=False, repr=False)
    """What was read."""

    def manifest(self, part: Part, progress: Progress = silent) -> Manifest:
        """Returns what was captured."""
        if (known := self._known(part)) is not None:
            return known.manifest
        found: dict[Part, Manifest] = {}
        if part is Part.SAMPLES:
            # Every snapshot has some
            found[part] = manifest_store.load(self.database, self.record.id, part)
        else:
            # Whoever compares the frames compares the tags as well, which are few
            together = (Part.FRAMES, Part.TAGS) if part is Part.FRAMES else (part,)
            there = manifest_store.find_some(self.database, self.record.id, together)
            found = {each: there.get(each, Manifest.empty()) for each in together}
        self._read.update({each: CachedPart(manifest) for each, manifest in found.items()})
        return found[part]

    def read_with(self, later: SnapshotVersion, part: Part) -> None:
        """Reads the manifests of this and a later version, which have much in common."""
        is_known = self._known(part) is not None or later._known(part) is not None
        # Not every snapshot has others
        if part is Part.SAMPLES and not is_known and self.record.id != later.record.id:
            found = manifest_store.load_both(self.database, self.record.id, later.record.id, part)
            self._read[part], later._read[part] = map(CachedPart, found)

    def _known(self, part: Part) -> CachedPart | None:
        return self.known.get((self.record.id, part), self._read.get(part))

    def documents(self, part: Part, wanted: Keys | None = None) -> Readable | None:
        """Returns the documents, without materialising the snapshot.

        Those of an archived snapshot are read from its archive.
        """
        if self.record.archive is None:
            if part.is_own_collection:
                backend = registry.create(self.record.backend, self.database)
                return backend.source(self.record, part, self._known(part))
            return self._related.get(part)
        if part not in manifest_store.parts(self.database, self.record.id):
            return None
        if part in extract.SMALL:
            return self._small.get(part)
        found = extract.extract(self.database, self.record, {part: wanted})
        return found.get(part)

    def check_present(self) -> None:
        """Makes sure that nobody has taken the documents away meanwhile."""
        current = Catalog(self.database).by_id(self.record.id)
        if current is None or current.archive != self.record.archive:
            raise ConcurrentWritesError(
                f"Snapshot '{self.record.name}' was archived, brought back or destroyed by "
                "somebody else while it was compared; try again"
            )

    @cached_property
    def _related(self) -> State:
        """Where everything but samples and frames is, while it is in the database."""
        backend = registry.create(self.record.backend, self.database)
        return backend.related(self.record)

    @cached_property
    def _small(self) -> Mapping[Part, Readable]:
        """Everything but samples and frames of an archived snapshot, read in one go."""
        return extract.extract(self.database, self.record, dict.fromkeys(extract.SMALL))


@dataclass(frozen=True)
class HeadVersion:
    """The editable state of a dataset, as a version to compare."""

    head: Head

    def manifest(self, part: Part, progress: Progress = silent) -> Manifest:
        """Reads the dataset as it is now."""
        documents = self.documents(part)
        if documents is None:
            return Manifest.empty()
        total = documents.collection.estimated_document_count() or 1
        label = f"Reading {part.value}"
        if part.is_own_collection and counted.is_worth(total) and part in self._recalled:
            progress(1.0, label)
            return self._recalled[part]
        return Manifest.read(documents, lambda done: progress(min(1.0, done / total), label))

    def documents(self, part: Part, wanted: Keys | None = None) -> Documents | None:
        """Returns the documents as they are now."""
        return self._state.get(part)

    @cached_property
    def _recalled(self) -> Mapping[Part, Manifest]:
        """What need not be read of a large dataset, because a snapshot tells it."""
        database, dataset_id = self.head.database, self.head.dataset_id
        return counted.recall(database, dataset_id, DatasetToken.of_state(database, self._state))

    @cached_property
    def _state(self) -> State:
        """Where they are: all parts are those of one state, whoever exchanges it meanwhile."""
        return self.head.state()

    def check_present(self) -> None:
        """Does nothing: documents of HEAD can be deleted while we look."""


class NoVersion:
    """What there was before the first snapshot: nothing."""

    def manifest(self, part: Part, progress: Progress = silent) -> Manifest:
        """Returns the manifest of no documents."""
        return Manifest.empty()

    def documents(self, part: Part, wanted: Keys | None = None) -> Documents | None:
        """Returns no documents."""
        return None

    def check_present(self) -> None:
        """Does nothing: there are none."""
