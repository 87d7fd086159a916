"""The collections a snapshot is captured from, and what will tell whether they were written to."""

from __future__ import annotations

from pymongo.collection import Collection
from pymongo.database import Database

from ...dataset.parts import Part
from ...mongo.database import Document, Server
from ...mongo.gate import Workers
from .chain import Link
from .collection_token import CollectionToken
from .high_water import HighWaterMark


class Origins:
    """What is noted of a dataset's collections while a snapshot of it is captured.

    Args:
        database: the database
        previous: the newest snapshot, if there is one
    """

    def __init__(self, database: Database[Document], previous: Link | None) -> None:
        self._database = database
        self._previous = previous
        self.names: dict[Part, str] = {}
        self.change_tokens: dict[Part, CollectionToken] = {}
        self.marks: dict[Part, HighWaterMark] = {}

    def note(self, part: Part, collection: Collection[Document]) -> bool:
        """Notes what will tell the next capture what became of a collection since now.

        Args:
            part: samples or frames
            collection: where they are

        Returns:
            whether it is certain that nothing was written since the newest snapshot
        """
        self.names[part] = collection.name
        # Of a former attempt
        self.marks.pop(part, None)
        self.change_tokens.pop(part, None)
        server = Server.of(self._database)
        with Workers(max_workers=1) as pool:
            marked = pool.submit(HighWaterMark.of, collection, server)
            now, is_quiet = CollectionToken.settled(collection, server)
            mark = marked.result()
        if mark is not None:
            self.marks[part] = mark
        if now is not None and is_quiet:
            self.change_tokens[part] = now
        return self._proves_no_write(part, now)

    def check(self) -> None:
        """Forgets the change tokens of parts that were written to while they were captured."""
        for part, before in list(self.change_tokens.items()):
            source = self._database[self.names[part]]
            if not before.proves_no_write(CollectionToken.of_collection(source)):
                del self.change_tokens[part]

    def are_as_before(self, part: Part, collection: Collection[Document]) -> bool:
        """Returns whether it is certain that nothing was written since the newest snapshot."""
        if self._previous is None or part not in self._previous.change_tokens:
            return False
        return self._proves_no_write(part, CollectionToken.of_collection(collection))

    def _proves_no_write(self, part: Part, now: CollectionToken | None) -> bool:
        former = None if self._previous is None else self._previous.change_tokens.get(part)
        return former is not None and former.proves_no_write(now)
