"""What a restoration of samples stages: what their documents were, and what they are to be.

Both are complete before anything is changed. Then what still is the one becomes the other, and a
recovery does the same the other way round.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager

import bson
from bson import ObjectId
from pymongo.collection import Collection

from ..dataset import replacing
from ..dataset.parts import Documents, Part, State, chunks
from ..errors import ConcurrentWritesError
from ..manifest.manifest import Manifest
from ..mongo import fence
from ..mongo.collections import owned_collections, staging_name
from ..mongo.database import Document
from ..mongo.writer import Writer
from ..operations.journal import Operation
from ..rawbson.ids import Ids
from . import fields as restore_fields

_SELECTED = "selected"
_WANTED = "wanted."
_REMOVED = "removed."

ADJUNCTS = (Part.FRAMES, Part.TAGS)
"""The parts whose documents belong to one sample, by ``_sample_id``."""
PARTS = (Part.SAMPLES, *ADJUNCTS)


def of_samples(documents: Documents, part: Part, ids: list[ObjectId]) -> Documents:
    """Returns the documents of a part that belong to some samples."""
    key = "_sample_id" if part in ADJUNCTS else "_id"
    return Documents(documents.collection, {**documents.query, key: {"$in": ids}})


class Staging:
    """The collections of one restoration.

    Args:
        running: the operation
    """

    def __init__(self, running: Operation) -> None:
        self._running = running
        self._put: dict[str, Manifest] = {}

    def selected(self) -> list[ObjectId]:
        """Returns the samples that are being restored."""
        return self._staged(_SELECTED).ids()

    def select(self, sample_ids: list[ObjectId]) -> None:
        """Notes the samples that are being restored."""
        for ids in chunks(sample_ids):
            self._staged(_SELECTED).collection.insert_many({"_id": id_} for id_ in ids)

    def keep(self, head: State, parts: Iterable[Part], sample_ids: list[ObjectId]) -> None:
        """Copies aside what will be overwritten.

        Args:
            head: where the dataset's documents are
            parts: the parts to restore
            sample_ids: the samples
        """
        self.select(sample_ids)
        for ids in chunks(sample_ids):
            for part in parts:
                of_samples(head[part], part, ids).merge_into(self._staged(part).collection)

    def keep_changed(self, part: Part, before: Manifest, after: Manifest) -> None:
        """Drops from both what is the same: the trash keeps what an undo will need.

        Args:
            part: the part
            before: what was kept
            after: what it has become
        """
        found = before.compare(after)
        same = before.without(found.deleted_keys).without(found.changed_keys)
        # The wanted ones first: what is wanted and was not kept, a recovery would take for
        # something that the restoration has added, and delete
        for documents in (self._wanted(part), self._staged(part)):
            for ids in chunks(list(Ids(same.keys))):
                documents.collection.delete_many({"_id": {"$in": ids}})

    def want(self, state: State, parts: Iterable[Part], sample_ids: list[ObjectId]) -> None:
        """Makes the documents that some samples have in a state the wanted ones."""
        for part in parts:
            for ids in chunks(sample_ids):
                of_samples(state[part], part, ids).merge_into(self._wanted(part).collection)

    def take(self, part: Part, now: Documents, there: list[ObjectId]) -> None:
        """Copies aside documents that will be changed or deleted.

        Args:
            part: the part
            now: what they are
            there: their ids
        """
        for ids in chunks(there):
            now.merge_into(self._staged(part).collection, ids)

    def take_wanted(self, part: Part, former: Documents, ids: list[ObjectId]) -> None:
        """Makes documents the wanted ones.

        Args:
            part: the part
            former: what they are to be
            ids: their ids
        """
        for some in chunks(ids):
            former.merge_into(self._wanted(part).collection, some)

    @contextmanager
    def putting(self, parts: Iterable[Part]) -> Iterator[Putting]:
        """Stages documents that are known already.

        Args:
            parts: the parts that they are of

        Yields:
            where to put them; all are staged when the context ends without an exception
        """
        named = {part: (self._staged(part), self._wanted(part)) for part in parts}
        with ExitStack() as stack:
            places = {
                part: (stack.enter_context(_Place(former)), stack.enter_context(_Place(wanted)))
                for part, (former, wanted) in named.items()
            }
            selected = stack.enter_context(Writer(self._staged(_SELECTED).collection))
            yield Putting(places, selected)
        for place in (place for pair in places.values() for place in pair):
            self._put[place.name] = place.content()

    def want_fields(
        self,
        captured: State,
        sample_ids: list[ObjectId],
        sample_keys: list[str],
        frame_keys: list[str],
    ) -> None:
        """Sets fields of the wanted documents to what they were.

        Frames that are gone come back with those fields.

        Args:
            captured: where the snapshot's documents are
            sample_ids: the samples
            sample_keys: fields of samples
            frame_keys: fields of frames
        """
        for part, keys in ((Part.SAMPLES, sample_keys), (Part.FRAMES, frame_keys)):
            if not keys or part not in captured:
                continue
            wanted = self._wanted(part)
            if part is Part.FRAMES:
                wanted.collection.create_index("_sample_id")
            for ids in chunks(sample_ids):
                then = of_samples(captured[part], part, ids)
                restore_fields.restore(part, then, of_samples(wanted, part, ids), keys)

    def wanted_ids(self, part: Part) -> list[ObjectId]:
        """Returns the documents of a part that are to be there."""
        return self._wanted(part).ids()

    def exchange(self, target: Collection[Document], part: Part, *, back: bool = False) -> None:
        """Makes what was kept what is wanted, or the other way round; may be repeated.

        Args:
            target: the dataset's collection
            part: the part
            back (False): whether the restoration is undone
        """
        nobody = self._running.id
        former, wanted = self._staged(part), self._wanted(part)
        removed = self._staged(f"{_REMOVED}{part}").collection
        gone: list[ObjectId] = []
        if back:
            former, wanted = wanted, former
            gone = Documents(removed).ids()
            replacing.clear(target, former.ids() + gone, nobody)
        differences = self._content(former).compare(self._content(wanted))
        if back and "wanted" not in self._running.details:
            gone = differences.added
        if not back:
            replacing.note(removed, differences.deleted)
        # These first: they may be in the way of those that come back with another id
        replacing.delete(target, former, differences.deleted, nobody)
        replacing.replace(target, former, wanted, differences.changed, removed, nobody)
        replacing.insert(target, wanted, gone if back else differences.added)

    def check_made(self, found: Mapping[Part, Manifest]) -> None:
        """Makes sure that nobody has written the samples at the same time.

        Args:
            found: what the samples are now

        Raises:
            ConcurrentWritesError: if somebody has
        """
        for part, now in found.items():
            if self._content(self._wanted(part)).compare(now):
                raise ConcurrentWritesError(
                    f"The {part.value} were written to by somebody else while they were restored. "
                    "What was restored is taken back, and what was written stays. Try again."
                )

    def drop(self) -> None:
        """Drops what is staged."""
        database, owner = self._running.database, self._running.id
        for name, description in owned_collections(database, owner).items():
            if name.startswith(staging_name(owner, "")):
                fence.drop(database, name, description)

    def _content(self, staged: Documents) -> Manifest:
        known = self._put.get(staged.collection.name)
        return Manifest.read(staged) if known is None else known

    def _wanted(self, part: Part) -> Documents:
        return self._staged(f"{_WANTED}{part}")

    def _staged(self, name: str) -> Documents:
        return Documents(self._running.database[staging_name(self._running.id, name)])


class Putting:
    """Where documents are put that are known already.

    Args:
        places: of each part, where to put what documents were, and what they are to be
        selected: where to note their samples
    """

    def __init__(self, places: Mapping[Part, tuple[_Place, _Place]], selected: Writer) -> None:
        self._places, self._selected = places, selected

    def select(self, sample_id: ObjectId) -> None:
        """Notes a sample of which documents change, once."""
        self._selected.write([bson.encode({"_id": sample_id})])

    def put(self, part: Part, former: bytes | None, wanted: bytes | None) -> None:
        """Puts a document aside.

        Args:
            part: the part that it is of
            former: what it was; None if it was not there
            wanted: what it is to be; None if it is to be gone
        """
        for place, document in zip(self._places[part], (former, wanted), strict=True):
            if document is not None:
                place.write([document])


class _Place(Writer):
    """A staged collection; what it holds is noted while the server is busy with it."""

    def __init__(self, staged: Documents) -> None:
        self.name = staged.collection.name
        self._read: list[Manifest] = []
        super().__init__(staged.collection, lambda batch: self._read.append(Manifest.of([batch])))

    def content(self) -> Manifest:
        """Returns what was written."""
        return Manifest.joined(self._read)
