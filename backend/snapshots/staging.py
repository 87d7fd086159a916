"""Putting the documents of an archive into the database, beside everything until all are there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby

from pymongo.collection import Collection

from ..archive.check import counted, malformed_is_damaged
from ..archive.read import Piece, Stream
from ..dataset.parts import Documents, Part, State
from ..manifest.manifest import Manifest
from ..mongo import fence
from ..mongo.collections import owned_collections, staging_name
from ..mongo.database import Document, create_compressed
from ..mongo.writer import Writer
from ..operations.journal import Operation
from ..rawbson import layout


def stage(running: Operation, reader: Stream, label: str) -> tuple[State, dict[Part, Manifest]]:
    """Fills collections with the documents of an archive, in their order.

    Args:
        running: the operation, whose collections they are
        reader: the archive
        label: what is being done, for progress

    Returns:
        where each part is, and its content

    Raises:
        DamagedArchiveError: if the archive is damaged; the collections are worthless then
    """
    manifests: dict[Part, Manifest] = {}
    state: dict[Part, Documents] = {}
    pieces = counted(reader, running.progress, label)
    with malformed_is_damaged(reader.source):
        for part, group in groupby(pieces, key=lambda piece: piece.part):
            state[part] = _new(running, part)
            manifests[part] = Manifest.of(_inserted(running, state[part].collection, group))
    for part in reader.parts:
        if part not in state:
            state[part] = _new(running, part)
            manifests[part] = Manifest.empty()
    return state, manifests


def drop(running: Operation) -> None:
    """Drops what an operation has staged.

    Args:
        running: the operation
    """
    for name, description in owned_collections(running.database, running.id).items():
        fence.drop(running.database, name, description)


def _new(running: Operation, part: Part) -> Documents:
    name = staging_name(running.id, part)
    running.database.drop_collection(name)
    return Documents(create_compressed(running.database, name))


def _inserted(
    running: Operation, target: Collection[Document], pieces: Iterable[Piece]
) -> Iterator[bytes]:
    """Inserts the documents of pieces while the caller works on them."""
    with Writer(target) as writer:
        for piece in pieces:
            running.step("staging")
            writer.write(layout.DocumentBatch.of(piece.data))
            yield piece.data
