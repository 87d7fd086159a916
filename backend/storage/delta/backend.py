"""The backend itself: the contract of :class:`..base.Backend`, fulfilled by the modules here."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar

import bson
from bson import ObjectId
from pymongo.collection import Collection
from pymongo.errors import OperationFailure

from ... import faults
from ...catalog.catalog import Catalog
from ...catalog.record import SnapshotRecord
from ...dataset.parts import Documents, Head, Part, Source, State
from ...dataset.sample_state import SampleState
from ...manifest import as_captured
from ...manifest import store as manifest_store
from ...manifest.cache import CachedPart
from ...manifest.manifest import Manifest
from ...mongo.collections import delta_collections, delta_name
from ...mongo.database import Document, data_size, is_forbidden, server_time
from ...mongo.gate import Workers
from ...progress import Progress, silent
from .. import collections
from ..base import Backend, Beside, Captured
from ..consistent_copy import capture
from ..existing import damaged, existing
from . import cache, chains
from .beside import can_rest_on, ingest_after, ingest_before
from .capture import DeltaTarget
from .chain import Chain, Link
from .compact import compact
from .discard import discard
from .following import follow
from .gc import collect_garbage, unnamed
from .ingest import ingest_apart, ingest_first, ingest_newest
from .materialise import materialise, write
from .read import read
from .source import VirtualSource

logger = logging.getLogger(__name__)


class DeltaBackend(Backend):
    """Keeps a full copy of the newest snapshot, and of older ones what later ones have not."""

    name: ClassVar[str] = "delta"
    stores_changes: ClassVar[bool] = True

    def capture(
        self,
        record: SnapshotRecord,
        head: Head,
        progress: Progress = silent,
        *,
        trust_timestamps: bool = False,
    ) -> Captured:
        """Writes what changed since the newest snapshot."""
        self._begin(record)
        target = DeltaTarget(
            self.database, record.dataset_id, record.id, trust_timestamps=trust_timestamps
        )
        moment = capture(head, target, progress)
        with Workers(max_workers=1) as pool:
            indexes = pool.submit(collections.list_indexes, moment.change_token.state)
            target.complete(moment.manifests, is_still=moment.is_still, is_new=True)
        faults.reach("create.linked")
        # What nobody needs any more goes when the snapshot is complete, see tidy()
        cache.evict(self.database, record.dataset_id)
        storage = _storage(indexes.result())
        if target.equals_previous:
            logger.info("Snapshot '%s' equals the one before it: nothing was written", record.name)
            storage["equals_previous"] = True
        return Captured(moment.manifests, storage, target.known, target.base, **moment.facts())

    def ingest(
        self,
        record: SnapshotRecord,
        staged: State,
        indexes: Mapping[Part, list[Document]],
        progress: Progress = silent,
    ) -> dict[str, Any]:
        """Takes a state in as the newest snapshot's next one, or keeps it as a full copy."""
        chain = chains.known(self.database, record.dataset_id)
        link = chain.find(record.id)
        if link is None or not link.is_complete:
            if self._has_later(chain, record):
                ingest_apart(self.database, record, staged)
            else:
                chain = self._begin(record)
                is_first = chain.before(chain.get(record.id)) is None
                (ingest_first if is_first else ingest_newest)(self.database, record, staged)
                cache.evict(self.database, record.dataset_id)
        for documents in staged.values():
            documents.collection.drop()
        collect_garbage(self.database, record.dataset_id)
        return _storage(indexes)

    def takes_in_beside(self, record: SnapshotRecord, *, is_earlier: bool) -> bool:
        """Returns whether a snapshot is at an end of the chain."""
        chain = chains.known(self.database, record.dataset_id)
        return can_rest_on(chain, record, is_earlier=is_earlier)

    def ingest_beside(
        self,
        record: SnapshotRecord,
        beside: Beside,
        staged: State,
        manifests: Mapping[Part, Manifest],
        indexes: Mapping[Part, list[Document]],
    ) -> dict[str, Any]:
        """Adds a state to an end of the chain, as what differs from the snapshot there."""
        if beside.is_earlier:
            self._begin(record)
            ingest_after(self.database, record, beside, staged, manifests)
        else:
            ingest_before(self.database, record, beside, staged, manifests)
        for documents in staged.values():
            documents.collection.drop()
        cache.evict(self.database, record.dataset_id)
        collect_garbage(self.database, record.dataset_id)
        return _storage(indexes)

    def is_materialised(self, record: SnapshotRecord) -> bool:
        """Returns whether there are full copies of the samples and frames."""
        chain = chains.known(self.database, record.dataset_id)
        return _is_materialised(chain, chain.get(record.id))

    def ready(self, record: SnapshotRecord) -> State | None:
        """Returns where the full copies are, which nobody changes from now on."""
        return self._open(record, {})

    def _open(self, record: SnapshotRecord, made: Mapping[Part, ObjectId]) -> State | None:
        """Notes that full copies are used, and which of them were just made."""
        # Whoever loads it has just noted when
        now = record.last_loaded_at or server_time(self.database)

        def open_(chain: Chain) -> Chain | None:
            for part, token in made.items():
                chain = chain.with_link(chain.get(record.id).with_part(part, full_copy=token))
            link = chain.get(record.id)
            full_copies = [chain.full_copy(link, part) for part in _own_parts(link)]
            if None in full_copies:
                return None
            times = dict.fromkeys((copy for copy in full_copies if copy is not None), now)
            return replace(chain, opened={**chain.opened, **times})

        try:
            chain = chains.change(self.database, record.dataset_id, open_)
        except OperationFailure as error:
            # Who may only read can rely on what others have opened
            chain = open_(chains.load(self.database, record.dataset_id))
            known = chains.load(self.database, record.dataset_id).opened
            if not is_forbidden(error) or (chain is not None and chain.opened.keys() - known):
                raise
        return None if chain is None else self._state(chain, record)

    def state(self, record: SnapshotRecord, progress: Progress = silent) -> State:
        """Makes full copies of the samples and frames, where there are none."""
        chain = chains.known(self.database, record.dataset_id)
        link = chain.get(record.id)
        made: dict[Part, ObjectId] = {}
        for part in _own_parts(link):
            if chain.full_copy(link, part) is None:
                expected = manifest_store.load(self.database, record.id, part)
                made[part], content = materialise(
                    self.database, chain, link, part, progress, expected
                )
                as_captured.compare(record, part, expected, content, "It was not opened.")
                faults.reach(f"delta.materialised_{part.value}")
        state = self._open(record, made)
        assert state is not None, "the caller holds the dataset's lease"
        cache.evict(self.database, record.dataset_id, record.id)
        collect_garbage(self.database, record.dataset_id)
        return state

    def related(self, record: SnapshotRecord) -> State:
        """Returns where the small parts are."""
        chain = chains.known(self.database, record.dataset_id)
        return self._existing(chain, record, own=False, strict=True)

    def remains(self, record: SnapshotRecord) -> State:
        """Returns where those of the small parts are that are left."""
        chain = chains.known(self.database, record.dataset_id)
        return self._existing(chain, record, own=False, strict=False)

    def source(
        self, record: SnapshotRecord, part: Part, known: CachedPart | None = None
    ) -> Source | None:
        """Returns what looks documents up in the pre-images and the newest full copy."""
        chain = chains.known(self.database, record.dataset_id)
        if part not in chain.get(record.id).parts:
            return None
        return VirtualSource(self.database, record.dataset_id, record.id, part, known, chain=chain)

    def sample_states(
        self, records: Sequence[SnapshotRecord], sample_id: ObjectId
    ) -> Iterator[SampleState]:
        """Asks all pre-images, and the full copies below them, at once."""
        return follow(self.database, records, sample_id)

    def read(
        self, record: SnapshotRecord, part: Part, progress: Progress = silent
    ) -> list[Manifest]:
        """Reads the pre-images and the full copy below them, and the snapshot's own full copy."""
        return read(self.database, record.dataset_id, record.id, part)

    def restore(
        self, record: SnapshotRecord, part: Part, target: Collection[Document]
    ) -> Manifest:
        """Copies a full copy inside the server, or puts the documents together in the target."""
        chain = chains.known(self.database, record.dataset_id)
        link = chain.get(record.id)
        full_copy = chain.full_copy(link, part)
        if full_copy is not None:
            source = self.database[delta_name(record.dataset_id, full_copy, part)]
            return collections.put(Documents(source), target)
        target.delete_many({})
        return write(self.database, chain, link, part, target)

    def indexes(self, record: SnapshotRecord, part: Part) -> list[Document]:
        """Returns the indexes that were captured."""
        stored = record.storage["indexes"].get(part.value, [])
        return [bson.decode(index) for index in stored]

    def size_bytes(self, record: SnapshotRecord) -> int:
        """Returns the size of what the snapshot stands for, wherever its documents are."""
        chain = chains.known(self.database, record.dataset_id)
        link = chain.get(record.id)
        if not _is_materialised(chain, link):
            return record.size_bytes
        names = [
            delta_name(chain.dataset_id, token, part)
            for part in link.parts
            if (token := chain.full_copy(link, part)) is not None
        ]
        return data_size(self.database, names)

    def discard(self, snapshot_id: ObjectId) -> None:
        """Takes the snapshot out of the chain."""
        discard(self.database, snapshot_id)

    def tidy(self, dataset_id: ObjectId) -> None:
        """Drops what belongs to nothing, and compacts manifests."""
        collect_garbage(self.database, dataset_id)
        compact(self.database, dataset_id)

    def left_behind(self) -> dict[ObjectId, int]:
        """Looks for collections that no chain names."""
        return unnamed(self.database)

    def _has_later(self, chain: Chain, record: SnapshotRecord) -> bool:
        """Returns whether the chain has snapshots that come after one, which may be new to it."""
        others = [link.id for link in chain.links if not link.is_apart and link.id != record.id]
        # The links do not know when an import has moved the snapshots after it on
        records = filter(None, map(Catalog(self.database).by_id, others))
        return any(other.sequence > record.sequence for other in records)

    def _begin(self, record: SnapshotRecord) -> Chain:
        """Adds a link for a new snapshot, so that whatever follows can be undone."""
        if chains.taken(self.database, record.dataset_id).find(record.id) is not None:
            discard(self.database, record.id)
        collect_garbage(self.database, record.dataset_id)
        link = Link(record.id, record.sequence)
        chain = chains.change(
            self.database, record.dataset_id, lambda chain: chain.with_link(link)
        )
        assert chain is not None, "a chain with a link is written"
        faults.reach("create.link_added")
        return chain

    def _state(self, chain: Chain, record: SnapshotRecord) -> State:
        return self._existing(chain, record, own=True, strict=True)

    def _existing(self, chain: Chain, record: SnapshotRecord, *, own: bool, strict: bool) -> State:
        link, state = chain.get(record.id), {}
        names: dict[Part, str] = {}
        for part in link.parts:
            if own or not part.is_own_collection:
                token = chain.full_copy(link, part)
                assert token is not None
                names[part] = delta_name(record.dataset_id, token, part)
        there = existing(
            record.dataset_id,
            names.values(),
            lambda: delta_collections(self.database, record.dataset_id),
        )
        for part, name in names.items():
            if name in there:
                state[part] = Documents(self.database[name])
            elif strict:
                raise damaged(record.name, [part.value])
        return state


def _own_parts(link: Link) -> list[Part]:
    return [part for part in link.parts if part.is_own_collection]


def _is_materialised(chain: Chain, link: Link) -> bool:
    return all(chain.full_copy(link, part) for part in _own_parts(link))


def _storage(indexes: Mapping[Part, list[Document]]) -> dict[str, Any]:
    # As BSON, because their dotted keys are awkward in documents
    return {
        "indexes": {
            part.value: [bson.encode(index) for index in found] for part, found in indexes.items()
        }
    }
