"""What lies in the trash, in short: by that it is noticed if somebody has altered it there.

Nobody hashes a large dataset that is being discarded: an undo would take many times as long, see
docs/design/0014-what-the-engine-does.md. So of few documents there is a hash, and of many the
storage engine's count of writes, which tells as much for as long as the server runs and keeps the
collection open. After that, there are their number, and a hash of the first and the last ones.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping
from typing import Any

from bson import MinKey
from pymongo.database import Database
from pymongo.errors import OperationFailure

from ..dataset.parts import Documents
from ..dataset.together import HeldDocuments
from ..manifest.manifest import Manifest
from ..mongo import engine
from ..mongo.counters import COUNTERS, count_in, counters_in
from ..mongo.database import Document, Server
from ..mongo.engine import Fact
from ..mongo.together import Question, ask

# With other numbers than these, what lies in the trash would look altered
_FEW = 1000
"""So many documents of a collection are read, if it has no more."""

_ENDS = 500
"""Of more, so many are read from either end, in the order of their ids."""

_MOST_BYTES = 16 * 1024 * 1024
"""Where they are larger than this, altogether, the rest is not read."""

_NUMBER: list[Document] = [{"$match": {"_id": {"$gte": MinKey()}}}, {"$count": "number"}]
"""Counts documents by the index of their ids: what the server has counted itself may be wrong."""


def seal(
    database: Database[Document], names: Mapping[str, str], then: Document | None = None
) -> Document:
    """Tells what is in collections of which nobody knows how large they are.

    Args:
        database: the database
        names: their names, by what to call them
        then (None): what was told of them before: what is proved by counted writes to be the same
            is not read again

    Returns:
        what can be told of each, to be kept and given to :func:`broken`
    """
    try:
        counts, hashes = _read(database, names, COUNTERS)
    except OperationFailure:
        # Whoever asks may read documents alone
        counts, hashes = _read(database, names, [{"$count": "count"}])
    found: Document = {
        key: {"count": sum(_count(each) for each in counts[key])}
        | ({"hash": hashes[key]} if key in hashes else {})
        for key in names
    }
    many = [key for key in names if "hash" not in ((then or {}).get(key) or found[key])]
    if many or hashes.keys() < found.keys():
        # Of what is not read as a whole, or was not then
        server = Server.of(database)
        is_telling = engine.holds(Fact.COUNTS_NO_READS, database, server)
        for key in found:
            told = _counters(counts[key]) if is_telling else {}
            found[key] |= {"process": server.process} | told
    unproved = [key for key in many if not _is_proved((then or {}).get(key), found[key])]
    for key, told in _look(database, {key: names[key] for key in unproved}).items():
        found[key] |= told
    return found


def broken(then: Document, now: Document) -> list[str]:
    """Names what is not any more what it was.

    Args:
        then: what :func:`seal`, or a hash, told of each collection
        now: the same, later

    Returns:
        what they are called
    """
    return [key for key in {**then, **now} if not _is_same(then.get(key), now.get(key))]


def _is_same(then: Any, now: Any) -> bool:
    if not (isinstance(then, dict) and isinstance(now, dict)):
        return bool(then == now)
    if "hash" in then:
        return bool(then["hash"] == now.get("hash"))
    if _is_proved(then, now):
        return bool(then["count"] == now["count"])
    # After a crash the server's own counts may be wrong, and it counts writes anew
    if then.get("process") == now.get("process") and (
        then["count"] != now["count"] or _is_written(then.get("counters"), now.get("counters"))
    ):
        return False
    # Earlier versions have told neither
    return all(then[key] == now.get(key) for key in ("number", "ends") if key in then)


def _is_proved(then: Document | None, now: Document) -> bool:
    """Returns whether counted writes prove that nothing was written."""
    if then is None or "counters" not in then or then["process"] != now.get("process"):
        return False
    return bool(then["counters"] == now.get("counters"))


def _is_written(then: list[Any] | None, now: list[Any] | None) -> bool:
    if then is None or now is None or then[0] != now[0]:
        return False
    pairs = list(zip(then[1:], now[1:], strict=True))
    # Of a collection that nobody uses for a while, the engine forgets what it has counted
    is_counted_anew = any(after < before for before, after in pairs)
    return not is_counted_anew and any(after > before for before, after in pairs)


def _read(
    database: Database[Document], names: Mapping[str, str], counting: list[Document]
) -> tuple[Mapping[str, Collection[Mapping[str, Any]]], dict[str, str]]:
    """Reads, in one look, what is counted and, of few documents, their content."""
    counts: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    found: dict[str, list[bytes]] = {key: [] for key in names}
    limit: list[Document] = [{"$limit": _FEW + 1}]
    questions: dict[tuple[str, bool], Question] = {
        **{(key, False): (name, counting) for key, name in names.items()},
        **{(key, True): (name, limit) for key, name in names.items()},
    }
    complete = list(names)
    size = 0
    for (key, is_content), document in ask(database, questions):
        if not is_content:
            counts[key].append(document)
            continue
        found[key].append(document.raw)
        size += len(document.raw)
        if size > _MOST_BYTES:
            del complete[complete.index(key) :]
            break
    # The server's own count of them may be wrong, after a crash of it
    few = [key for key in complete if len(found[key]) <= _FEW]
    return counts, {key: _hash(Documents(database[names[key]]), found[key]) for key in few}


def _look(database: Database[Document], names: Mapping[str, str]) -> dict[str, Document]:
    """Counts documents, and reads the first and the last ones."""
    looks: dict[str, list[Document]] = {
        "number": _NUMBER,
        "first": [{"$sort": {"_id": 1}}, {"$limit": _ENDS}],
        "last": [{"$sort": {"_id": -1}}, {"$limit": _ENDS}],
    }
    # All numbers before all documents, as there may be too much of these
    questions = {
        (key, look): (name, looks[look])
        for looked in (["number"], ["first", "last"])
        for key, name in names.items()
        for look in looked
    }
    told: dict[str, Document] = {key: {"number": 0} for key in names}
    read: dict[str, list[bytes]] = {key: [] for key in names}
    size = 0
    for (key, look), document in ask(database, questions) if names else ():
        if look == "number":
            told[key] = {"number": document["number"]}
            continue
        read[key].append(document.raw)
        size += len(document.raw)
        if size > _MOST_BYTES:
            for cut in list(names)[list(names).index(key) :]:
                del read[cut]
            break
    for key, held in read.items():
        told[key]["ends"] = _hash(Documents(database[names[key]]), held)
    return told


def _hash(documents: Documents, held: list[bytes]) -> str:
    read = HeldDocuments(documents.collection, documents.query, held)
    return Manifest.read(read).fingerprint()


def _count(found: Mapping[str, Any]) -> int:
    return int(found["count"]) if "count" in found else count_in(found)


def _counters(found: Collection[Mapping[str, Any]]) -> Document:
    """Returns the count of writes, where one server has the whole collection."""
    told = [counters_in(each) for each in found if "storageStats" in each]
    return {"counters": list(told[0])} if len(told) == 1 and told[0] is not None else {}
