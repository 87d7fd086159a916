"""The contract that every backend fulfils.

A backend keeps the states that snapshots stand for and gives them back. It knows documents, not
where FiftyOne keeps them, and nothing of the App, of names, limits or who may do what: all that
lies above it. How it stores a state (whole, as differences, elsewhere) is its own affair; it must
only be able to make one readable as MongoDB collections when asked to.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar

from bson import ObjectId
from pymongo.collection import Collection
from pymongo.database import Database

from ..catalog.record import SnapshotRecord
from ..dataset.parts import Documents, Head, Part, Source, State
from ..dataset.sample_state import SampleState
from ..manifest.cache import CachedPart
from ..manifest.manifest import Manifest
from ..mongo.database import Document
from ..progress import Progress, silent
from ..rawbson.ids import Keys
from . import collections


@dataclass(frozen=True)
class Captured:
    """What a backend reports of a state it has taken in."""

    manifests: Mapping[Part, Manifest]
    """The content of every part, as it was stored."""

    storage: dict[str, Any] = field(default_factory=dict)
    """Given back with every later call for this snapshot, as ``record.storage``."""

    known: Mapping[tuple[ObjectId, Part], CachedPart] = field(default_factory=dict)
    """What had to be read of parts of this and other snapshots, so that nobody else has to."""

    base: ObjectId | None = None
    """A snapshot in ``known`` from which this one may differ little, so that its manifests are
    best stored as the difference."""

    change_token: Document | None = None
    """What tells at a glance whether the dataset was written to since, if anything does."""

    document: Document | None = None
    """The dataset document that was captured, if it need not be read for that."""

    sample_collection: str | None = None
    """The collection that the dataset's samples were in then, if that is known."""


@dataclass(frozen=True)
class Beside:
    """A snapshot that a backend has, and that another one differs little from."""

    record: SnapshotRecord
    is_earlier: bool
    """Whether it is the one before the other, and not the one after it."""
    removed: Mapping[Part, Keys]
    """The samples and frames that only it has."""


