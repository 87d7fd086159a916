"""What is known of the media of a version: as captured, or as they are now."""

from __future__ import annotations

from pymongo.database import Database

from ..catalog.record import SnapshotRecord
from ..config import MediaLevel
from ..dataset.parts import Head, Part
from ..mongo.database import Document, server_time
from ..progress import Progress, silent
from . import capture, look, store
from .changes import Looked, MediaChange, judge
from .listing import aligned, is_hash


def captured(database: Database[Document], record: SnapshotRecord) -> Looked:
    """Returns what was noted of the media of a snapshot.

    Args:
        database: the database
        record: the snapshot
    """
    found = store.find(database, record.id)
    if found is None:
        return Looked.nothing(
            f"nothing was noted of the media of snapshot '{record.name}'; capture_media() does"
        )
    return Looked(found.level, found.captured_at, store.load(database, found))


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
) -> Looked:
    """Finds out what the media of a snapshot are now.

    Args:
        database: the database
        record: the snapshot
        before: what was noted of them
        progress: told how far it is
    """
    is_archived = record.archive is not None and before.reason is None
    paths = before.listing.paths if is_archived else capture.paths_of(database, record)
    return _now(database, paths, before, progress)


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
        place: look.hashed(found.paths[place], found[place], f"{fact.partition(':')[0]}:")
        for known, place in pairs
        if is_hash(fact := before.listing.facts[known])
        and look.is_local(found.paths[place])
        and judge(before.listing[known], found[place])[0] is MediaChange.REWRITTEN
    }
    return Looked(level, moment, found.knowing(read))
