"""The manifest of a snapshot in a remote: which objects hold its documents.

That of a snapshot that follows another one tells what differs in samples and frames; each 16th
tells everything, so that no reader goes back further than that.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, field

import bson
from bson import ObjectId
from bson.errors import BSONError

from ..dataset.parts import Part
from ..mongo.database import Document
from . import layout
from .store import RemoteStore
from .table import Segment, Step, Table, segment_of

WHOLE_EVERY = 16
_OWN = (Part.SAMPLES, Part.FRAMES)


@dataclass(frozen=True)
class Content:
    """All that a snapshot holds."""

    tables: Mapping[Part, Table]
    """Of samples and frames."""
    small: Mapping[Part, tuple[Segment, ...]]
    """Of the other parts: the objects that hold each, in order."""
    depth: int = 0
    """How many manifests have to be read before this one."""

    @property
    def segments(self) -> dict[str, Segment]:
        """All objects that it needs, by name."""
        found = [each for table in self.tables.values() for each in table.segments]
        found += [each for segments in self.small.values() for each in segments]
        return {each.name: each for each in found}


@dataclass(frozen=True)
class StoredManifest:
    """A manifest as it is stored."""

    snapshot_id: ObjectId
    base: str | None
    """The name of the manifest that its steps begin with."""
    depth: int
    small: Mapping[Part, tuple[Segment, ...]]
    tables: Mapping[Part, Table]
    steps: Mapping[Part, Step]
    push: ObjectId = field(default_factory=ObjectId)
    """Of one push alone, so that no two pushes write the same manifest."""

    def to_bytes(self) -> bytes:
        """Returns the object."""
        return bson.encode(
            {
                "format": layout.FORMAT,
                "version": layout.VERSION,
                "snapshot": self.snapshot_id,
                "push": self.push,
                "base": self.base,
                "depth": self.depth,
                "parts": {
                    part.value: [each.to_document() for each in segments]
                    for part, segments in self.small.items()
                },
                "tables": {part.value: each.to_document() for part, each in self.tables.items()},
                "steps": {part.value: each.to_document() for part, each in self.steps.items()},
            }
        )

    @classmethod
    def from_bytes(cls, data: bytes, source: str) -> StoredManifest:
        """Reads what :meth:`to_bytes` wrote.

        Args:
            data: the object
            source: where it is, for the error

        Returns:
            the manifest

        Raises:
            DamagedRemoteError: if it is something else
        """
        try:
            document: Document = bson.decode(data)
        except (BSONError, ValueError, struct.error) as error:
            raise layout.damaged(source, str(error)) from error
        layout.checked(document, source)
        try:
            return cls._of(document)
        except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
            raise layout.damaged(source, f"{error}") from error

    @classmethod
    def _of(cls, document: Document) -> StoredManifest:
        base, depth = document["base"], document["depth"]
        if (
            not isinstance(depth, int)
            or not 0 <= depth < WHOLE_EVERY
            or (base is None) != (not depth)
        ):
            raise ValueError(f"its depth is {str(depth)[:20]!r}")
        if not isinstance(document["snapshot"], ObjectId):
            raise ValueError("it belongs to no snapshot")  # noqa: TRY004 (the object's fault)
        found = cls(
            snapshot_id=document["snapshot"],
            base=None if base is None else segment_of({"name": base, "bytes": 0}).name,
            depth=depth,
            small={
                Part(part): tuple(map(segment_of, segments))
                for part, segments in document["parts"].items()
            },
            tables={
                Part(part): Table.from_document(each) for part, each in document["tables"].items()
            },
            steps={
                Part(part): Step.from_document(each) for part, each in document["steps"].items()
            },
        )
        if set(found.small) & set(_OWN) or {*found.tables, *found.steps} - set(_OWN):
            raise ValueError("it has parts where others belong")
        return found

    def applied_to(self, base: Content | None) -> Content:
        """Returns what the snapshot holds.

        Args:
            base: what that of the base holds, if it has one

        Returns:
            the content

        Raises:
            MalformedError: if it does not belong to that
        """
        tables = dict(self.tables)
        for part, step in self.steps.items():
            if base is None or part not in base.tables:
                raise ValueError(f"its {part.value} begin with nothing")
            tables[part] = step.applied_to(base.tables[part])
        return Content(tables, self.small, self.depth)


class Manifests:
    """Reads the manifests of a dataset in a remote, each of them once.

    Args:
        store: the remote
        dataset_id: the dataset
    """

    def __init__(self, store: RemoteStore, dataset_id: ObjectId) -> None:
        self._store = store
        self._dataset_id = dataset_id
        self._read: dict[str, tuple[StoredManifest, str]] = {}
        self._last: dict[str, Content] = {}

    def content(self, name: str) -> Content:
        """Returns what a snapshot holds.

        Args:
            name: the name of its manifest

        Returns:
            the content

        Raises:
            DamagedRemoteError: if something is missing or was altered
        """
        waiting: list[tuple[StoredManifest, str]] = []
        wanted: str | None = name
        while wanted is not None and wanted not in self._last:
            waiting.append(self._load(wanted))
            if len(waiting) > WHOLE_EVERY:
                raise layout.damaged(self._describe(name), "its manifests go round in a circle")
            wanted = waiting[-1][0].base
        content = None if wanted is None else self._last[wanted]
        for stored, source in reversed(waiting):
            try:
                content = stored.applied_to(content)
            except ValueError as error:
                raise layout.damaged(source, str(error)) from error
        assert content is not None
        # One is enough: they are read along the history
        self._last = {name: content}
        return content

    def objects(self, name: str) -> dict[str, Segment]:
        """Returns the objects that a snapshot needs, by name, without putting its tables together.

        Args:
            name: the name of its manifest
        """
        found: list[Segment] = []
        for number, (_, stored) in enumerate(self.chain(name)):
            tables = [*stored.tables.values(), *(step.put for step in stored.steps.values())]
            found += [each for table in tables for each in table.segments]
            if not number:
                found += [each for segments in stored.small.values() for each in segments]
        return {each.name: each for each in found}

    def chain(self, name: str) -> list[tuple[str, StoredManifest]]:
        """Returns the manifests that are needed to read one, with their names.

        Args:
            name: the name of that

        Returns:
            it and those before it, down to a whole one
        """
        found: list[tuple[str, StoredManifest]] = []
        wanted: str | None = name
        while wanted is not None:
            stored = self._load(wanted)[0]
            found.append((wanted, stored))
            if len(found) > WHOLE_EVERY:
                raise layout.damaged(self._describe(name), "its manifests go round in a circle")
            wanted = stored.base
        return found

    def add(self, name: str, stored: StoredManifest, content: Content) -> None:
        """Remembers a manifest that was just written."""
        self._read[name] = stored, self._describe(name)
        self._last = {name: content}

    def _load(self, name: str) -> tuple[StoredManifest, str]:
        if name not in self._read:
            source = self._describe(name)
            data = self._store.find(layout.manifest_key(self._dataset_id, name))
            if data is None:
                raise layout.damaged(source, "it is missing")
            if layout.sha256(data) != name:
                raise layout.damaged(source, "it was altered, its content is not its name's")
            self._read[name] = StoredManifest.from_bytes(data, source), source
        return self._read[name]

    def _describe(self, name: str) -> str:
        return self._store.describe(layout.manifest_key(self._dataset_id, name))