class Backend(ABC):
    """Keeps states of datasets.

    Every method may be called again after a crash in the middle of it, for the same snapshot.

    Args:
        database: the database that FiftyOne uses
    """

    name: ClassVar[str]
    """What ``FIFTYONE_SNAPSHOTS_BACKEND`` calls it."""

    stores_changes: ClassVar[bool] = False
    """Whether a capture writes what changed, so that it is worth finding out what need not be
    read. One that copies everything reads it meanwhile."""

    def __init__(self, database: Database[Document]) -> None:
        self.database = database

    @abstractmethod
    def capture(
        self,
        record: SnapshotRecord,
        head: Head,
        progress: Progress = silent,
        *,
        trust_timestamps: bool = False,
    ) -> Captured:
        """Takes in the state of a dataset, as it is at one moment.

        The caller stores the manifests of every snapshot, and deletes them after :meth:`discard`:
        a backend may load those of earlier snapshots.

        Args:
            record: the snapshot that will stand for it
            head: the dataset's editable state, which others may be writing to
            progress: told how far it is
            trust_timestamps (False): whether documents may be taken for unchanged whose
                ``last_modified_at`` is; a backend that reads everything anyway ignores it

        Returns:
            what was stored

        Raises:
            ConcurrentWritesError: if the dataset is written to all the time
        """

    @abstractmethod
    def ingest(
        self,
        record: SnapshotRecord,
        staged: State,
        indexes: Mapping[Part, list[Document]],
        progress: Progress = silent,
    ) -> dict[str, Any]:
        """Takes in a state that is complete and that nobody changes, such as one from an archive.

        Args:
            record: the snapshot that stands for it
            staged: its documents, in collections that hold nothing else and are the backend's
                from now on: to keep under other names, or to copy from and drop
            indexes: the indexes of samples and frames, as ``listIndexes`` tells
            progress: told how far it is

        Returns:
            what is given back with every later call, as :attr:`Captured.storage` is
        """

    def takes_in_beside(self, record: SnapshotRecord, *, is_earlier: bool) -> bool:
        """Returns whether :meth:`ingest_beside` can rest on a snapshot; most cannot.

        Args:
            record: the snapshot that is here
            is_earlier: whether it is the one before that which is to be taken in
        """
        return False

    def ingest_beside(
        self,
        record: SnapshotRecord,
        beside: Beside,
        staged: State,
        manifests: Mapping[Part, Manifest],
        indexes: Mapping[Part, list[Document]],
    ) -> dict[str, Any]:
        """Does what :meth:`ingest` does with what differs from a snapshot that is here.

        Only called where :meth:`takes_in_beside` has said that it can be.

        Args:
            record: the snapshot that is taken in
            beside: the other snapshot
            staged: of samples and frames, the documents that the other one has not, or has with
                other content; other parts whole, or not at all if they are the other one's
            manifests: the whole content of all parts; those of samples and frames know the order
            indexes: the indexes of samples and frames, as ``listIndexes`` tells

        Returns:
            what is given back with every later call, as :attr:`Captured.storage` is
        """
        raise NotImplementedError

    @abstractmethod
    def is_materialised(self, record: SnapshotRecord) -> bool:
        """Returns whether :meth:`state` would answer at once."""

    def ready(self, record: SnapshotRecord) -> State | None:
        """Returns what :meth:`state` would, if it takes no time, and else None.

        Unlike :meth:`state` it may be asked by anybody at any time.

        Args:
            record: the snapshot

        Returns:
            where each part is
        """
        return self.state(record) if self.is_materialised(record) else None

    @abstractmethod
    def state(self, record: SnapshotRecord, progress: Progress = silent) -> State:
        """Makes a snapshot readable; the caller holds the dataset's lease.

        The collections hold nothing else, so that views over them show the snapshot. Their
        content never changes: a backend that needs the space lets views over them fail, and then
        drops them, see :func:`.invalidate.invalidate_views`.

        Args:
            record: the snapshot
            progress: told how far it is, where it takes time

        Returns:
            where each part is

        Raises:
            DamagedSnapshotError: if parts are missing
        """

    def related(self, record: SnapshotRecord) -> State:
        """Returns where everything but samples and frames is; takes no time.

        Args:
            record: the snapshot

        Returns:
            where each of those parts is

        Raises:
            DamagedSnapshotError: if parts are missing
        """
        state = self.state(record)
        return {part: state[part] for part in state if not part.is_own_collection}

    def source(
        self, record: SnapshotRecord, part: Part, known: CachedPart | None = None
    ) -> Source | None:
        """Returns samples or frames as something to look documents up in, without materialising.

        Args:
            record: the snapshot
            part: samples or frames
            known (None): what the caller knows of the part already

        Returns:
            the documents, or None if the snapshot has no such part
        """
        return self.state(record).get(part)

    def sample_states(
        self, records: Sequence[SnapshotRecord], sample_id: ObjectId
    ) -> Iterator[SampleState]:
        """Follows one sample through snapshots, in as few round trips as there can be.

        Args:
            records: the snapshots
            sample_id: the sample

        Yields:
            the sample in each of them, in their order

        Raises:
            DamagedSnapshotError: if parts are missing
        """
        for record in records:
            samples, sample = self.source(record, Part.SAMPLES), None
            if samples is not None:
                sample = samples.fetch([sample_id]).get(sample_id.binary)
            frames = self.source(record, Part.FRAMES) if sample is not None else None
            yield SampleState(sample, {} if frames is None else frames.of_sample(sample_id))

    def remains(self, record: SnapshotRecord) -> State:
        """Returns what is left of everything that :meth:`related` tells of.

        Args:
            record: the snapshot

        Returns:
            where each part is that is not missing
        """
        return self.related(record)

    @abstractmethod
    def read(
        self, record: SnapshotRecord, part: Part, progress: Progress = silent
    ) -> list[Manifest]:
        """Reads what is stored of a part, for those who look for damage.

        Args:
            record: the snapshot
            part: the part
            progress: told how far it is

        Returns:
            the content, once for each place that the part is stored in; empty if it is missing
        """

    def restore(
        self, record: SnapshotRecord, part: Part, target: Collection[Document]
    ) -> Manifest:
        """Makes a collection hold a part of a snapshot: same bytes, same order.

        The caller holds the dataset's lease.

        Args:
            record: the snapshot
            part: the part
            target: the collection, whose indexes are kept

        Returns:
            what the collection holds now, for the caller to compare with what was captured
        """
        return collections.put(self.state(record)[part], target)

    @abstractmethod
    def indexes(self, record: SnapshotRecord, part: Part) -> list[Document]:
        """Returns the indexes that a part had when it was captured, as ``listIndexes`` tells."""

    @abstractmethod
    def size_bytes(self, record: SnapshotRecord) -> int:
        """Returns the bytes of BSON that the snapshot holds, before compression."""

    @abstractmethod
    def discard(self, snapshot_id: ObjectId) -> None:
        """Forgets a snapshot, also one whose capture never ended.

        Args:
            snapshot_id: the snapshot
        """

    def tidy(self, dataset_id: ObjectId) -> None:  # noqa: B027 (most have nothing to do)
        """Removes what interrupted calls have left, and saves space; the caller holds the lease.

        Called after a snapshot is completed, too.

        Args:
            dataset_id: the dataset
        """

    def left_behind(self) -> Mapping[ObjectId, int]:
        """Tells where :meth:`tidy` is needed, though nobody may have called this backend since.

        Returns:
            how many collections of each dataset no snapshot needs; those that are just being made
            may be among them
        """
        return {}


def whole_collection(collection: Collection[Document]) -> Documents:
    """Returns all documents of a collection that holds nothing else."""
    return Documents(collection)
