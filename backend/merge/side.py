"""One of the three versions that are merged, with everything but its samples and frames."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import bson
from bson import DBRef, ObjectId
from pymongo.database import Database

from ..archive import location
from ..dataset.ownership import RUN_FIELDS
from ..dataset.parts import Documents, Part
from ..diff import surroundings as diff_surroundings
from ..diff.surroundings import NOT_CONTENT, NOT_PROPERTIES
from ..diff.versions import HeadVersion, SnapshotVersion, Version
from ..errors import InvalidRequestError
from ..manifest.manifest import Manifest
from ..mongo.database import Document
from ..progress import Progress, silent
from ..storage import collections, registry
from . import surroundings
from .surroundings import tag_key

_NAMED = (Part.VIEWS, Part.WORKSPACES)
_VOLATILE = NOT_CONTENT - {"timestamp"}


@dataclass(frozen=True)
class Side:
    """A version that is merged."""

    database: Database[Document]
    version: Version
    _manifests: dict[Part, Manifest] = field(default_factory=dict, repr=False)

    @cached_property
    def document(self) -> Document:
        """Its dataset document; empty if it has none."""
        return diff_surroundings.dataset_document(self.version)

    def manifest(self, part: Part, progress: Progress = silent) -> Manifest:
        """Returns what is in its samples or frames, read once."""
        if part not in self._manifests:
            found = self.version.manifest(part, progress)
            if found.has_unusual_ids:
                raise InvalidRequestError(
                    f"The {part.value} have ids that are no ObjectIds, so they cannot be merged"
                )
            self._manifests[part] = found
        return self._manifests[part]

    def items(self, part: Part) -> list[Document]:
        """Returns its saved views, workspaces, runs or temporal tags."""
        documents = self.version.documents(part)
        found = [] if documents is None else list(documents.decoded())
        return sorted(found, key=lambda document: document["_id"])

    @cached_property
    def runs(self) -> dict[str, dict[str, Document]]:
        """Its runs, by kind and key."""
        known = {run["_id"]: run for run in self.items(Part.RUNS)}
        found: dict[str, dict[str, Document]] = {}
        for kind in RUN_FIELDS:
            references = self.document.get(kind) or {}
            ids = {key: _referred(reference) for key, reference in references.items()}
            found[kind] = {key: known[id_] for key, id_ in ids.items() if id_ in known}
        return found

    def results_digest(self, file_id: ObjectId) -> str:
        """Returns a hash of the results that a run refers to."""
        digest = hashlib.sha256()
        for chunk in self.chunks([file_id]):
            digest.update(chunk["data"])
        return digest.hexdigest()

    def chunks(self, file_ids: Iterable[ObjectId]) -> list[Document]:
        """Returns the chunks of results, in order."""
        documents = self.version.documents(Part.RESULT_CHUNKS)
        wanted = set(file_ids)
        if documents is None or not wanted:
            return []
        if isinstance(documents, Documents):
            query = {"files_id": {"$in": list(wanted)}}
            found = list(documents.collection.find(query))
        else:
            found = [each for each in documents.decoded() if each["files_id"] in wanted]
        return sorted(found, key=lambda chunk: (chunk["files_id"], chunk["n"]))

    def indexes(self, part: Part) -> list[Document]:
        """Returns the indexes of its samples or frames, as ``listIndexes`` tells."""
        version = self.version
        if isinstance(version, HeadVersion):
            # Those of the dataset itself, also while copies of its documents are merged
            return collections.list_indexes(version.head.state()).get(part, [])
        if not isinstance(version, SnapshotVersion):
            return []
        if version.record.archive is not None:
            return location.read(version.record).header.indexes.get(part, [])
        backend = registry.create(version.record.backend, self.database)
        return backend.indexes(version.record, part)

    def digest(self, progress: Progress = silent) -> str:
        """Returns one hash of everything that a merge looks at.

        It is the same for a dataset and for a snapshot that was just taken of it, and does not
        change when documents are merely touched, loaded or looked at.
        """
        digest = hashlib.sha256()
        for part in (Part.SAMPLES, Part.FRAMES):
            manifest = self.manifest(part, progress)
            digest.update(manifest.fingerprint(touched=False).encode())
            for index in sorted(map(surroundings.index_key, self.indexes(part))):
                digest.update(index.encode())
        digest.update(sayable({k: v for k, v in self.document.items() if _is_content(k)}))
        for part in _NAMED:
            for item in sorted(map(sayable, self.items(part))):
                digest.update(item)
        for kind, runs in self.runs.items():
            for key in sorted(runs):
                digest.update(sayable({**runs[key], "key": key, "kind": kind}))
        tags = (repr(tag_key(tag)).encode() for tag in self.items(Part.TAGS))
        for tag in sorted(tags):
            digest.update(tag)
        return digest.hexdigest()

    def named(self, part: Part) -> dict[str, Document]:
        """Returns its saved views or workspaces by name."""
        return surroundings.by("name", self.items(part))


def _referred(reference: Any) -> Any:
    return reference.id if isinstance(reference, DBRef) else reference


def _is_content(key: str) -> bool:
    references = (*RUN_FIELDS, "saved_views", "workspaces", "sample_fields", "frame_fields")
    fields = ("sample_fields", "frame_fields")
    return key in fields or (key not in NOT_PROPERTIES and key not in references)


def sayable(document: Document) -> bytes:
    """Returns what a document says, whatever the order of its keys."""
    content = {key: item for key, item in document.items() if key not in _VOLATILE}
    return bson.encode({"v": _ordered(content)})


def _ordered(value: Any) -> Any:
    if isinstance(value, dict):
        # FiftyOne declares some fields anew whenever it loads a dataset
        left_out = ("created_at",) if "ftype" in value else ()
        items = {
            key: _ordered(item)
            for key, item in value.items()
            if item is not None and key not in left_out
        }
        return dict(sorted(items.items()))
    if not isinstance(value, list):
        return value
    found = [_ordered(item) for item in value]
    if all(isinstance(item, dict) and "ftype" in item for item in found):
        # FiftyOne declares fields in another order after it has loaded a dataset
        found.sort(key=lambda item: str(item.get("name")))
    return found
