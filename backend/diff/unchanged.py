"""Whether the dataset still is what its newest snapshot holds, with all that belongs to it."""

from __future__ import annotations

from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotRecord
from ..dataset.parts import Head
from ..mongo.database import Document
from . import schema, surroundings, version_hash
from .version_hash import Equality
from .versions import HeadVersion, SnapshotVersion


def is_unchanged(database: Database[Document], latest: SnapshotRecord) -> bool:
    """Tells whether a dataset is what its newest snapshot holds, schema, views and runs included.

    That no sample was written to since, counters of the server may prove at once. If they do not,
    the dataset is read and compared.

    Args:
        database: the database
        latest: the newest snapshot of the dataset

    Returns:
        True/False
    """
    older = SnapshotVersion(database, latest)
    newer = HeadVersion(Head(database, latest.dataset_id))
    before = surroundings.dataset_document(older)
    after = surroundings.dataset_document(newer)
    for key in ("sample_fields", "frame_fields"):
        was, now = (dict(schema.declared(version.get(key))) for version in (before, after))
        if schema.compare(was, now, ""):
            return False
    if surroundings.properties(before, after) or surroundings.items(older, newer, before, after):
        return False
    facts = Catalog(database).dataset_facts(latest.dataset_id)
    noted = dict(facts.get("safety_witness" if latest.is_safety else "witness") or {})
    is_of_latest = noted.pop("snapshot_id", None) == latest.id
    found = version_hash.at_a_glance(database, latest, noted if is_of_latest else None)
    if found is Equality.UNKNOWN:
        return version_hash.is_head_equal(database, latest)
    return found is Equality.EQUAL
