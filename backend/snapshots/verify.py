"""Proving that snapshots still are what was captured.

Every document is read and hashed again, and compared with the manifest made at capture. What is
found wrong is told, not raised, and by name: which documents of which part. Archives are read
like the rest, wherever they are; only media are not looked for then. The order of the
documents is not proven: manifests are sorted, and nothing reorders a collection that nobody
writes to.

What could not be read is not called damaged: a folder that is not mounted, a store out of reach.
Neither is a snapshot that another operation has moved meanwhile: it is read again where it is now.
"""

from __future__ import annotations

import logging
from collections.abc import Iterator

from bson import ObjectId
from pymongo.database import Database

from ..archive import check, location
from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset.parts import Part, State
from ..dataset.reference import DatasetReference, current_name
from ..errors import DamagedSnapshotError, SnapshotError
from ..manifest import store as manifest_store
from ..manifest.manifest import Differences, Manifest
from ..media import changes, versions
from ..media.listing import FileState
from ..mongo.database import Document, server_time
from ..operations import control
from ..progress import Progress, silent
from ..results.listed import Listed
from ..storage import registry
from .verify_report import MediaReport, PartReport, Verdict, VerifyReport

logger = logging.getLogger(__name__)

_ATTEMPTS = 3
"""How often a snapshot is read that other operations move meanwhile."""


def verify(
    database: Database[Document],
    dataset: DatasetReference,
    name: str,
    media: bool = False,
    progress: Progress = silent,
) -> VerifyReport:
    """Compares a snapshot with what was captured.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot
        media (False): whether to look for the media files as well
        progress: told how far it is

    Returns:
        the report

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
    """
    record = Catalog(database).get(dataset.id, name, dataset.name)
    report = _verify(database, record, dataset.name, media, progress)
    if report is None:
        reason = "It was deleted while it was being verified"
        return VerifyReport(dataset.name, name, (), untold=reason)
    return report


def verify_all(
    database: Database[Document], media: bool = False, progress: Progress = silent
) -> Iterator[VerifyReport]:
    """Compares every snapshot of every dataset with what was captured, one after the other.

    Args:
        database: the database
        media (False): whether to look for the media files as well
        progress: told how far it is

    Yields:
        the reports
    """
    catalog = Catalog(database)
    records = [
        record for id_ in catalog.dataset_ids() for record in catalog.list(id_, safety=True)
    ]
    for number, record in enumerate(records):
        name = current_name(database, record.dataset_id)
        if name is None:
            continue

        def of_all(fraction: float, label: str, done: int = number, of: str = name) -> None:
            progress((done + fraction) / len(records), f"{of}: {label}")

        report = _verify(database, record, name, media, of_all)
        if report is not None:
            yield report


def _verify(
    database: Database[Document],
    record: SnapshotRecord,
    dataset: str,
    media: bool,
    progress: Progress,
) -> VerifyReport | None:
    """Verifies a snapshot; None if it is deleted before that is done."""
    for _ in range(_ATTEMPTS):
        began = server_time(database)
        report = _attempt(database, record, dataset, media, progress)
        if report.is_intact:
            break
        current = Catalog(database).by_id(record.id)
        if current is None or not current.is_live:
            return None
        if not control.since(database, record.dataset_id, began):
            break
        record = current
    else:
        reason = "Other operations on the dataset were under way: verify it when they are done"
        report = VerifyReport(dataset, record.name, (), untold=reason)
    if report.verdict is Verdict.DAMAGED:
        logger.error("%s", report)
    progress(1.0, "Verified")
    return report


def _attempt(
    database: Database[Document],
    record: SnapshotRecord,
    dataset: str,
    media: bool,
    progress: Progress,
) -> VerifyReport:
    try:
        return _inspect(database, record, dataset, media, progress)
    except DamagedSnapshotError as error:
        return VerifyReport(dataset, record.name, (), problem=str(error))
    except SnapshotError as error:
        return VerifyReport(dataset, record.name, (), untold=str(error))


