"""Refusing to put in place what is not what was captured.

Whoever puts documents of a snapshot where somebody will see them knows their content: they are
hashed on the way, as at the capture. It must be what the manifests tell.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from pymongo.database import Database

from ..catalog.record import SnapshotRecord
from ..dataset.parts import Part, State
from ..errors import DamagedSnapshotError
from ..mongo.database import Document
from ..rawbson.ids import Ids, Keys
from . import store as manifest_store
from .columns import NO_OWNER
from .manifest import Differences, Manifest

_NAMED = 5


def check(
    database: Database[Document],
    record: SnapshotRecord,
    found: Mapping[Part, Manifest],
    unchanged: str,
) -> None:
    """Compares what is about to be put in place with what was captured.

    Args:
        database: the database
        record: the snapshot
        found: the content of some of its parts
        unchanged: what was not done, a sentence for the error

    Raises:
        DamagedSnapshotError: if it is not what was captured
    """
    for part, content in found.items():
        compare(record, part, manifest_store.load(database, record.id, part), content, unchanged)


def compare(
    record: SnapshotRecord, part: Part, expected: Manifest, found: Manifest, unchanged: str
) -> None:
    """Compares documents of one part with what was captured of them.

    Args:
        record: the snapshot
        part: the part
        expected: what was captured
        found: what is there
        unchanged: what was not done, a sentence for the error

    Raises:
        DamagedSnapshotError: if it is not what was captured
    """
    if differences := expected.compare(found):
        raise DamagedSnapshotError(
            f"Snapshot '{record.name}' is damaged: of {len(expected)} {part.value}, "
            f"{_described(differences)}. {unchanged} {_advice(part, expected, differences)}"
            f"verify_snapshot() lists everything that is damaged; other snapshots can still be "
            "used."
        )


def check_related(
    database: Database[Document], record: SnapshotRecord, related: State, unchanged: str
) -> None:
    """Compares everything but samples and frames with what was captured.

    Args:
        database: the database
        record: the snapshot
        related: where the parts are; those without documents may be missing
        unchanged: what was not done, a sentence for the error

    Raises:
        DamagedSnapshotError: if it is not what was captured
    """
    known = manifest_store.load_small(database, record.id)
    nothing = Manifest.empty()
    for part in dict.fromkeys([*known, *related]):
        found = Manifest.read(related[part]) if part in related else nothing
        compare(record, part, known.get(part, nothing), found, unchanged)


def _described(differences: Differences) -> str:
    kinds = {
        "missing": differences.deleted_keys,
        "altered": differences.changed_keys,
        "added": differences.added_keys,
    }
    return ", ".join(f"{len(keys)} are {kind}" for kind, keys in kinds.items() if len(keys))


def _advice(part: Part, expected: Manifest, differences: Differences) -> str:
    """Says how to go on without what is damaged, where single samples can be left out."""
    gone = np.concatenate([differences.deleted_keys, differences.changed_keys])
    samples = gone
    if part is not Part.SAMPLES:
        owners = expected.owners_of(gone) if len(gone) else gone
        samples = np.unique(owners[owners != NO_OWNER])
    if not len(samples):
        return ""
    return (
        f"Damaged samples: {_named(samples)}. restore_samples() can bring back the others: leave "
        "these out. "
    )


def _named(keys: Keys) -> str:
    named = ", ".join(map(str, Ids(keys[:_NAMED])))
    return f"{named} and {len(keys) - _NAMED} more" if len(keys) > _NAMED else named
