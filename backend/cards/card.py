"""What there is to tell of a version, whatever the format."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pymongo.database import Database

from ..branches.record import get_branch
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset.reference import DatasetReference, current_name
from ..dataset.schema import FRAMES_PREFIX
from ..diff.schema import declared
from ..diff.surroundings import dataset_document
from ..diff.versions import SnapshotVersion
from ..mongo.database import Document
from ..results.times import zoned
from ..search import uri


@dataclass(frozen=True)
class Parent:
    """A version that this one was made of."""

    name: str
    """Such as ``street@v2``."""
    uri: str
    """Its address, without names."""


@dataclass(frozen=True)
class Field:
    """A field of samples, or with the prefix ``frames.`` of frames."""

    path: str
    type: str
    """Such as ``EmbeddedDocumentField(Detections)``."""
    description: str | None


@dataclass(frozen=True)
class Card:
    """What there is to tell of a version."""

    dataset_name: str
    snapshot_name: str
    uri: str
    """Its address, without names."""
    content: str
    """The hash of its content."""
    description: str
    tags: tuple[str, ...]
    created_at: datetime
    """With its zone."""
    created_by: str | None
    sample_count: int
    media_type: str | None
    fields: tuple[Field, ...]
    parents: tuple[Parent, ...]
    """The snapshot before it, the one that a branch began with, and the one that was merged; as
    far as they exist."""


def of(database: Database[Document], dataset: DatasetReference, record: SnapshotRecord) -> Card:
    """Gathers what there is to tell of a snapshot, also of an archived one.

    Args:
        database: the database
        dataset: the dataset
        record: the snapshot

    Returns:
        the card
    """
    address = uri.uri(database, dataset, record, names=False)
    captured = dataset_document(SnapshotVersion(database, record))
    described = record.description or captured.get("description")
    return Card(
        dataset_name=dataset.name,
        snapshot_name=record.name,
        uri=address,
        content=uri.content_of(address),
        description=described
        or f"Snapshot '{record.name}' of the FiftyOne dataset '{dataset.name}'.",
        tags=record.tags,
        created_at=zoned(record.created_at),
        created_by=record.created_by,
        sample_count=record.sample_count,
        media_type=captured.get("media_type"),
        fields=(
            *_fields(captured.get("sample_fields"), ""),
            *_fields(captured.get("frame_fields"), FRAMES_PREFIX),
        ),
        parents=tuple(_parents(database, dataset, record)),
    )


def _fields(documents: list[Document] | None, prefix: str) -> list[Field]:
    """Returns the fields but those that every label of a type has inside, and FiftyOne's own."""
    return [
        Field(path, declaration.type, declaration.about["description"])
        for path, declaration in declared(documents, prefix)
        if "." not in (name := path.removeprefix(prefix)) and not name.startswith("_")
    ]


def _parents(
    database: Database[Document], dataset: DatasetReference, record: SnapshotRecord
) -> list[Parent]:
    before, _ = Catalog(database).neighbours(record)
    found: list[Any] = [] if before is None else [before.id]
    branch = get_branch(database, dataset)
    if before is None and branch is not None:
        found.append(branch.base_snapshot_id)
    if record.merged_from is not None:
        found.append(record.merged_from.snapshot_id)
    parents = [Catalog(database).by_id(id_) for id_ in dict.fromkeys(found)]
    return [
        _parent(database, parent) for parent in parents if parent is not None and parent.is_live
    ]


def _parent(database: Database[Document], record: SnapshotRecord) -> Parent:
    name = current_name(database, record.dataset_id) or str(record.dataset_id)
    dataset = DatasetReference(record.dataset_id, name)
    return Parent(f"{name}@{record.name}", uri.uri(database, dataset, record, names=False))
