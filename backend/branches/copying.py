"""Making what a snapshot holds a dataset of its own: the same bytes, where others will find them.

Samples, frames and labels keep their ids, because by these a merge knows them again. What FiftyOne
keeps among the documents of all datasets gets new ones, as a projection does. Everything is staged
under names of the operation's own first; what others see is written on the condition of the lease.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from bson import ObjectId
from pymongo.database import Database

from ..archive import location
from ..archive.check import compare
from ..catalog.record import SnapshotRecord
from ..dataset import ownership
from ..dataset.parts import Documents, Part, State, link_field, owner_field, shared_collection
from ..dataset.view_stages import StageTranslation
from ..errors import DamagedArchiveError
from ..manifest import as_captured
from ..mongo.collections import staging_name
from ..mongo.database import Document
from ..operations import removal
from ..operations.journal import Operation
from ..projection import indexes
from ..projection.found import Found
from ..projection.identities import Identities
from ..revert import revert
from ..snapshots import staging
from ..storage import registry

_UNCHANGED = "No branch was created."

COLLECTIONS = {Part.SAMPLES: "sample_collection_name", Part.FRAMES: "frame_collection_name"}
"""Where a dataset document says where its own parts are."""


@dataclass(frozen=True)
class Copied:
    """What a dataset is to be made of; only its document is missing."""

    document: Document
    """The dataset document, which has no name yet."""
    samples: str
    frames: str | None

    def state(self, database: Database[Document]) -> State:
        """Returns where its samples and frames are."""
        names = {Part.SAMPLES: self.samples, Part.FRAMES: self.frames}
        return {part: Documents(database[name]) for part, name in names.items() if name}


def copy(running: Operation, record: SnapshotRecord, new_id: ObjectId) -> Copied:
    """Makes everything of a new dataset but its document.

    Args:
        running: the operation on the dataset whose snapshot it is
        record: the snapshot, which may be archived and stays so
        new_id: the new dataset, which nobody knows yet

    Returns:
        what was made

    Raises:
        DamagedSnapshotError: if the snapshot is not what was captured
    """
    database = running.database
    related, own = _stage(running, record)
    samples = f"samples.{new_id}"
    names = {Part.SAMPLES: samples, Part.FRAMES: f"frames.{samples}"}
    document, staged = _translate(running, record, new_id, related, names)
    for part in own:
        # Not before: those who take over drop what is staged
        running.certain(f"moving_{part.value}")
        database[staging_name(running.id, part)].rename(names[part])
    running.step("moved")
    for part, documents in staged.items():
        documents.merge_into(shared_collection(database, part), if_same=link_field(part))
        running.step(f"added_{part.value}")
    return Copied(document, samples, names[Part.FRAMES] if Part.FRAMES in own else None)


def remove(running: Operation, new_id: ObjectId) -> None:
    """Removes what :func:`copy` has made; may be repeated.

    Args:
        running: the operation, being undone
        new_id: the dataset that it was made for
    """
    database = running.database
    # First, so that whoever is still at it has nothing to rename
    staging.drop(running)
    for name in (f"samples.{new_id}", f"frames.samples.{new_id}"):
        database.drop_collection(name)
    for part in ownership.OWNED:
        mine = Documents(shared_collection(database, part), {owner_field(part): new_id})
        removal.delete(running, part, mine.ids(), owned_by=new_id)
    # After the runs that refer to them
    removal.delete_results(running, running.details.get("results", []))


def _stage(running: Operation, record: SnapshotRecord) -> tuple[State, list[Part]]:
    """Stages samples and frames; returns where the rest is, and which of both there are."""
    database = running.database
    if record.archive is None:
        backend = registry.create(record.backend, database)
        related = backend.related(record)
        as_captured.check_related(database, record, related, _UNCHANGED)
        has_frames = backend.source(record, Part.FRAMES) is not None
        own = [Part.SAMPLES, Part.FRAMES] if has_frames else [Part.SAMPLES]
        revert.stage(running, backend, record, own, _UNCHANGED)
        return related, own
    reader = location.read(record)
    state, manifests = staging.stage(running, reader, "Reading")
    compare(database, record.id, manifests, record.archive.key)
    if reader.checksum != record.archive.checksum:
        raise DamagedArchiveError(
            f"The archive '{reader.source}' is not the file that was written. {_UNCHANGED} Bring "
            "the file back from a backup of its store."
        )
    own = [part for part in state if part.is_own_collection]
    for part in own:
        if models := indexes.models(reader.header.indexes.get(part, [])):
            state[part].collection.create_indexes(models)
    running.step("staged_archive")
    return {part: state[part] for part in state if part not in own}, own


def _translate(
    running: Operation,
    record: SnapshotRecord,
    new_id: ObjectId,
    related: State,
    names: dict[Part, str],
) -> tuple[Document, dict[Part, Documents]]:
    """Stages what the dataset will have among the documents of others, with ids of its own.

    Returns:
        its document, and those parts in the order in which they are to be added
    """
    database = running.database
    # As a projection does, whose id is that of the snapshot
    own_record = replace(record, id=new_id)
    found = Found.read(database, own_record, related)
    identities = Identities(own_record, found)
    document = found.dataset(record)
    stages = StageTranslation(
        frozenset({str(record.dataset_id), str(document["_id"])}),
        document["name"],
        new_id,
        {
            former: names[part]
            for part, key in COLLECTIONS.items()
            if (former := document.get(key)) is not None
        },
    )
    identities.refer(document)
    wanted = {
        part: [identities.own(part, each, stages) for each in found.documents(part)]
        for part in ownership.OWNED
    }
    files = {file["_id"]: file for file in found.documents(Part.RESULT_FILES)}
    own_files = [{**file, "_id": identities.of(id_)} for id_, file in files.items()]
    staged: dict[Part, Documents] = {}
    if files:
        # The bytes before the files, and these before the runs that refer to them
        chunks = related[Part.RESULT_CHUNKS]
        staged[Part.RESULT_CHUNKS] = _copy_chunks(running, chunks, list(files), identities.of)
    for part, documents in {Part.RESULT_FILES: own_files, **wanted}.items():
        if documents:
            staged[part] = Documents(database[_staging_name(running, part)])
            staged[part].collection.drop()
            staged[part].collection.insert_many(documents)
    running.note(results=[file["_id"] for file in own_files])
    running.step("staged_related")
    return document, staged


def _staging_name(running: Operation, part: Part) -> str:
    return staging_name(running.id, f"branch.{part}")


def _copy_chunks(
    running: Operation,
    captured: Documents,
    file_ids: list[ObjectId],
    own_id: Callable[[ObjectId], ObjectId],
) -> Documents:
    """Copies the bytes of results inside the server, which gives the chunks ids of their own."""
    target = running.database[_staging_name(running, Part.RESULT_CHUNKS)]
    own_ids = [own_id(file_id) for file_id in file_ids]
    new_id: Document = {"$arrayElemAt": [own_ids, {"$indexOfArray": [file_ids, "$files_id"]}]}
    captured.collection.aggregate(
        [
            {"$match": {"files_id": {"$in": file_ids}}},
            {"$set": {"files_id": new_id}},
            {"$unset": "_id"},
            {"$out": target.name},
        ],
        allowDiskUse=True,
    )
    return Documents(target)
