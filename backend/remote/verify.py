"""Whether what the snapshots of a remote need is there, and is what was pushed.

Each object is read once. Of its documents only the columns are kept that fingerprints are made of,
and of those each snapshot's is put together: so a history costs what it takes up, not what its
snapshots hold.
"""

from __future__ import annotations

import struct
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from bson import ObjectId

from ..dataset.parts import Part
from ..errors import SnapshotError
from ..manifest.columns import read_columns
from ..manifest.manifest import Manifest
from ..media import carried
from ..progress import Progress, silent
from ..rawbson.layout import DocumentBatch
from . import history, layout, notes
from .layout import Commit
from .listing import find
from .manifest import Content, Manifests
from .read import RemoteReader, Segments
from .results import RemoteVerifyResult
from .store import RemoteStore, open_store
from .table import Segment, Table

_THREADS = 4


def verify(
    location: str, dataset: str | None = None, progress: Progress = silent
) -> RemoteVerifyResult:
    """Reads everything that snapshots of a remote need, and compares it with what they say.

    Args:
        location: the remote
        dataset (None): the name or id of a dataset in it; by default, all
        progress: told how far it is

    Returns:
        what is wrong, if anything
    """
    store = open_store(location)
    layout.check_root(store)
    ids = history.datasets(store) if dataset is None else [find(location, dataset).id]
    problems: list[str] = []
    snapshots = objects = size = 0
    for dataset_id in ids:
        commits, wrong = _readable(store, dataset_id)
        problems += wrong
        manifests = Manifests(store, dataset_id)
        read: set[str] = set()
        segments: dict[str, Segment] = {}
        needed_by: dict[str, list[Commit]] = {}
        whole: list[Commit] = []
        for commit in commits:
            try:
                read |= {name for name, _ in manifests.chain(commit.manifest)}
                needed = manifests.content(commit.manifest).segments
                if (media := notes.read(store, commit)) is not None:
                    carried.read(media, commit.name)
            except SnapshotError as error:
                problems.append(f"'{commit.name}': {error}")
                continue
            whole.append(commit)
            segments.update(needed)
            for name in needed:
                needed_by.setdefault(name, []).append(commit)
        documents, wrong = _documents(store, dataset_id, segments, needed_by, progress)
        problems += wrong
        for commit in whole:
            problems += _differences(store, commit, manifests, documents)
        snapshots += len(commits)
        objects += len(segments) + len(read)
        size += sum(each.size_bytes for each in segments.values())
    return RemoteVerifyResult(store.location, snapshots, objects, size, problems)


def _readable(store: RemoteStore, dataset_id: ObjectId) -> tuple[list[Commit], list[str]]:
    try:
        return history.read(store, dataset_id), []
    except SnapshotError as error:
        return [], [str(error)]


def _documents(
    store: RemoteStore,
    dataset_id: ObjectId,
    segments: dict[str, Segment],
    needed_by: dict[str, list[Commit]],
    progress: Progress,
) -> tuple[dict[str, Manifest], list[str]]:
    """Reads segments: what their documents are, in their order, and what is wrong with them."""
    found: dict[str, Manifest] = {}
    problems: list[str] = []
    listed = list(segments.values())
    with ThreadPoolExecutor(_THREADS) as pool:
        checked = pool.map(_reading(Segments(store, dataset_id), store, dataset_id), listed)
        for number, (segment, result) in enumerate(zip(listed, checked, strict=True)):
            if isinstance(result, Manifest):
                found[segment.name] = result
            else:
                of = ", ".join(f"'{each.name}'" for each in needed_by[segment.name])
                problems.append(f"{of}: {result}")
            progress((number + 1) / len(listed), "Verifying")
    return found, problems


def _reading(
    reader: Segments, store: RemoteStore, dataset_id: ObjectId
) -> Callable[[Segment], Manifest | str]:
    def read(segment: Segment) -> Manifest | str:
        try:
            batch = reader.fetch(segment)
            if not len(batch):
                return Manifest.empty()
            # Their times are overwritten while they are read
            found = read_columns(DocumentBatch.of(bytearray(batch.data)))
            return Manifest(found.keys, found.digests, found.stamps, found.owners)
        except SnapshotError as error:
            return str(error)
        except (ValueError, IndexError, struct.error) as error:
            source = store.describe(layout.segment_key(dataset_id, segment.name))
            return str(layout.damaged(source, str(error)))

    return read


def _differences(
    store: RemoteStore, commit: Commit, manifests: Manifests, documents: dict[str, Manifest]
) -> list[str]:
    """Tells whether a snapshot's documents are not those that its commit says."""
    content = manifests.content(commit.manifest)
    if not set(content.segments) <= set(documents):
        # That is told of the segments
        return []
    reader = RemoteReader(store, commit, lambda: content)
    try:
        reader.check(_parts(content, documents, reader.source))
    except SnapshotError as error:
        return [f"'{commit.name}': {error}"]
    return []


def _parts(content: Content, documents: dict[str, Manifest], source: str) -> dict[Part, Manifest]:
    small = {
        part: Manifest.joined(documents[each.name] for each in segments)
        for part, segments in content.small.items()
    }
    own = {part: _chosen(table, documents, source) for part, table in content.tables.items()}
    return {**small, **own}


def _chosen(table: Table, documents: dict[str, Manifest], source: str) -> Manifest:
    """Puts together what the documents of a table are."""
    found = [Manifest.empty()]
    order = np.argsort(table.numbers, kind="stable")
    numbers, starts = np.unique(table.numbers[order], return_index=True)
    by_segment = np.split(table.rows[order], starts[1:])
    for number, rows in zip(numbers.tolist(), by_segment, strict=False):
        segment = documents[table.segments[number].name]
        if rows.max() >= len(segment):
            raise layout.damaged(source, "it places documents where none are")
        found.append(
            Manifest(
                segment.keys[rows],
                segment.digests[rows],
                segment.stamps[rows],
                segment.owners[rows],
            )
        )
    return Manifest.joined(found)
