"""Taking a new snapshot in: what changed since the newest one is all that is written.

Of samples and frames, the newest snapshot's full copy is taken over: it is patched where it lies,
after what that overwrites was put into the newest snapshot's pre-images. That is done only if
nobody has opened the full copy, and unless nearly everything changed; else a new full copy is
copied.

Whatever kills a capture, the newest snapshot is told from its pre-images and the half patched full
copy, see :mod:`.discard`.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
from bson import ObjectId
from pymongo.collection import Collection
from pymongo.database import Database

from ... import faults
from ...dataset.parts import Documents, Part, chunks
from ...errors import DamagedSnapshotError
from ...manifest import store as manifest_store
from ...manifest.cache import CachedPart, Recent
from ...manifest.manifest import Manifest
from ...mongo.collections import delta_name
from ...mongo.database import Document, create_compressed
from ...mongo.gate import Workers
from ...mongo.writer import Writer
from ...progress import silent
from ...rawbson.ids import Ids, Keys, common, lacking, positions
from .. import collections, scan
from ..consistent_copy import copy_and_read
from . import arrange, chains, order, trusted
from .chain import Chain
from .compact import FULL_MANIFESTS
from .origins import Origins
from .reconstruct import reconstruct
from .stored_part import StorageMode, StoredPart, are_many

_PUT_ASIDE = 1000
"""So many documents are put aside at once."""


class DeltaTarget:
    """Where a capture is put, as :func:`..capture.capture` wants it.

    Args:
        database: the database
        dataset_id: the dataset
        snapshot_id: the new snapshot, whose link is the last one of the chain
        trust_timestamps (False): whether to read only what has another ``last_modified_at``
    """

    def __init__(
        self,
        database: Database[Document],
        dataset_id: ObjectId,
        snapshot_id: ObjectId,
        *,
        trust_timestamps: bool = False,
    ) -> None:
        self._trusts = trust_timestamps
        self._database = database
        self._dataset_id = dataset_id
        self._id = snapshot_id
        chain = chains.known(database, dataset_id)
        link = chain.get(snapshot_id)
        self._sequence = link.sequence
        self._previous = chain.before(link)
        former = () if self._previous is None else self._previous.parts
        self._former_parts = [part for part in former if part.is_own_collection]
        self._origins = Origins(database, self._previous)
        self._parts: dict[Part, StoredPart] = {}
        self._former: dict[Part, Manifest | None] = {}
        self._read: dict[Part, CachedPart] = {}
        self._overwritten = {part: Recent() for part in Part}

    def read(self, part: Part, documents: Documents) -> Manifest:
        """Returns the content of a part of the dataset."""
        former = self._former_manifest(part)
        if former is not None and self._origins.are_as_before(part, documents.collection):
            return former.ordered(self._former_order(part, former))
        return self._read_changed(part, documents, former)

    def _read_changed(self, part: Part, documents: Documents, former: Manifest | None) -> Manifest:
        if self._trusts and part.is_own_collection and former is not None:
            assert self._previous is not None
            found = trusted.read(self._database, self._previous, part, former, documents)
            if found is not None:
                self._read[part] = found
                return found.manifest
        return Manifest.read(documents)

    def copy(self, part: Part, documents: Documents, content: Manifest | None = None) -> Manifest:
        """Makes the snapshot's part hold exactly these documents; returns their content."""
        is_as_before = False
        if part.is_own_collection:
            with Workers(max_workers=1) as pool:
                pool.submit(self._former_manifest, part)
                # Who writes from now on is noticed at the end
                is_as_before = self._origins.note(part, documents.collection)
        former = self._former_manifest(part)
        if former is not None and is_as_before:
            content = former.ordered(self._former_order(part, former))
        elif content is not None:
            content = content.ordered(self._natural(part, documents.collection, content.keys))
        must_read = part.is_own_collection and not is_as_before
        if former is None or (must_read and self._is_open(part)):
            return self._copy_full(part, documents, former, content)
        manifest = self._read_changed(part, documents, former) if content is None else content
        stored = self._parts.get(part)
        if stored is not None and stored.mode is not StorageMode.SHARED:
            # The capture was begun anew
            former = Manifest.read(self.copied(part))
        else:
            self._parts[part] = StoredPart(self._former_full_copy(part), StorageMode.SHARED)
        differences = former.compare(manifest)
        if not differences:
            return manifest
        if not part.is_own_collection or are_many(differences, former, manifest):
            self._copy_new(part, documents)
        else:
            changed = [*differences.added, *differences.changed]
            self.patch(part, documents, changed, differences.deleted)
        return manifest

    def patch(
        self, part: Part, documents: Documents, changed: list[ObjectId], removed: list[ObjectId]
    ) -> None:
        """Copies some documents of a part again and removes others."""
        stored = self._parts.get(part)
        if stored is None or (
            stored.mode is StorageMode.SHARED
            and not (part.is_own_collection and self._take_over(part, stored))
        ):
            self._copy_new(part, documents)
            return
        if stored.mode is StorageMode.PATCHED:
            self._preserve(part, stored, Ids.of([*changed, *removed]).keys)
            faults.reach(f"create.preserved_{part.value}")
        full_copy = self._collection(part, stored.token)
        collections.patch(full_copy, documents, changed, removed)
        stored.patches += 1
        if stored.mode is StorageMode.PATCHED:
            former = self._former_manifest(part)
            assert former is not None
            stored.added = lacking(former.keys, Ids.of(changed).keys)

    def copied(self, part: Part) -> Documents:
        """Returns the documents of a part that the snapshot holds."""
        if part not in self._parts:
            self._parts[part] = StoredPart(ObjectId(), StorageMode.COPIED)
            create_compressed(self._database, self._full_copy(part).name)
        return Documents(self._full_copy(part))

    def complete(
        self, manifests: dict[Part, Manifest], *, is_still: bool = False, is_new: bool = False
    ) -> list[Part]:
        """Puts everything in its place, once the content is that of one moment.

        Args:
            manifests: the content of each part; those of samples and frames know the order
            is_still (False): whether nobody has written meanwhile
            is_new (False): whether nobody can have stored anything under the snapshot's id before

        Returns:
            the parts that the snapshot has
        """
        found = [part for part in manifests if manifests[part] or part.is_own_collection]
        # A later pass may have found something else
        self._read = {
            p: known for p, known in self._read.items() if known.manifest is manifests[p]
        }
        for part in (part for part in found if part.is_own_collection):
            self._arrange(part, manifests[part])
            order.save(self._database, self._id, part, manifests[part], is_new=is_new)
            faults.reach(f"create.arranged_{part.value}")
        if not is_still:
            self._origins.check()
        former = {
            part: self._keep_former(part, manifests.get(part)) for part in self._former_parts
        }

        def finish(chain: Chain) -> Chain:
            link = chain.get(self._id)
            for part in found:
                # What keys do not find cannot be told by differences
                is_kept = not part.is_own_collection or manifests[part].has_unusual_ids
                link = link.with_part(part, full_copy=self._parts[part].token, is_kept=is_kept)
            link = replace(
                link,
                is_complete=True,
                sources=self._origins.names,
                change_tokens=self._origins.change_tokens,
                marks=self._origins.marks,
            )
            chain = chain.with_link(link)
            if self._previous is None:
                return chain
            previous = chain.get(self._previous.id)
            for part, changes in former.items():
                previous = previous.with_part(part, **changes)
            chain = chain.with_link(previous)
            # What nobody has opened nobody misses
            return chain.releasing([previous], unless=chain.opened)

        chains.change(self._database, self._dataset_id, finish)
        return found

    @property
    def known(self) -> dict[tuple[ObjectId, Part], CachedPart]:
        """What was read of the newest snapshot, and for the new one."""
        found = {(self._id, part): known for part, known in self._read.items()}
        for part, manifest in self._former.items():
            if self._previous is not None and manifest is not None:
                overwritten = self._overwritten[part].documents
                found[self._previous.id, part] = CachedPart(manifest, overwritten)
        return found

    @property
    def base(self) -> ObjectId | None:
        """The snapshot as the difference to which the new one's manifests are best stored."""
        previous, new = self._previous, self._sequence
        return None if previous is None or new % FULL_MANIFESTS == 0 else previous.id

    @property
    def equals_previous(self) -> bool:
        """Whether samples and frames are those of the newest snapshot."""
        own = {part: stored for part, stored in self._parts.items() if part.is_own_collection}
        is_shared = all(stored.mode is StorageMode.SHARED for stored in own.values())
        return is_shared and [*own] == self._former_parts

    def _former_manifest(self, part: Part) -> Manifest | None:
        """Returns what the newest snapshot holds, if what changed since can be told by it."""
        if part not in self._former:
            self._former[part] = self._load_former(part)
        return self._former[part]

    def _load_former(self, part: Part) -> Manifest | None:
        previous = self._previous
        if previous is None or part not in previous.parts:
            return None
        if part.is_own_collection and previous.parts[part].is_kept:
            return None
        try:
            return manifest_store.load(self._database, previous.id, part)
        except DamagedSnapshotError:
            return None

    def _natural(self, part: Part, collection: Collection[Document], existing: Keys) -> Keys:
        """Returns the natural order of the dataset's documents, as what is known tells it."""
        previous, former = self._previous, self._former_manifest(part)
        if previous is None or former is None:
            return scan.natural(collection, existing)
        mark = previous.marks.get(part)
        inserted = None if mark is None else mark.inserted_since(collection)
        return order.now(previous, part, former, collection, existing, inserted)

    def _former_order(self, part: Part, former: Manifest) -> Keys:
        assert self._previous is not None
        return order.load(self._database, self._previous.id, part, former)

    def _is_open(self, part: Part) -> bool:
        chain = chains.known(self._database, self._dataset_id)
        return self._former_full_copy(part) in chain.opened

    def _former_full_copy(self, part: Part) -> ObjectId:
        assert self._previous is not None
        token = self._previous.parts[part].full_copy
        assert token is not None, "the newest snapshot has a full copy of each part"
        return token

    def _collection(self, part: Part, token: ObjectId) -> Collection[Document]:
        return self._database[delta_name(self._dataset_id, token, part)]

    def _full_copy(self, part: Part) -> Collection[Document]:
        return self._collection(part, self._parts[part].token)

    def _copy_full(
        self,
        part: Part,
        documents: Documents,
        former: Manifest | None,
        content: Manifest | None,
    ) -> Manifest:
        """Makes a new full copy while the dataset is read; in vain if nothing changed."""
        manifest = copy_and_read(documents, part, self._copy_new, content)
        if part.is_own_collection and former is not None and not former.compare(manifest):
            self._parts[part] = StoredPart(self._former_full_copy(part), StorageMode.SHARED)
        return manifest

    def _copy_new(self, part: Part, documents: Documents) -> None:
        self._parts[part] = StoredPart(ObjectId(), StorageMode.COPIED)
        collections.copy_all(part, documents, self._database, self._full_copy(part).name)

    def _take_over(self, part: Part, stored: StoredPart) -> bool:
        """Makes the newest snapshot's full copy the new one's, unless somebody has opened it."""
        pre_images = ObjectId()
        create_compressed(self._database, self._collection(part, pre_images).name)

        def edit(chain: Chain) -> Chain | None:
            if stored.token in chain.opened:
                return None
            for link, shown in chain.users(stored.token):
                chain = chain.with_link(link.with_part(shown, full_copy=None, is_kept=False))
            assert self._previous is not None
            previous = chain.get(self._previous.id).with_part(part, pre_images=pre_images)
            new = chain.get(self._id).with_part(part, full_copy=stored.token)
            return chain.with_link(previous).with_link(new)

        if chains.change(self._database, self._dataset_id, edit) is None:
            return False
        stored.mode = StorageMode.PATCHED
        faults.reach(f"create.took_over_{part.value}")
        return True

    def _preserve(self, part: Part, stored: StoredPart, keys: Keys) -> None:
        """Puts into the pre-images what is about to be overwritten."""
        former = self._former_manifest(part)
        assert former is not None
        new = lacking(stored.preserved, common(former.keys, np.unique(keys)))
        chain = chains.known(self._database, self._dataset_id)
        assert self._previous is not None
        pre_images = chain.get(self._previous.id).parts[part].pre_images
        assert pre_images is not None
        self._put_aside(part, stored.token, pre_images, new)
        stored.preserved = np.sort(np.concatenate([stored.preserved, new]))

    def _put_aside(
        self, part: Part, full_copy: ObjectId, pre_images: ObjectId, keys: Keys
    ) -> None:
        source = self._collection(part, full_copy)
        # Not inside the server: what changed is to be counted, for which they are needed here
        with Writer(self._collection(part, pre_images)) as writer:
            for ids in chunks(list(Ids(keys)), _PUT_ASIDE):
                found = Documents(source).fetch(ids)
                self._overwritten[part].note(found)
                writer.write(found.values())

    def _arrange(self, part: Part, manifest: Manifest) -> None:
        """Sees to it that the documents lie in the order of the dataset's."""
        stored, wanted = self._parts[part], manifest.in_order()
        full_copy = self._full_copy(part)
        actual = self._order_of(part, stored, manifest)
        if np.array_equal(actual, wanted):
            return
        moving = arrange.to_move(actual, wanted)
        if stored.mode is not StorageMode.SHARED and arrange.are_few(moving, wanted):
            if stored.mode is StorageMode.PATCHED:
                self._preserve(part, stored, moving)
            arrange.move_to_end(full_copy, moving)
            return
        token = ObjectId()
        target = collections.create(part, self._database, self._collection(part, token).name)
        reconstruct(full_copy, [], wanted, target, silent)
        mode = StorageMode.COPIED if stored.mode is StorageMode.SHARED else stored.mode
        self._parts[part] = replace(stored, token=token, mode=mode)

    def _order_of(self, part: Part, stored: StoredPart, manifest: Manifest) -> Keys:
        """Returns the order in which the documents lie."""
        former = self._former_manifest(part)
        if stored.mode is StorageMode.COPIED or stored.patches > 1 or former is None:
            return scan.natural(self._full_copy(part), manifest.keys)
        # Documents that were patched once are where they were, and others behind them
        before = self._former_order(part, former)
        kept = before[positions(manifest.keys, before)[1]]
        return np.concatenate(
            [kept, collections.natural_order(self._full_copy(part), stored.added)]
        )

    def _keep_former(self, part: Part, manifest: Manifest | None) -> dict[str, Any]:
        """Sees to it that the newest snapshot can be told after the new one; returns by what."""
        stored = self._parts.get(part)
        if manifest is None or stored is None:
            return {"is_kept": True}
        if stored.mode is not StorageMode.COPIED:
            return {}
        former = self._former_manifest(part)
        if former is None or manifest.has_unusual_ids:
            return {"is_kept": True}
        differences = former.compare(manifest)
        if are_many(differences, former, manifest):
            return {"is_kept": True}
        pre_images = ObjectId()
        create_compressed(self._database, self._collection(part, pre_images).name)
        gone = np.concatenate([differences.deleted_keys, differences.changed_keys])
        self._put_aside(part, self._former_full_copy(part), pre_images, gone)
        return {"pre_images": pre_images}
