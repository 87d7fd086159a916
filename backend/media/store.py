"""What is known of the media of snapshots, as it is stored.

Of each snapshot there is one document, which names layers. A layer tells what is other than in the
layers before it, is never changed, and may be shared by many snapshots: so files that are as they
were cost nothing, and a snapshot can go without any other one being stored anew. What no snapshot
names any more is swept.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId
from pymongo.database import Database

from ..catalog.record import FORMAT_VERSION, SnapshotRecord, check_format
from ..config import MediaLevel
from ..errors import DamagedSnapshotError
from ..mongo import fence
from ..mongo.collections import MEDIA
from ..mongo.database import Document
from .listing import Listing
from .moved import NOTHING, MovedMedia

# Stays well below MongoDB's 16 MB a document
_PIECE_BYTES = 8 * 1024 * 1024

_MOST_LAYERS = 16
_MOST = 0.5
"""If the layers tell of more than this share of the files again, all is stored anew."""


@dataclass(frozen=True)
class Layer:
    """Something that is stored once."""

    id: ObjectId
    files: int
    """How many it tells of."""


@dataclass(frozen=True)
class Capture:
    """What was noted of the media of a snapshot."""

    snapshot_id: ObjectId
    dataset_id: ObjectId
    level: MediaLevel
    captured_at: datetime
    """By the server's clock."""
    counts: Mapping[str, int]
    """How many files are in each state, and more, see :meth:`.Listing.counts`."""
    layers: tuple[Layer, ...]
    operation: ObjectId
    """The operation that has noted it."""
    moved: MovedMedia = NOTHING
    """Where the files are, if not where the documents of the snapshot say."""

    def to_document(self) -> Document:
        """Returns it as it is stored."""
        return {
            "_id": self.snapshot_id,
            "format": FORMAT_VERSION,
            "dataset_id": self.dataset_id,
            "level": self.level.value,
            "captured_at": self.captured_at,
            "counts": dict(self.counts),
            "operation": self.operation,
            "layers": [{"id": layer.id, "files": layer.files} for layer in self.layers],
            **({"moved": self.moved.to_document()} if self.moved else {}),
        }

    @classmethod
    def from_document(cls, document: Document) -> Capture:
        """Reads what :meth:`to_document` returned.

        Args:
            document: the document

        Raises:
            NewerFormatError: if a newer version of this package wrote it
        """
        check_format(document)
        return cls(
            document["_id"],
            document["dataset_id"],
            MediaLevel(document["level"]),
            document["captured_at"],
            document["counts"],
            tuple(Layer(each["id"], each["files"]) for each in document["layers"]),
            document["operation"],
            MovedMedia.from_document(document.get("moved")),
        )


def find(database: Database[Document], snapshot_id: ObjectId) -> Capture | None:
    """Returns what was noted of the media of a snapshot; None if nothing was.

    Args:
        database: the database
        snapshot_id: the snapshot
    """
    document = database[MEDIA].find_one({"_id": snapshot_id})
    return None if document is None else Capture.from_document(document)


def moved(database: Database[Document], record: SnapshotRecord) -> MovedMedia:
    """Returns where the media of a snapshot are, if not where its documents say.

    Args:
        database: the database
        record: the snapshot
    """
    found = find(database, record.id) if record.media_moved else None
    return NOTHING if found is None else found.moved


def newest(database: Database[Document], dataset_id: ObjectId) -> Capture | None:
    """Returns what was noted last of the media of any snapshot of a dataset.

    Args:
        database: the database
        dataset_id: the dataset
    """
    query = {"dataset_id": dataset_id, "layers": {"$exists": True}}
    document = database[MEDIA].find_one(query, sort=[("captured_at", -1), ("_id", -1)])
    return None if document is None else Capture.from_document(document)


def load(database: Database[Document], capture: Capture) -> Listing:
    """Reads what is known of the files.

    Args:
        database: the database
        capture: of which snapshot

    Returns:
        the listing

    Raises:
        DamagedSnapshotError: if it is not what was stored
    """
    ids = [layer.id for layer in capture.layers]
    pieces: dict[ObjectId, list[Document]] = {}
    for piece in database[MEDIA].find({"layer": {"$in": ids}}).sort("number", 1):
        pieces.setdefault(piece["layer"], []).append(piece)
    listing = Listing.empty()
    for layer in capture.layers:
        listing = listing.updated(_joined(pieces.get(layer.id, ()), capture))
    return listing


