"""Everything that a list of a dataset's snapshots shows, read in a few round trips.

Whoever looks at the list asks every few seconds whether there is something new. So each document
is read once, and all that can be asked for at the same time is.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import bson
from pymongo.database import Database

from ..branches.record import Branches, looking_around, told_around
from ..catalog import names
from ..catalog.queries import counting
from ..catalog.record import SampleChangeSummary, SnapshotRecord, SnapshotState, check_format
from ..dataset.reference import DatasetReference
from ..diff import latest_changes
from ..errors import DuplicateNameError, LimitExceededError
from ..merge import open_merges
from ..merge.open_merges import OpenMerge
from ..mongo.collections import CATALOG, DATASETS, JOURNAL, LINEAGE, MERGES, TRASH
from ..mongo.database import Document
from ..mongo.together import Question, ask
from ..operations.entry import UNFINISHED, Entry
from ..remote import known
from ..search import history, lineage
from ..search.history import History, HistoryQuery
from ..search.lineage import RunLineage
from ..snapshots import quota
from ..trash import trash
from ..trash.trash import TrashItem

_COUNTS, _BRANCHES = "counts", "branches"

_TIMES = {
    "sample_collection_name": 1,
    "frame_collection_name": 1,
    "last_deletion_at": 1,
}
"""The fields of a dataset document that tell whether its changes have to be counted again."""


@dataclass(frozen=True)
class Overview:
    """What there is of a dataset's history."""

    dataset: DatasetReference
    branches: Branches
    """What the dataset is a branch of, if it is one, and its own branches."""
    trash: list[TrashItem]
    """Oldest first."""
    changes: SampleChangeSummary | None
    """Of the dataset since its latest snapshot, as last counted; None if they were not since it
    is the latest one, or since the dataset was exchanged for another state."""
    changes_are_stale: bool
    """Whether the dataset seems to have changed since."""
    merges: list[OpenMerge]
    """Planned merges into the dataset, or of it into others, oldest first."""
    operations: list[Entry]
    """What is under way, oldest first."""
    runs: list[RunLineage]
    """Which of its snapshots each run was computed on, oldest first."""
    remotes: list[str]
    """Where it is pushed to if nobody says where."""
    limit: LimitExceededError | None
    """Why no more snapshots can be created, if so."""
    _records: list[SnapshotRecord] = field(repr=False)

    def page(self, query: HistoryQuery | None = None) -> History:
        """Returns the snapshots that fit a query; by default, all but those in the trash."""
        return history.page(self._records, self.dataset.name, query or HistoryQuery())

    def check_name(self, name: str) -> None:
        """Checks that a new snapshot could have a name.

        Args:
            name: the name

        Raises:
            InvalidNameError: if it cannot be used
            DuplicateNameError: if it or its slug is in use
        """
        names.validate(name)
        for record in self._records:
            if record.is_live and record.slug == names.slug(name):
                raise DuplicateNameError(names.taken(name, record.name))


def read(
    database: Database[Document], dataset: DatasetReference, mend: Callable[[], object]
) -> Overview:
    """Reads what there is of a dataset's history.

    Args:
        database: the database
        dataset: the dataset
        mend: called if operations have not ended, to mend what dead processes have left

    Returns:
        the overview
    """
    found = _read(database, dataset)
    if any(entry["state"] in UNFINISHED for entry in found[JOURNAL]):
        mend()
        found = _read(database, dataset)
    facts = next(iter(found[DATASETS]), {})
    if facts:
        check_format(facts)
    records = [SnapshotRecord.from_document(document) for document in found[CATALOG]]
    ready = [
        record
        for record in records
        if record.state is SnapshotState.READY and not record.is_safety
    ]
    latest = ready[-1] if ready else None
    document = next(iter(found["datasets"]), None)
    changes = SampleChangeSummary.from_dict(facts.get("latest_changes"))
    if document is None or latest_changes.are_of_others(document, facts, latest):
        # What was counted of others says nothing of it
        changes = None
    counts = next(((each["own"], each["all"]) for each in found[_COUNTS]), (0, 0))
    return Overview(
        dataset=dataset,
        branches=told_around(dataset.id, found[_BRANCHES]),
        trash=trash.told(
            database,
            [record for record in records if record.state is SnapshotState.TRASHED],
            trash.read_records(found[TRASH]),
            {dataset.id: dataset.name},
        ),
        changes=changes,
        changes_are_stale=changes is not None
        and history.latest_changes_are_stale(database, document, facts, latest),
        merges=open_merges.told(found[MERGES]),
        operations=[
            Entry.from_document(entry) for entry in found[JOURNAL] if "finished_at" not in entry
        ],
        runs=lineage.told(next(iter(found["datasets"]), {}), found[LINEAGE], records),
        remotes=known.told(facts),
        limit=quota.problem(database, dataset, counts),
        _records=records,
    )


def _read(database: Database[Document], dataset: DatasetReference) -> dict[str, list[Document]]:
    own: Document = {"$match": {"dataset_id": dataset.id}}
    is_dataset: Document = {"$match": {"_id": dataset.id}}
    has_not_ended: Document = {
        "$or": [{"state": {"$in": UNFINISHED}}, {"finished_at": {"$exists": False}}]
    }
    questions: dict[str, Question] = {
        "datasets": ("datasets", [is_dataset, {"$project": {**lineage.NEEDED, **_TIMES}}]),
        DATASETS: (DATASETS, [is_dataset]),
        CATALOG: (CATALOG, [own, {"$sort": {"sequence": 1, "_id": 1}}]),
        _COUNTS: (CATALOG, counting(dataset.id)),
        _BRANCHES: (DATASETS, looking_around(dataset.id)),
        LINEAGE: (LINEAGE, [own]),
        MERGES: (MERGES, open_merges.looking(dataset.id)),
        TRASH: (
            TRASH,
            [{"$match": trash.in_trash_of(dataset.id)}, {"$sort": {"trashed_at": 1, "_id": 1}}],
        ),
        JOURNAL: (JOURNAL, [own, {"$match": has_not_ended}, {"$sort": {"_id": 1}}]),
    }
    found: dict[str, list[Any]] = {key: [] for key in questions}
    for key, document in ask(database, questions):
        found[key].append(bson.decode(document.raw, database.codec_options))
    return found
