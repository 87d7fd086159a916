"""What is known of the media of a version: as captured, or as they are now."""

from __future__ import annotations

from pymongo.database import Database

from ..catalog.record import SnapshotRecord
from ..config import MediaLevel
from ..dataset.parts import Head, Part, State
from ..mongo.database import Document, server_time
from ..progress import Progress, silent
from . import capture, look, references, store
from .changes import Looked, MediaChange, judge
from .fact import hash_kind, is_hash
from .listing import aligned
from .moved import NOTHING


def captured(
    database: Database[Document], record: SnapshotRecord, *, as_named: bool = False
) -> Looked:
    """Returns what was noted of the media of a snapshot.

    Args:
        database: the database
        record: the snapshot
        as_named (False): whether files are told by the paths that its documents have, wherever
            they are
    """
    found = store.find(database, record.id)
    if found is None:
        return Looked.nothing(
            f"nothing was noted of the media of snapshot '{record.name}'; capture_media() does"
        )
    listing = store.load(database, found)
    told = listing if as_named else found.moved.places(listing)
    return Looked(found.level, found.captured_at, told)


def shown(
    database: Database[Document], record: SnapshotRecord, state: State
) -> dict[Part, list[Document]]:
    """Returns what shows the documents of a snapshot with the paths where its media are.

    Args:
        database: the database
        record: the snapshot
        state: where its documents are

    Returns:
        the stages of views of samples and frames; none if its media are where these say
    """
    places = store.moved(database, record)
    document = next(state[Part.DATASET].decoded(), None) if places else None
    if document is None:
        return {}
    return {part: places.stages(paths) for part, paths in references.fields(document).items()}


def of_head(
    database: Database[Document], head: Head, before: Looked, progress: Progress = silent
) -> Looked:
    """Finds out what the media of a dataset are now.

    Args:
        database: the database
        head: the dataset's editable state
        before: what they are to be compared with
        progress: told how far it is
    """
    if before.reason is not None:
        # There is nothing to compare them with
        return Looked.nothing(before.reason)
    state = head.state()
    sources = {part: state[part] for part in (Part.SAMPLES, Part.FRAMES) if part in state}
    return _now(database, capture.paths_in(head.document(), dict(sources)), before, progress)


def of_snapshot_now(
    database: Database[Document],
    record: SnapshotRecord,
    before: Looked,
    progress: Progress = silent,
    *,
    as_named: bool = False,
) -> Looked:
    """Finds out what the media of a snapshot are now.

    Args:
        database: the database
        record: the snapshot
        before: what was noted of them
        progress: told how far it is
        as_named (False): whether to look where its documents say, wherever they are
    """
    is_archived = record.archive is not None and before.reason is None
    if is_archived:
        return _now(database, before.listing.paths, before, progress)
    moved = NOTHING if as_named else store.moved(database, record)
    return _now(database, capture.paths_of(database, record, moved=moved), before, progress)


def _now(
    database: Database[Document], paths: list[str], before: Looked, progress: Progress
) -> Looked:
    moment = server_time(database)
    is_asked = before.level not in (None, MediaLevel.STAT)
    level = MediaLevel.REMOTE if is_asked else MediaLevel.STAT
    found = capture.look_at(paths, level, before.listing, progress)
    was, is_ = aligned(before.listing, found)
    is_other = before.listing.differing(found, was, is_)
    pairs = zip(was[is_other].tolist(), is_[is_other].tolist(), strict=True)
    # Who wrote to a file may have written the same: its hash tells, if one is known
    read = {
        place: look.hashed(found.paths[place], found[place], hash_kind(fact))
        for known, place in pairs
        if is_hash(fact := before.listing.facts[known])
        and look.is_local(found.paths[place])
        and judge(before.listing[known], found[place])[0] is MediaChange.REWRITTEN
    }
    return Looked(level, moment, found.knowing(read))
