"""Finding out what the media of a snapshot are, and noting it.

Files are looked at while nobody is kept from working on the dataset, so that may take hours; what
was found is then stored as an operation, which takes no time. A process that dies while it looks
leaves nothing behind.
"""

from __future__ import annotations

import math
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import replace
from functools import partial
from itertools import islice

from bson import ObjectId
from pymongo.database import Database

from ..actions import Action
from ..catalog import deployment
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..config import MediaLevel
from ..dataset.parts import Part
from ..dataset.reference import DatasetReference
from ..errors import ArchivedSnapshotError, DamagedSnapshotError, SnapshotNotFoundError
from ..mongo.database import Document, server_time
from ..operations.journal import Operation, operation, recovers
from ..progress import Progress, silent
from ..storage import registry
from . import look, provider, references, scenes, store
from .fact import SHA256, sha256_of
from .kept import Copies, configured
from .listing import FileState, Fingerprint, Listing
from .moved import NOTHING, MovedMedia
from .references import Some, Valued
from .sources import OtherContentError, Sources
from .store import Capture

_LOOKING = 0.3
"""The part of the whole time that looking takes, where files are read as well."""

_BATCH = 500
"""After so many paths it is told how many were found."""

_GIVING_WAY_SECONDS = 0.2
"""How seldom what nobody has asked for looks whether the dataset is free."""


def capture(
    database: Database[Document],
    dataset: DatasetReference,
    name: str,
    level: MediaLevel,
    progress: Progress = silent,
    *,
    is_asked_for: bool = True,
) -> Capture:
    """Notes what the media of a snapshot are now.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot
        level: how much is to be found out
        progress: told how far it is
        is_asked_for (True): whether somebody has asked for it; see :func:`note`

    Returns:
        what was noted

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
        ArchivedSnapshotError: if it is archived
    """
    record = Catalog(database).get(dataset.id, name, dataset.name)
    kept = configured() if level is MediaLevel.COPY else None
    base, known = _newest(database, dataset.id)
    moved = store.moved(database, record)
    located = located_paths(database, record, moved, progress)
    there = sorted(set(located.values()))
    listing = look_at(there, level, moved.places(known), progress)
    if kept is not None:
        kept.mark(deployment.note(database).id)
        listing = _keep(kept, listing, progress)
    if moved:
        listing = listing.called(located)
        new = {path: at for path, at in located.items() if moved.place(path) != at}
        # What is there now is what is noted
        moved = replace(moved, rewritten={}, others={**moved.others, **new})
    return note(
        database,
        dataset,
        record,
        level,
        listing,
        base,
        known,
        moved,
        is_asked_for=is_asked_for,
    )


def note(
    database: Database[Document],
    dataset: DatasetReference,
    record: SnapshotRecord,
    level: MediaLevel,
    listing: Listing,
    base: Capture | None = None,
    known: Listing | None = None,
    moved: MovedMedia = NOTHING,
    *,
    is_asked_for: bool = True,
) -> Capture:
    """Stores what was found out of the media of a snapshot.

    Args:
        database: the database
        dataset: the dataset
        record: the snapshot
        level: how much was to be found out
        listing: what was found
        base (None): the newest capture of the dataset, as far as is known
        known: what that tells
        moved: where the files are, if not where the documents of the snapshot say
        is_asked_for (True): whether somebody has asked for it; else it takes the place of nothing
            that was noted meanwhile, and waits until nobody does anything with the dataset

    Returns:
        what was noted

    Raises:
        SnapshotNotFoundError: if the snapshot is gone
    """
    layer_id = ObjectId()
    with operation(
        database,
        dataset.id,
        Action.CAPTURE_MEDIA,
        wait_seconds=None if is_asked_for else math.inf,
        while_waiting=None if is_asked_for else partial(time.sleep, _GIVING_WAY_SECONDS),
        snapshot_of=dataset.name,
        snapshot_name=record.name,
        layer=layer_id,
    ) as running:
        if running.snapshot.id != record.id:
            raise SnapshotNotFoundError(f"Snapshot '{record.name}' was deleted meanwhile")
        if not is_asked_for and (noted := store.find(database, record.id)) is not None:
            return noted
        running.note(snapshot_id=record.id)
        # Others may have captured meanwhile, or deleted what was the newest
        if known is None or store.newest(database, dataset.id) != base:
            base, known = _newest(database, dataset.id)
        layers = store.add_layer(database, dataset.id, layer_id, base, known, listing)
        running.step("stored")
        found = Capture(
            record.id,
            dataset.id,
            level,
            server_time(database),
            listing.counts(),
            layers,
            running.id,
            moved,
        )
        running.committing("prepared")
        store.put(database, found)
        running.commit()
        store.sweep(database, dataset.id)
    return found


@recovers(Action.CAPTURE_MEDIA)
def _recover(running: Operation) -> None:
    """Removes what no snapshot names; what one names was captured."""
    snapshot_id = running.details.get("snapshot_id")
    found = None if snapshot_id is None else store.find(running.database, snapshot_id)
    if found is not None and found.operation == running.id:
        running.commit()
    store.sweep(running.database, running.dataset_id)


def _newest(database: Database[Document], dataset_id: ObjectId) -> tuple[Capture | None, Listing]:
    """Returns the newest capture of a dataset that can be read, and what it tells."""
    base = store.newest(database, dataset_id)
    if base is not None:
        try:
            return base, store.load(database, base)
        except DamagedSnapshotError:
            # Then everything is found out anew
            pass
    return None, Listing.empty()


