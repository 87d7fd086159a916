"""What this process has opened: opening it again takes one look, if all is as it was.

A look reads whatever a projection consists of, and the first document through each of its views.
A snapshot that was taken away elsewhere, or is not held ready any more, has no such views, or
views that fail.
"""

from __future__ import annotations

import hashlib
import time
from collections import OrderedDict
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import bson
import fiftyone.constants as foc
import fiftyone.core.dataset as fod
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import OperationFailure

from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset import generated, instances
from ..dataset.parts import Part, State
from ..mongo.collections import CATALOG, JOURNAL, view_name
from ..mongo.database import Document
from ..mongo.together import Question, ask
from ..operations.entry import UNFINISHED
from .found import Found

_FRESH_SECONDS = 60
"""How long it goes without being noted that a snapshot is in use, by which those that are held
ready are chosen."""

_REMEMBERED = 100

_UNMARKED = "unmarked"


@dataclass(frozen=True)
class Look:
    """What there is of a projection."""

    record: SnapshotRecord | None
    """What the catalog says of the snapshot now."""
    is_unfinished: bool
    """Whether operations on its dataset have not ended."""
    document: Document | None
    """The projection's dataset document."""
    fingerprint: str | None
    """Of all that it consists of; None if a part of it cannot be read."""
    has_unmarked: bool = False
    """Whether others have generated datasets from it, see :func:`.generated.remove_unmarked`."""

    @property
    def is_current(self) -> bool:
        """Whether FiftyOne need not bring it up to its own version."""
        return self.document is not None and self.document.get("version") == foc.VERSION


@dataclass(frozen=True)
class _Opened:
    name: str
    called: tuple[str, str]
    """The names that dataset and snapshot had."""
    state: State
    fingerprint: str
    content: str
    """Of the object, see :func:`.instances.content`."""
    at: float


_opened: OrderedDict[Hashable, _Opened] = OrderedDict()


def look(database: Database[Document], record: SnapshotRecord, state: State) -> Look:
    """Looks at a projection.

    Args:
        database: the database
        record: the snapshot
        state: where its documents are

    Returns:
        what there is
    """
    places = Found.places(database, record, state)
    questions: dict[Hashable, Question] = {
        key: (documents.collection.name, [{"$match": dict(documents.query)}])
        for key, documents in places.items()
    }
    first: list[Document] = [{"$limit": 1}, {"$project": {"_id": 1}}]
    views = [part for part in (Part.SAMPLES, Part.FRAMES) if part in state]
    questions.update({part: (view_name(record.id, part), first) for part in views})
    questions["results"] = "fs.files", _counting(record)
    questions[CATALOG] = CATALOG, [{"$match": {"_id": record.id}}]
    unfinished = {"dataset_id": record.dataset_id, "state": {"$in": UNFINISHED}}
    questions[JOURNAL] = JOURNAL, [{"$match": unfinished}, *first]
    questions[_UNMARKED] = "datasets", [{"$match": generated.unmarked(record.id)}, *first]
    found: dict[Hashable, list[Any]] = {key: [] for key in questions}
    try:
        for key, document in ask(database, questions):
            found[key].append(document)
    except OperationFailure:
        # A view was closed
        return Look(Catalog(database).by_id(record.id), False, None, None)
    is_unfinished, has_unmarked = bool(found.pop(JOURNAL)), bool(found.pop(_UNMARKED))
    records = [bson.decode(each.raw, database.codec_options) for each in found.pop(CATALOG)]
    present = found[True, Part.DATASET]
    return Look(
        SnapshotRecord.from_document(records[0]) if records else None,
        is_unfinished,
        bson.decode(present[0].raw, database.codec_options) if present else None,
        _fingerprint(found) if views and all(found[part] for part in views) else None,
        has_unmarked,
    )


def remember(
    database: Database[Document],
    record: SnapshotRecord,
    dataset_name: str,
    state: State,
    loaded: fod.Dataset,
    seen: Look,
) -> None:
    """Remembers what was opened.

    Args:
        database: the database
        record: the snapshot
        dataset_name: the name of its dataset
        state: where its documents are
        loaded: the snapshot as FiftyOne has loaded it
        seen: what there was then
    """
    key = _key(database, record)
    _opened.pop(key, None)
    if seen.fingerprint is not None:
        content = instances.content(loaded)
        called, now = (dataset_name, record.name), time.monotonic()
        _opened[key] = _Opened(loaded.name, called, state, seen.fingerprint, content, now)
    while len(_opened) > _REMEMBERED:
        _opened.popitem(last=False)


def again(
    database: Database[Document], record: SnapshotRecord, dataset_name: str
) -> fod.Dataset | None:
    """Returns what was opened, if it is still there as it was.

    Args:
        database: the database
        record: the snapshot
        dataset_name: the name of its dataset

    Returns:
        the snapshot as FiftyOne has loaded it, or None if it is to be opened
    """
    former = _opened.get(_key(database, record))
    if former is None or time.monotonic() - former.at > _FRESH_SECONDS:
        return None
    if former.called != (dataset_name, record.name):
        # It is to be loaded under another name
        return None
    loaded = instances.unedited(former.name, record.id, former.content)
    if loaded is None:
        return None
    now = look(database, record, former.state)
    if now.record is None or now.record.archive is not None or now.is_unfinished:
        return None
    return loaded if now.fingerprint == former.fingerprint else None


_looked_at: ContextVar[ObjectId | None] = ContextVar("looked_at", default=None)


@contextmanager
def looked_at(snapshot_id: ObjectId) -> Iterator[None]:
    """Spares FiftyOne from looking whether a projection is there, and of its own version.

    Args:
        snapshot_id: the snapshot; whoever says so has just looked

    Returns:
        a context manager
    """
    token = _looked_at.set(snapshot_id)
    try:
        yield
    finally:
        _looked_at.reset(token)


def looking_at() -> ObjectId | None:
    """Returns the snapshot whose projection was just looked at, if one is being loaded."""
    return _looked_at.get()


def _key(database: Database[Document], record: SnapshotRecord) -> Hashable:
    return id(database.client), database.name, record.id


def _counting(record: SnapshotRecord) -> list[Document]:
    """Returns what yields the projection's results, each with the number of its pieces."""
    return [
        {"$match": {"snapshot_id": record.id}},
        {
            "$lookup": {
                "from": "fs.chunks",
                "localField": "_id",
                "foreignField": "files_id",
                "pipeline": [{"$count": "number"}],
                "as": "pieces",
            }
        },
    ]


def _fingerprint(found: dict[Hashable, list[Any]]) -> str:
    digest = hashlib.sha256()
    for key, documents in found.items():
        digest.update(repr(key).encode())
        # Their order says nothing
        for raw in sorted(each.raw for each in documents):
            digest.update(raw)
    return digest.hexdigest()