def _joined(pieces: Iterable[Document], capture: Capture) -> Listing:
    found = list(pieces)
    data = b"".join(piece["data"] for piece in found)
    is_whole = found and len(found) == found[0]["pieces"]
    if is_whole and hashlib.sha256(data).hexdigest() == found[0]["checksum"]:
        try:
            return Listing.from_bytes(data)
        except ValueError:
            pass
    raise DamagedSnapshotError(
        f"What was known of the media of snapshot {capture.snapshot_id} is "
        f"{'damaged' if found else 'missing'}. capture_media() notes what they are now."
    )


def add_layer(
    database: Database[Document],
    dataset_id: ObjectId,
    layer_id: ObjectId,
    base: Capture | None,
    known: Listing,
    listing: Listing,
) -> tuple[Layer, ...]:
    """Stores what is not known yet of some files; nobody sees it until a capture names it.

    Args:
        database: the database
        dataset_id: the dataset
        layer_id: the id of a layer that it may need
        base (None): a capture that may tell most of it
        known: what that tells
        listing: what is to be known

    Returns:
        the layers that tell all of it
    """
    layers: tuple[Layer, ...] = ()
    told = listing
    if base is not None:
        told = known.difference(listing)
        layers = base.layers
        again = sum(layer.files for layer in layers[1:]) + len(told)
        if len(layers) >= _MOST_LAYERS or again > _MOST * len(listing):
            layers, told = (), listing
        elif not len(told):
            return layers
    data = told.to_bytes()
    starts = range(0, len(data), _PIECE_BYTES)
    common = {
        "layer": layer_id,
        "dataset_id": dataset_id,
        "format": FORMAT_VERSION,
        "pieces": len(starts),
        "checksum": hashlib.sha256(data).hexdigest(),
    }
    database[MEDIA].insert_many(
        {**common, "number": number, "data": data[start : start + _PIECE_BYTES]}
        for number, start in enumerate(starts)
    )
    return (*layers, Layer(layer_id, len(told)))


def put(database: Database[Document], capture: Capture) -> None:
    """Makes a snapshot have what was captured, in place of what it had.

    Args:
        database: the database
        capture: what was captured, whose layers are stored

    Raises:
        LeaseLostError: if another process has taken over the dataset
    """
    fence.put(database[MEDIA], capture.to_document(), if_there="replace")


def sweep(database: Database[Document], dataset_id: ObjectId) -> None:
    """Deletes the layers that no snapshot of a dataset names; whoever asks holds its lease.

    Args:
        database: the database
        dataset_id: the dataset
    """
    media = database[MEDIA]
    # In this order: a layer that is listed and is not named now will never be named
    layers = media.distinct("layer", {"dataset_id": dataset_id, "layer": {"$exists": True}})
    if not layers:
        return
    query: Mapping[str, object] = {"dataset_id": dataset_id, "layers": {"$exists": True}}
    named = {layer["id"] for document in fence.read(media, query) for layer in document["layers"]}
    media.delete_many({"layer": {"$in": [each for each in layers if each not in named]}})


def delete(database: Database[Document], snapshot_id: ObjectId, dataset_id: ObjectId) -> None:
    """Deletes what is known of the media of a snapshot; may be repeated.

    Args:
        database: the database
        snapshot_id: the snapshot
        dataset_id: its dataset
    """
    # The same snapshot may have been imported again meanwhile, by others
    fence.delete_found(database[MEDIA], {"_id": snapshot_id})
    sweep(database, dataset_id)


def facts(database: Database[Document]) -> set[str]:
    """Returns what is known of the content of all files of all snapshots.

    Args:
        database: the database

    Raises:
        DamagedSnapshotError: if something is not what was stored
    """
    found: set[str] = set()
    for document in database[MEDIA].find({"layers": {"$exists": True}}):
        capture = Capture.from_document(document)
        if capture.counts["hashed"]:
            # What a layer tells, a later one may tell otherwise
            found.update(load(database, capture).facts)
    return found