def _inspect(
    database: Database[Document],
    record: SnapshotRecord,
    dataset: str,
    media: bool,
    progress: Progress,
) -> VerifyReport:
    if record.archive is not None:
        return _inspect_archive(database, record, dataset, progress)
    backend = registry.create(record.backend, database)
    state = backend.remains(record)
    known = manifest_store.parts(database, record.id)
    # Of all other parts there is a manifest even if there were no documents
    has_frames = Part.FRAMES in known or bool(backend.indexes(record, Part.FRAMES))
    parts = [part for part in Part if part is not Part.FRAMES or has_frames]
    reports: list[PartReport] = []
    damaged: dict[Part, set[ObjectId]] = {}
    for number, part in enumerate(parts):
        progress(number / len(parts), f"Verifying {part.value} of '{record.name}'")
        stored = backend.read(record, part, progress) or [Manifest.empty()]
        try:
            expected = manifest_store.load(database, record.id, part)
        except DamagedSnapshotError as error:
            reports.append(PartReport(part.value, None, len(stored[0]), problem=str(error)))
            continue
        # Of several places, the first in which something is wrong
        found = next((each for each in stored if expected.compare(each)), stored[0])
        differences = expected.compare(found)
        damaged[part] = {*differences.deleted, *differences.changed}
        reports.append(_report(part, expected, found, differences))
    return VerifyReport(
        dataset,
        record.name,
        tuple(reports),
        lost_results=Listed.of(_runs_without_results(state, damaged)),
        media=_verify_media(database, record, progress) if media else None,
    )


def _inspect_archive(
    database: Database[Document], record: SnapshotRecord, dataset: str, progress: Progress
) -> VerifyReport:
    """Reads a whole archive: its checksums, and its documents against what was captured."""
    found = check.manifests(location.read(record), progress)
    reports: list[PartReport] = []
    for part in sorted({*found, *manifest_store.parts(database, record.id)}, key=list(Part).index):
        content = found.get(part, Manifest.empty())
        try:
            expected = manifest_store.load(database, record.id, part)
        except DamagedSnapshotError as error:
            reports.append(PartReport(part.value, None, len(content), problem=str(error)))
            continue
        reports.append(_report(part, expected, content, expected.compare(content)))
    return VerifyReport(dataset, record.name, tuple(reports))


def _report(
    part: Part, expected: Manifest, found: Manifest, differences: Differences
) -> PartReport:
    return PartReport(
        part.value,
        len(expected),
        len(found),
        missing=Listed.of(differences.deleted),
        unexpected=Listed.of(differences.added),
        altered=Listed.of(differences.changed),
    )


def _runs_without_results(state: State, damaged: dict[Part, set[ObjectId]]) -> Iterator[str]:
    """Yields the keys of runs whose results were captured and are not complete any more.

    Results that the dataset itself had lost before the snapshot was taken are not the snapshot's
    damage.
    """
    if not any(damaged.get(part) for part in (Part.RESULT_FILES, Part.RESULT_CHUNKS)):
        return
    lost = damaged.get(Part.RESULT_FILES, set()) | set(_incomplete_files(state, damaged))
    for run in state[Part.RUNS].collection.find() if Part.RUNS in state else ():
        if run.get("results") in lost:
            yield str(run.get("key"))


def _incomplete_files(state: State, damaged: dict[Part, set[ObjectId]]) -> Iterator[ObjectId]:
    """Yields the result files some of whose bytes are gone or altered."""
    if Part.RESULT_FILES not in state:
        return
    chunks = state.get(Part.RESULT_CHUNKS)
    stored: dict[ObjectId, int] = {}
    if chunks is not None:
        altered = {"_id": {"$in": list(damaged.get(Part.RESULT_CHUNKS, ()))}}
        yield from chunks.collection.distinct("files_id", altered)
        group = {"_id": "$files_id", "bytes": {"$sum": {"$binarySize": "$data"}}}
        sums = chunks.collection.aggregate([{"$group": group}], allowDiskUse=True)
        stored = {file["_id"]: file["bytes"] for file in sums}
    for file in state[Part.RESULT_FILES].collection.find():
        if stored.get(file["_id"], 0) != file["length"]:
            yield file["_id"]


def _verify_media(
    database: Database[Document], record: SnapshotRecord, progress: Progress
) -> MediaReport:
    """Looks for all files that a snapshot refers to, and whether they are what they were."""
    before = versions.captured(database, record)

    def told(_: float, label: str) -> None:
        progress(0.99, label)

    now = versions.of_snapshot_now(database, record, before, told)
    counts = now.listing.counts()
    paths = zip(now.listing.paths, now.listing.states.tolist(), strict=True)
    found = changes.compare(before, now)
    return MediaReport(
        counts["file"],
        Listed.of(path for path, state in paths if state in _NOT_THERE),
        counts["elsewhere"] + counts["unreadable"],
        captured_at=before.at,
        replaced=found.replaced,
        rewritten=found.rewritten,
        hashed=found.hashed,
    )


_NOT_THERE = {FileState.MISSING, FileState.NO_FILE}
