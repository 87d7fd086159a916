"""Looking documents of a snapshot up without materialising it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, TypeVar

import bson
import numpy as np
from bson import ObjectId
from pymongo.database import Database

from ...dataset.parts import Documents, Part
from ...dataset.sample_state import by_number
from ...manifest import store as manifest_store
from ...manifest.cache import CachedPart
from ...manifest.manifest import Manifest
from ...mongo.database import Document
from ...progress import silent
from ...rawbson import equality, layout
from ...rawbson.ids import DTYPE, Ids, Keys, common, positions
from .. import scan
from . import chains, order
from .chain import Chain
from .places import Places
from .reconstruct import in_order
from .steady import BaseIsPatchedError, steadily

T = TypeVar("T")

_VALUES_DOCUMENTS = 5000


class VirtualSource:
    """Samples or frames of a snapshot, wherever they are.

    Args:
        database: the database
        dataset_id: the dataset
        snapshot_id: the snapshot
        part: samples or frames
        known (None): what is known of the part already
        is_canonical (False): whether to leave out what is only held ready to be opened
        chain (None): the chain, if it was just read
    """

    def __init__(
        self,
        database: Database[Document],
        dataset_id: ObjectId,
        snapshot_id: ObjectId,
        part: Part,
        known: CachedPart | None = None,
        *,
        is_canonical: bool = False,
        chain: Chain | None = None,
    ) -> None:
        self._known = known
        self._chain = chain
        """By which documents were found the last time."""
        self._is_canonical = is_canonical
        self._database = database
        self._dataset_id = dataset_id
        self._snapshot_id = snapshot_id
        self._part = part

    def fetch(self, ids: Iterable[ObjectId]) -> dict[bytes, bytes]:
        """Reads those of some documents that exist, as BSON, by the bytes of their ids."""
        wanted = common(self._manifest.keys, np.unique(Ids.of(ids).keys))
        documents = {} if self._known is None else self._known.documents
        known = {key: documents[key] for key in Ids(wanted).binaries() if key in documents}
        if len(known) == len(wanted):
            return known
        rest = wanted[~np.isin(wanted, np.array(list(known), DTYPE))]

        def look(places: Places) -> dict[bytes, bytes]:
            found = dict(known)
            left = rest
            for collection in places.all():
                if not len(left):
                    break
                here = Documents(collection).fetch(Ids(left))
                found.update(here)
                left = left[~np.isin(left, np.array(list(here), DTYPE))]
            return found

        return self.steadily(look)

    def decoded(self, ids: list[ObjectId] | None = None) -> Iterator[Document]:
        """Yields some documents, or all."""
        keys = self._manifest.keys if ids is None else np.unique(Ids.of(ids).keys)
        for start in range(0, len(keys), _VALUES_DOCUMENTS):
            for document in self.fetch(Ids(keys[start : start + _VALUES_DOCUMENTS])).values():
                yield bson.decode(document, self._database.codec_options)

    def of_sample(self, sample_id: ObjectId) -> dict[bytes, bytes]:
        """Reads the frames of a sample, in the order of their numbers."""
        return by_number(self.fetch(self.search({"_sample_id": sample_id})))

    def mentioning(self, paths: list[str], id_: ObjectId) -> bytes | None:
        """Returns a document that has an id in one of some places, or None."""
        found = self.fetch(self.search({"$or": [{path: id_} for path in paths]})[:1])
        return next(iter(found.values()), None)

    def batches(self) -> Iterator[bytes]:
        """Yields all documents in natural order; the caller holds the dataset's lease."""
        chain = self._load()
        places = self._places(chain)
        wanted = self._natural(chain, places)
        for batch in in_order(places.base, places.pre_images, wanted, silent):
            yield b"".join(batch)

    def _natural(self, chain: Chain, places: Places) -> Keys:
        if chain.get(self._snapshot_id).is_apart:
            # It is never patched, so how its documents lie is told by nothing else
            natural = scan.natural(places.base, self._manifest.keys)
            if np.array_equal(np.sort(natural), self._manifest.keys):
                return natural
        return order.load(self._database, self._snapshot_id, self._part, self._manifest)

    def search(self, query: Mapping[str, Any]) -> list[ObjectId]:
        """Returns the ids of the documents that fit a query."""

        def look(places: Places) -> list[ObjectId]:
            found: list[ObjectId] = []
            passed: list[Keys] = []
            for number, collection in enumerate(places.all()):
                here = Ids.of(Documents(collection).search(query)).keys
                # What an earlier collection has counts, whether or not that fits
                for earlier in passed:
                    here = here[~positions(earlier, here)[1]]
                found += Ids(common(self._manifest.keys, here))
                if number < len(places.pre_images):
                    passed.append(np.sort(Ids.of(Documents(collection).ids()).keys))
            return found

        return self.steadily(look)

    def values(self, names: list[str]) -> Iterator[Document]:
        """Yields some fields of every document."""
        keys = self._manifest.keys
        # As a whole, if something within is wanted
        top = dict.fromkeys(name.partition(".")[0] for name in names)
        for start in range(0, len(keys), _VALUES_DOCUMENTS):
            for document in self.fetch(Ids(keys[start : start + _VALUES_DOCUMENTS])).values():
                fields = layout.fields(document)
                yield {name: equality.decode(fields.get(name)) for name in top}

    def aggregate(self, pipeline: list[Document]) -> list[Document] | None:
        """Runs a pipeline in the server; None if the documents do not lie in one collection."""

        def look(places: Places) -> list[Document] | None:
            return Documents(places.base).aggregate(pipeline) if places.is_own_copy else None

        return self.steadily(look)

    def steadily(self, look: Callable[[Places], T]) -> T:
        """Looks at collections none of which changes meanwhile.

        Args:
            look: what to do; may be called again

        Returns:
            what it returned

        Raises:
            DatasetBusyError: if a snapshot is being created all the time
        """

        def look_at(chain: Chain) -> T:
            places = self._places(chain)
            if not places.is_steady:
                raise BaseIsPatchedError
            return look(places)

        found, self._chain = steadily(
            self._database, self._dataset_id, self._snapshot_id, look_at, self._chain
        )
        return found

    def _load(self) -> Chain:
        return chains.load(self._database, self._dataset_id)

    def _places(self, chain: Chain) -> Places:
        if self._is_canonical:
            chain = chain.releasing(chain.links)
        return Places.of(self._database, chain, chain.get(self._snapshot_id), self._part)

    @cached_property
    def _manifest(self) -> Manifest:
        if self._known is not None:
            return self._known.manifest
        return manifest_store.load(self._database, self._snapshot_id, self._part)
