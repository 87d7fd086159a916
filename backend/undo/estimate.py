"""What it would take to make an operation on a dataset undoable."""

from __future__ import annotations

from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..config import Settings, variable
from ..dataset.parts import Head, Part
from ..dataset.reference import DatasetReference
from ..mongo.database import Document, data_size

_BYTES_PER_SECOND = 40e6
"""What is captured in a second, as long as nothing was measured."""

_TELLING_BYTES = 16e6
"""What takes less says more of the server's distance than of its speed."""

_MOST_BYTES = 2**30
"""What a backend that stores copies may take up for all that stays undoable, if unasked."""


def note(
    database: Database[Document], dataset_id: object, size_bytes: int, seconds: float
) -> None:
    """Notes how long a capture took, if that tells something.

    Args:
        database: the database
        dataset_id: the dataset
        size_bytes: what was captured
        seconds: how long that took
    """
    if size_bytes >= _TELLING_BYTES and seconds > 0:
        facts = {"capture_bytes_per_second": size_bytes / seconds}
        Catalog(database).set_dataset_facts(dataset_id, **facts)  # type: ignore[arg-type]


def too_expensive(database: Database[Document], dataset: DatasetReference) -> str | None:
    """Tells why an operation is not to be made undoable unasked.

    Args:
        database: the database
        dataset: the dataset

    Returns:
        the reason, or None if it takes little time and space
    """
    settings, facts = Settings.load(), Catalog(database).dataset_facts(dataset.id)
    state = Head(database, dataset.id).state()
    own = (part for part in (Part.SAMPLES, Part.FRAMES) if part in state)
    size = data_size(database, [state[part].collection.name for part in own])
    # Before and after
    seconds = 2 * size / facts.get("capture_bytes_per_second", _BYTES_PER_SECOND)
    if seconds > settings.undo_seconds:
        return (
            f"to capture '{dataset.name}' twice would take about {seconds:.0f} seconds, and "
            f"{variable('undo_seconds')} is {settings.undo_seconds}"
        )
    stored = size * (settings.safety_keep + 1)
    backend = facts.get("backend", settings.backend)
    if backend == "duplication" and stored > _MOST_BYTES:
        return (
            f"copies of '{dataset.name}' would take up {stored / 1e9:.1f} GB; the delta backend "
            "stores what has changed"
        )
    return None
