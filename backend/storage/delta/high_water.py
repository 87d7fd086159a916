"""What was inserted into a collection since a moment, told by the storage engine's record numbers.

A document gets the next number when it is inserted and keeps it until it is deleted. So those with
higher numbers than any had at a moment are the ones that were inserted after it, or put back, and
they are the last in natural order.

Numbers are taken before documents become visible. Whoever inserts at that very moment may still
come with a lower one; such a document was not there at the moment, which whoever knows what was
there can tell. After a restart, a server goes on from the highest number that is left, and so may
give numbers twice. On a replica set each member has its own: there no marks are made.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass

from pymongo import DESCENDING
from pymongo.collection import Collection
from typing_extensions import Self

from ...mongo import engine
from ...mongo.database import Document, Server, server_process
from ...mongo.engine import Fact
from ...rawbson.ids import Keys
from .. import scan


@dataclass(frozen=True)
class HighWaterMark:
    """How far the record numbers of a collection had come at a moment."""

    process: str
    """Of the server."""
    collection: str
    """MongoDB's id of the collection; one that is made again under the same name has another."""
    number: int

    @classmethod
    def of(cls, collection: Collection[Document], server: Server) -> Self | None:
        """Looks at a collection.

        Args:
            collection: the collection
            server: what the server has just said of itself

        Returns:
            the mark, or None if there is no collection, or no telling later what was inserted
        """
        database = collection.database
        found = _id_of(collection)
        if server.process is None or found is None or server.is_replicated:
            return None
        if not engine.holds(Fact.KEEPS_ORDER, database, server):
            return None
        last = collection.find_one(
            {}, {"_id": 1}, sort=[("$natural", DESCENDING)], show_record_id=True
        )
        return cls(str(server.process), found, 0 if last is None else last["$recordId"])

    def inserted_since(self, collection: Collection[Document]) -> Keys | None:
        """Returns what was inserted since the moment and still is there.

        Args:
            collection: the collection, under the name that it had

        Returns:
            the ids, in natural order, or None if there is no telling
        """
        process, found = server_process(collection.database), _id_of(collection)
        if (str(process), found) != (self.process, self.collection):
            return None
        return scan.after(collection, self.number)

    def to_document(self) -> Document:
        """Returns this as stored in the database."""
        return asdict(self)

    @classmethod
    def from_document(cls, document: Document) -> Self:
        """Reads what :meth:`to_document` wrote."""
        return cls(**document)


def _id_of(collection: Collection[Document]) -> str | None:
    found = collection.database.list_collections(filter={"name": collection.name})
    return next((str(each["info"]["uuid"]) for each in found), None)