def look_at(
    paths: Iterable[str], level: MediaLevel, known: Listing, progress: Progress = silent
) -> Listing:
    """Finds out what files are now.

    Args:
        paths: their paths, sorted and each once
        level: how much is to be found out
        known: what was known before
        progress: told how far it is

    Returns:
        what was found
    """
    is_read = level in (MediaLevel.HASH, MediaLevel.COPY)
    share = _LOOKING if is_read else 1.0
    found = Listing.joined(look.look_at_all(paths, known, _share(progress, 0, share)))
    if level is not MediaLevel.STAT:
        # A copy is named by its SHA-256, which others seldom know
        found = provider.told(found, of_content=level is MediaLevel.HASH, known=known)
    if not is_read:
        return found
    return look.hash_all(found, _share(progress, share, 1), is_named=level is MediaLevel.COPY)


def paths_of(
    database: Database[Document],
    record: SnapshotRecord,
    samples: list[ObjectId] | None = None,
    moved: MovedMedia = NOTHING,
    progress: Progress = silent,
) -> list[str]:
    """Lists the files that a snapshot refers to.

    Args:
        database: the database
        record: the snapshot
        samples (None): only those of some samples and their frames
        moved: where they are, if not where its documents say
        progress: told how many were found

    Returns:
        the paths where they are, sorted and each once

    Raises:
        ArchivedSnapshotError: if it is archived
    """
    if record.archive is not None:
        raise ArchivedSnapshotError(
            f"Snapshot '{record.name}' is archived. Bring it back first, with "
            "unarchive_snapshot(); then its media can be looked at."
        )
    backend = registry.create(record.backend, database)
    state = backend.remains(record)
    document = next(state[Part.DATASET].decoded(), None) if Part.DATASET in state else None
    sources: dict[Part, Valued] = {}
    for part in (Part.SAMPLES, Part.FRAMES):
        try:
            source = backend.source(record, part)
        except DamagedSnapshotError:
            # verify_snapshot() tells
            continue
        if source is not None:
            sources[part] = source if samples is None else Some(source, part, samples)
    return paths_in(document or {}, sources, moved, progress)


def paths_in(
    document: Document,
    sources: Mapping[Part, Valued],
    moved: MovedMedia = NOTHING,
    progress: Progress = silent,
) -> list[str]:
    """Lists the files that documents refer to.

    Args:
        document: the dataset document
        sources: samples, and frames if there are any
        moved: where the files are, if not where the documents say
        progress: told how many were found

    Returns:
        the paths where they are, sorted and each once
    """
    found: set[str] = set()
    for part, paths in references.fields(document).items():
        if part in sources:
            named = map(moved.place, references.values(sources[part], paths))
            while batch := set(islice(named, _BATCH)):
                found |= batch
                progress(0.0, f"Found {len(found):,} media files")
    found.update(_of_scenes(found))
    return sorted(found)


def located_paths(
    database: Database[Document],
    record: SnapshotRecord,
    moved: MovedMedia,
    progress: Progress = silent,
) -> dict[str, str]:
    """Lists the files that a snapshot refers to, and where each is.

    Args:
        database: the database
        record: the snapshot
        moved: where they are, if not where its documents say
        progress: told how many were found

    Returns:
        where each is, by the path that documents have, sorted by that

    Raises:
        ArchivedSnapshotError: if it is archived
    """
    paths = paths_of(database, record, progress=progress)
    if not moved:
        return {path: path for path in paths}
    noted = store.find(database, record.id)
    # What a scene is made of, only what was noted names as it was named
    named = [*paths, *([] if noted is None else store.load(database, noted).paths)]
    former = {moved.place(path): path for path in named}
    there = paths_of(database, record, moved=moved)
    return dict(sorted((former.get(path, path), path) for path in there))


def _of_scenes(paths: Iterable[str]) -> Iterator[str]:
    wanted = [path for path in paths if path.endswith(scenes.ENDING) and look.is_local(path)]
    for files in look.in_threads(scenes.files_of, wanted):
        yield from files


def _keep(kept: Copies, listing: Listing, progress: Progress) -> Listing:
    """Copies what was read; what is written to meanwhile is read again."""
    found: list[tuple[str, Fingerprint]] = []
    items = list(listing.items())

    sources = Sources(kept, NOTHING)

    def add(item: tuple[str, Fingerprint]) -> Fingerprint:
        return kept.add(*item) if look.is_local(item[0]) else _fetched(sources, kept, *item)

    for each in look.in_threads(add, items):
        found.append((items[len(found)][0], each))
        progress(len(found) / len(items), f"Copying {len(items):,} media files")
    return Listing.of(found)


def _fetched(sources: Sources, kept: Copies, path: str, found: Fingerprint) -> Fingerprint:
    """Copies what another system has; without a copy, what is known of it is what it says."""
    digest = sha256_of(found.fact)
    if found.state is not FileState.FILE or (digest and not kept.wants(digest, found.size)):
        return found
    for chunks in sources.of_others(path, found):
        with suppress(OtherContentError):
            digest, size = kept.add_content(chunks)
            told = found.fact if sha256_of(found.fact) else f"{found.fact} {SHA256}{digest}"
            return found._replace(fact=told, size=size)
    return found


def _share(progress: Progress, start: float, end: float) -> Progress:
    """Reports the progress of a part as a share of the whole."""
    return lambda fraction, label: progress(start + fraction * (end - start), label)
