"""What a restoration of samples stages: what their documents were, and what they are to be.

Both are complete before anything is changed. Then what still is the one becomes the other, and a
recovery does the same the other way round.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from bson import ObjectId
from pymongo.collection import Collection

from . import replacing
from .contents import Documents, Part, State, chunks
from .database import Document
from .errors import ConcurrentWritesError
from .journal import Operation
from .manifest import Manifest
from .namespaces import staging_name

_SELECTED = "selected"
_WANTED = "wanted."
_REMOVED = "removed."

_ADJUNCTS = (Part.FRAMES, Part.TAGS)
"""The parts whose documents belong to one sample, by ``_sample_id``."""
PARTS = (Part.SAMPLES, *_ADJUNCTS)

_FRAME_IDENTITY = ("_id", "_sample_id", "frame_number", "_dataset_id", "created_at")


def of_samples(documents: Documents, part: Part, ids: list[ObjectId]) -> Documents:
    """Returns the documents of a part that belong to some samples."""
    key = "_sample_id" if part in _ADJUNCTS else "_id"
    return Documents(documents.collection, {**documents.query, key: {"$in": ids}})


class Staging:
    """The collections of one restoration.

    Args:
        running: the operation
    """

    def __init__(self, running: Operation) -> None:
        self._running = running

    def selected(self) -> list[ObjectId]:
        """Returns the samples that are being restored."""
        return self._staged(_SELECTED).ids()

    def keep(self, head: State, parts: Iterable[Part], sample_ids: list[ObjectId]) -> None:
        """Copies aside what will be overwritten.

        Args:
            head: where the dataset's documents are
            parts: the parts to restore
            sample_ids: the samples
        """
        for ids in chunks(sample_ids):
            self._staged(_SELECTED).collection.insert_many({"_id": id_} for id_ in ids)
            for part in parts:
                of_samples(head[part], part, ids).merge_into(self._staged(part).collection)

    def want(self, state: State, parts: Iterable[Part], sample_ids: list[ObjectId]) -> None:
        """Makes the documents that some samples have in a state the wanted ones."""
        for part in parts:
            for ids in chunks(sample_ids):
                of_samples(state[part], part, ids).merge_into(self._wanted(part).collection)

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
        work = [
            (Part.SAMPLES, sample_keys, ["_id"], "discard"),
            # A frame that was deleted and made again has another id, but is the same frame
            (Part.FRAMES, frame_keys, ["_sample_id", "frame_number"], "insert"),
        ]
        for part, keys, match_on, if_gone in work:
            if not keys or part not in captured:
                continue
            wanted = self._wanted(part).collection
            if part is Part.FRAMES:
                wanted.create_index([(key, 1) for key in match_on], unique=True)
            identity = dict.fromkeys((*_FRAME_IDENTITY, *match_on), 1)
            merge = {
                "into": wanted.name,
                "on": match_on,
                "whenMatched": _set_fields(keys),
                "whenNotMatched": if_gone,
            }
            for ids in chunks(sample_ids):
                source = of_samples(captured[part], part, ids)
                source.collection.aggregate(
                    [
                        {"$match": dict(source.query)},
                        {"$project": {**identity, **dict.fromkeys(keys, 1)}},
                        {"$set": {"last_modified_at": "$$NOW"}},
                        {"$merge": merge},
                    ],
                    allowDiskUse=True,
                )

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
        differences = Manifest.read(former).compare(Manifest.read(wanted))
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
            if Manifest.read(self._wanted(part)).compare(now):
                raise ConcurrentWritesError(
                    f"The {part.value} were written to by somebody else while they were restored. "
                    "What was restored is taken back, and what was written stays. Try again."
                )

    def _wanted(self, part: Part) -> Documents:
        return self._staged(f"{_WANTED}{part}")

    def _staged(self, name: str) -> Documents:
        return Documents(self._running.database[staging_name(self._running.id, name)])


def _set_fields(keys: Sequence[str]) -> list[Document]:
    """Returns what sets fields and, if one of them differs, moves the timestamp."""
    differs = [{"$ne": [f"${key}", f"$$new.{key}"]} for key in keys]
    stamp = {"$cond": [{"$or": differs}, "$$new.last_modified_at", "$last_modified_at"]}
    # A field that the snapshot's document lacks goes, and null stays null
    values = {
        key: {
            "$cond": [{"$eq": [{"$type": f"$$new.{key}"}, "missing"]}, "$$REMOVE", f"$$new.{key}"]
        }
        for key in keys
    }
    return [{"$set": {"last_modified_at": stamp}}, {"$set": values}]
