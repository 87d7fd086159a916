"""The records that callers see and that the catalog keeps."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from datetime import datetime
from enum import Enum
from typing import Any

from bson import ObjectId

from ..errors import NewerFormatError
from ..results.serialize import Record

FORMAT_VERSION = 1
"""Version of what this package writes; raised when older code would misread it."""


class DatasetSnapshotStatus(Enum):
    """Whether a snapshot is ready to be opened."""

    UNLOADED = "UNLOADED"
    LOADING = "LOADING"
    LOADED = "LOADED"


class SnapshotKind(str, Enum):
    """Who asked for a snapshot."""

    NAMED = "named"
    """Somebody, who gave it its name."""
    SAFETY = "safety"
    """Nobody: it is the dataset before or after an operation that can be undone. It is not listed,
    counts against no limit, and goes by rules of its own."""


class SnapshotState(str, Enum):
    """Where a snapshot stands in its life."""

    CREATING = "creating"
    READY = "ready"
    TRASHED = "trashed"


@dataclass(frozen=True)
class SampleChangeSummary(Record):
    """How many samples changed between two states of a dataset."""

    total_samples: int
    num_samples_added: int
    num_samples_deleted: int
    num_samples_changed: int
    updated_at: datetime | None = None
    """When this was calculated, by the database server's clock."""

    @property
    def has_changes(self) -> bool:
        """Whether the two states differ in any sample."""
        return bool(self.num_samples_added or self.num_samples_deleted or self.num_samples_changed)

    def to_document(self) -> dict[str, Any]:
        """Returns the summary as the catalog stores it."""
        return {
            "total_samples": self.total_samples,
            "num_samples_added": self.num_samples_added,
            "num_samples_deleted": self.num_samples_deleted,
            "num_samples_changed": self.num_samples_changed,
            "updated_at": self.updated_at,
        }

    @classmethod
    def from_dict(cls, document: dict[str, Any] | None) -> SampleChangeSummary | None:
        """Reads what :meth:`to_dict` or :meth:`to_document` wrote; ``None`` stays ``None``."""
        if document is None:
            return None
        updated_at = document.get("updated_at")
        if isinstance(updated_at, str):
            updated_at = datetime.fromisoformat(updated_at)
        return cls(**{**document, "updated_at": updated_at})


@dataclass(frozen=True)
class MergedFrom(Record):
    """What was merged into a dataset, of the snapshot that the merge ended with."""

    dataset_id: ObjectId
    dataset_name: str
    """The name that the branch had then."""
    snapshot_id: ObjectId
    """The snapshot of the branch that was merged."""
    snapshot_name: str
    merge_id: ObjectId
    """The plan of the merge."""
    base_id: ObjectId | None
    """The snapshot that both began with, if there was one."""
    conflicts: int = 0
    """How many conflicts were decided."""
    is_full: bool = True
    """Whether the whole branch was merged, so that the next merge begins where this one ended."""
    onto_id: ObjectId | None = None
    """The other parent: the latest snapshot that the target had then, if it had any."""
    onto_name: str | None = None

    def to_document(self) -> dict[str, Any]:
        """Returns it as the catalog stores it."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any] | None) -> MergedFrom | None:
        """Reads what :meth:`to_document` wrote; ``None`` stays ``None``."""
        return None if document is None else cls(**document)


@dataclass(frozen=True)
class DatasetSnapshot(Record):
    """What the public API tells of a snapshot."""

    created_at: datetime | None
    description: str | None
    id: str
    linear_change_summary: SampleChangeSummary | None
    """Changes since the snapshot before this one; for the first, everything is added."""
    load_status: DatasetSnapshotStatus
    name: str
    slug: str
    created_by: str | None = None
    created_by_principal: dict[str, Any] | None = None
    tags: tuple[str, ...] = ()
    is_archived: bool = False
    is_pinned: bool = False
    merged_from: MergedFrom | None = None
    """What was merged, if it is what a merge has ended with."""


@dataclass(frozen=True)
class Archive(Record):
    """Where an archived snapshot is."""

    location: str
    """The folder or URL that it was written to."""
    key: str
    """Its name there."""
    size_bytes: int
    """Of the archive, compressed."""
    checksum: str
    """Of the checksums in the archive, and so of all its content."""
    archived_at: datetime
    owner: str | None = None
    """The id of the database that wrote it; None for archives from before that was noted."""

    def to_document(self) -> dict[str, Any]:
        """Returns the archive as the catalog stores it."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any] | None) -> Archive | None:
        """Reads what :meth:`to_document` wrote; ``None`` stays ``None``."""
        return None if document is None else cls(**document)


