"""Putting documents from several collections together in a wanted order.

MongoDB puts what is inserted at the end, so that a document cannot be put back in its place. So a
snapshot is written anew, from the first document to the last: batches of documents are passed on
as they come from the base, and those that the base has not, or has with other content or
elsewhere, are put in between. Where all that is wanted lies in the base in its order, the base is
copied inside the server instead, and what differs is put over it there.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence
from itertools import islice

import numpy as np
import numpy.typing as npt
from bson.raw_bson import RawBSONDocument
from pymongo.collection import Collection

from ...dataset.parts import Documents, chunks
from ...dataset.together import ids_together
from ...errors import DamagedSnapshotError
from ...manifest.columns import batch_keys
from ...manifest.manifest import Manifest
from ...mongo.database import Document
from ...mongo.writer import Bson, Writer
from ...progress import Progress
from ...rawbson.ids import Ids, Keys, lacking, positions
from .. import collections, scan

_FETCH_DOCUMENTS = 1000

_MOST = 0.25
"""If more than this share of the documents differs, writing all is as quick."""

_BASE = -1
"""Stands for the base among the numbers of the overriding collections."""


def reconstruct(
    base: Collection[Document],
    overrides: Sequence[Collection[Document]],
    wanted: Keys,
    target: Collection[Document],
    progress: Progress,
) -> Manifest:
    """Fills an empty collection with documents of others.

    Args:
        base: the collection that has most of them; may hold others as well
        overrides: collections that come before it, the first before the second, and so on
        wanted: which documents, in which order
        target: the collection to fill
        progress: told how far it is

    Returns:
        what the collection holds now

    Raises:
        DamagedSnapshotError: if some documents are in none of the collections
    """
    places = _Places(base, overrides, wanted)
    if places.are_those_of_base:
        return _put_over(places, target)
    content: list[Manifest] = []
    with Writer(target, lambda batch: content.append(Manifest.of([batch]))) as writer:
        for batch in _in_order(places, progress):
            writer.write(batch)
    return Manifest.joined(content)


def _put_over(places: _Places, target: Collection[Document]) -> Manifest:
    """Copies the base inside the server, and puts over it what differs."""
    content = collections.put(Documents(places.base), target)
    for source, keys in places.overriding():
        collections.merge(target, Documents(source), list(Ids(keys)))
        for ids in chunks(list(Ids(keys))):
            content = content.patched(Manifest.read(Documents(source, {"_id": {"$in": ids}})))
    collections.remove(target, list(Ids(places.unwanted)))
    return content.without(places.unwanted)


def in_order(
    base: Collection[Document],
    overrides: Sequence[Collection[Document]],
    wanted: Keys,
    progress: Progress,
) -> Iterator[Sequence[Bson]]:
    """Reads documents of several collections in a wanted order.

    Args:
        base: the collection that has most of them; may hold others as well
        overrides: collections that come before it, the first before the second, and so on
        wanted: which documents, in which order
        progress: told how far it is

    Yields:
        batches of documents

    Raises:
        DamagedSnapshotError: if some documents are in none of the collections
    """
    yield from _in_order(_Places(base, overrides, wanted), progress)


def _in_order(places: _Places, progress: Progress) -> Iterator[Sequence[Bson]]:
    fetched, total = places.fetched(), max(1, len(places.wanted))
    done = 0
    for batch, here in places.document_batches():
        if len(here) and here[0] == done and here[-1] - here[0] == len(here) - 1:
            # Nothing is to be put in between
            yield batch
            done += len(here)
        else:
            mixed: list[Bson] = []
            for document, place in zip(batch, here.tolist(), strict=True):
                while done < place:
                    before = len(mixed)
                    mixed += islice(fetched, min(place - done, _FETCH_DOCUMENTS))
                    done += len(mixed) - before
                    if len(mixed) >= _FETCH_DOCUMENTS:
                        yield mixed
                        mixed = []
                mixed.append(document)
                done += 1
            yield mixed
        progress(done / total, "Putting documents in order")
    while rest := list(islice(fetched, _FETCH_DOCUMENTS)):
        yield rest


class _Places:
    """Where each wanted document comes from."""

    def __init__(
        self,
        base: Collection[Document],
        overrides: Sequence[Collection[Document]],
        wanted: Keys,
    ) -> None:
        self._collections = [*overrides, base]
        self.base = base
        self.wanted = wanted
        by_id = np.argsort(wanted, kind="stable")
        ordered = wanted[by_id]
        self._source = np.full(len(wanted), _BASE)
        there = {number: Documents(collection) for number, collection in enumerate(overrides)}
        found_there = ids_together(base.database, there) if there else {}
        for number, ids in reversed(found_there.items()):
            known = np.array([id_.binary for id_ in ids], wanted.dtype)
            place, found = positions(ordered, known)
            self._source[by_id[place[found]]] = number

        self._natural = scan.natural(base, ordered)
        sorted_base = np.argsort(self._natural, kind="stable")
        place, found = positions(self._natural[sorted_base], wanted)
        missing = (self._source == _BASE) & ~found
        if missing.any():
            lost = ", ".join(map(str, Ids(wanted[missing][:5])))
            raise DamagedSnapshotError(
                f"{int(missing.sum())} documents are gone from the database, such as {lost}"
            )
        in_base = np.flatnonzero(self._source == _BASE)
        at = sorted_base[place[in_base]] if len(in_base) else in_base
        self.unwanted = lacking(ordered, self._natural)
        streamed = in_base[_longest_increasing(at)]
        # Of each document of the base: where it is wanted, if it can be passed on as it comes
        self._target = np.full(len(self._natural), -1, np.int64)
        if len(streamed):
            self._target[sorted_base[place[streamed]]] = streamed
        self._is_fetched = np.ones(len(wanted), bool)
        self._is_fetched[streamed] = False

    @property
    def are_those_of_base(self) -> bool:
        """Whether all lie in the base as they are wanted, most of them with the same content."""
        count = len(self._natural) - len(self.unwanted)
        differing = np.count_nonzero(self._source != _BASE) + len(self.unwanted)
        if count != len(self.wanted) or differing > _MOST * count:
            return False
        natural = self._natural
        if len(self.unwanted):
            natural = natural[~positions(np.sort(self.unwanted), natural)[1]]
        return np.array_equal(natural, self.wanted)

    def overriding(self) -> Iterator[tuple[Collection[Document], Keys]]:
        """Yields the overriding collections, with the documents that are taken from each."""
        for number in np.unique(self._source[self._source != _BASE]):
            yield self._collections[number], self.wanted[self._source == number]

    def document_batches(self) -> Iterator[tuple[Sequence[Bson], npt.NDArray[np.int64]]]:
        """Yields those documents of the base that are passed on, and where each is wanted."""
        done = 0
        for batch in Documents(self.base).document_batches():
            count = len(batch)
            if not np.array_equal(batch_keys(batch)[0], self._natural[done : done + count]):
                raise DamagedSnapshotError(f"{self.base.name} was changed while it was read")
            target = self._target[done : done + count]
            done += count
            chosen = np.flatnonzero(target >= 0)
            yield batch.views(chosen), target[chosen]

    def fetched(self) -> Iterator[bytes]:
        """Yields the other documents, in the wanted order."""
        numbers = np.flatnonzero(self._is_fetched)
        for start in range(0, len(numbers), _FETCH_DOCUMENTS):
            some = numbers[start : start + _FETCH_DOCUMENTS]
            found: dict[bytes, bytes] = {}
            for source in np.unique(self._source[some]):
                keys = self.wanted[some[self._source[some] == source]]
                found.update(Documents(self._collections[source]).fetch(Ids(keys)))
            for key in Ids(self.wanted[some]).binaries():
                yield found[key]


def _longest_increasing(values: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Returns where the members of a longest increasing subsequence are."""
    if (np.diff(values) > 0).all():
        return np.arange(len(values))
    tails: list[int] = []
    tail_places: list[int] = []
    previous = np.full(len(values), -1)
    for place, value in enumerate(values.tolist()):
        length = bisect_left(tails, value)
        if length:
            previous[place] = tail_places[length - 1]
        if length == len(tails):
            tails.append(value)
            tail_places.append(place)
        else:
            tails[length] = value
            tail_places[length] = place
    found, place = [], tail_places[-1]
    while place >= 0:
        found.append(place)
        place = int(previous[place])
    return np.array(found[::-1], np.int64)


def by_id(documents: Documents, keys: Keys) -> list[RawBSONDocument]:
    """Returns some documents in the order of their keys as given.

    Args:
        documents: where they are
        keys: which ones

    Returns:
        the documents
    """
    found = documents.fetch(Ids(keys))
    return [RawBSONDocument(found[key]) for key in Ids(keys).binaries()]