@dataclass(frozen=True)
class Pulled(Record):
    """What came before a snapshot that was pulled, on the server where it was created."""

    parent_id: ObjectId | None
    """The snapshot before it; None if it was the first."""
    is_ours: bool
    """Whether the dataset here was made of it or of one that comes after it."""

    def to_document(self) -> dict[str, Any]:
        """Returns it as the catalog stores it."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: dict[str, Any] | None) -> Pulled | None:
        """Reads what :meth:`to_document` wrote; ``None`` stays ``None``."""
        return None if document is None else cls(**document)


@dataclass(frozen=True)
class SnapshotRecord:
    """A snapshot as the catalog keeps it."""

    id: ObjectId
    dataset_id: ObjectId
    name: str
    slug: str
    description: str | None
    sequence: int
    """Position in the dataset's linear history; later snapshots have larger numbers."""
    state: SnapshotState
    backend: str
    created_at: datetime
    created_by: str | None
    storage: dict[str, Any] = field(default_factory=dict)
    """What the backend wants to be given back; nobody else reads it."""
    sample_count: int = 0
    size_bytes: int = 0
    changes: SampleChangeSummary | None = None
    last_loaded_at: datetime | None = None
    trashed_at: datetime | None = None
    trashed_by: ObjectId | None = None
    """The operation that moved it to the trash."""
    tags: tuple[str, ...] = ()
    fields: tuple[str, ...] | None = None
    """The paths of all fields, those of frames with the prefix ``frames.``; None if they were not
    noted yet."""
    pinned: bool = False
    """Whether it is kept from automatic archival, pruning and the end of its time in the trash."""
    archive: Archive | None = None
    """Where its documents are, if they are not in the database."""
    merged_from: MergedFrom | None = None
    """What was merged, if it is what a merge has ended with."""
    held_by: tuple[ObjectId, ...] = ()
    """The datasets of the branches whose base it is, see :mod:`.holding`."""
    kind: SnapshotKind = SnapshotKind.NAMED
    pulled: Pulled | None = None
    """Where it comes from, if it was pulled from a remote."""
    media_moved: bool = False
    """Whether its media are not where its documents say; what was captured of them tells where."""

    @property
    def is_safety(self) -> bool:
        """Whether nobody has asked for it by name."""
        return self.kind is SnapshotKind.SAFETY

    @property
    def is_live(self) -> bool:
        """Whether the snapshot takes up its name and counts against the limits."""
        return self.state is not SnapshotState.TRASHED

    @property
    def is_complete(self) -> bool:
        """Whether the snapshot is there to be used, and not on its way in or out."""
        return self.state not in (SnapshotState.CREATING, SnapshotState.TRASHED)

    @property
    def load_status(self) -> DatasetSnapshotStatus:
        """Whether the snapshot can be opened at once."""
        if self.state is SnapshotState.READY and self.archive is None:
            return DatasetSnapshotStatus.LOADED
        if self.state is SnapshotState.CREATING:
            return DatasetSnapshotStatus.LOADING
        return DatasetSnapshotStatus.UNLOADED

    def public(self, load_status: DatasetSnapshotStatus | None = None) -> DatasetSnapshot:
        """Returns what the public API tells of this snapshot.

        Args:
            load_status (None): whether it can be opened at once, if more is known of that than
                the record says

        Returns:
            a :class:`DatasetSnapshot`
        """
        return DatasetSnapshot(
            created_at=self.created_at,
            description=self.description,
            id=str(self.id),
            linear_change_summary=self.changes,
            load_status=load_status or self.load_status,
            name=self.name,
            slug=self.slug,
            created_by=self.created_by,
            tags=self.tags,
            is_archived=self.archive is not None,
            is_pinned=self.pinned,
            merged_from=self.merged_from,
        )

    def to_document(self) -> dict[str, Any]:
        """Returns the record as the catalog stores it."""
        return {
            "_id": self.id,
            "format": FORMAT_VERSION,
            "dataset_id": self.dataset_id,
            "name": self.name,
            "slug": self.slug,
            "description": self.description,
            "sequence": self.sequence,
            "state": self.state.value,
            # Spelled out because a partial index cannot test "state is not trashed"
            "live": self.is_live,
            "backend": self.backend,
            "created_at": self.created_at,
            "created_by": self.created_by,
            "storage": self.storage,
            "sample_count": self.sample_count,
            "size_bytes": self.size_bytes,
            "changes": self.changes and self.changes.to_document(),
            "last_loaded_at": self.last_loaded_at,
            "trashed_at": self.trashed_at,
            "trashed_by": self.trashed_by,
            "tags": list(self.tags),
            "fields": None if self.fields is None else list(self.fields),
            "pinned": self.pinned,
            "archive": self.archive and self.archive.to_document(),
            **({"merged_from": self.merged_from.to_document()} if self.merged_from else {}),
            **({"pulled": self.pulled.to_document()} if self.pulled else {}),
            **({"media_moved": True} if self.media_moved else {}),
            "held_by": list(self.held_by),
            "kind": self.kind.value,
        }

    @classmethod
    def from_document(cls, document: dict[str, Any]) -> SnapshotRecord:
        """Reads what :meth:`to_document` wrote.

        Args:
            document: a document of the catalog

        Returns:
            the record

        Raises:
            NewerFormatError: if a newer version of this package wrote it
        """
        check_format(document)
        return cls(
            id=document["_id"],
            dataset_id=document["dataset_id"],
            name=document["name"],
            slug=document["slug"],
            description=document["description"],
            sequence=document["sequence"],
            state=SnapshotState(document["state"]),
            backend=document["backend"],
            created_at=document["created_at"],
            created_by=document["created_by"],
            storage=document["storage"],
            sample_count=document["sample_count"],
            size_bytes=document["size_bytes"],
            changes=SampleChangeSummary.from_dict(document["changes"]),
            last_loaded_at=document["last_loaded_at"],
            trashed_at=document["trashed_at"],
            trashed_by=document["trashed_by"],
            tags=tuple(document.get("tags") or ()),
            fields=None if (paths := document.get("fields")) is None else tuple(paths),
            pinned=document.get("pinned", False),
            archive=Archive.from_document(document.get("archive")),
            merged_from=MergedFrom.from_document(document.get("merged_from")),
            held_by=tuple(document.get("held_by") or ()),
            kind=SnapshotKind(document.get("kind", SnapshotKind.NAMED)),
            pulled=Pulled.from_document(document.get("pulled")),
            media_moved=document.get("media_moved", False),
        )


def check_format(document: dict[str, Any]) -> None:
    """Refuses a document that a newer version of this package wrote.

    Args:
        document: a document of one of our collections

    Raises:
        NewerFormatError: if its format is newer than ours
    """
    version = document.get("format", 0)
    if version > FORMAT_VERSION:
        raise NewerFormatError(
            f"The database holds snapshot records of format {version}, but this version of "
            f"fiftyone-snapshots reads formats up to {FORMAT_VERSION}. Upgrade it with: "
            "pip install --upgrade fiftyone-snapshots"
        )
