"""Which remotes a dataset is pushed to, for who does not say where."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from bson import ObjectId
from pymongo.database import Database

from ..archive.store import check_address
from ..catalog.catalog import Catalog
from ..config import Settings
from ..errors import InvalidSettingError
from ..mongo.database import Document

USED = "remote"
"""Where it is remembered of a dataset."""


def told(facts: Mapping[str, Any]) -> list[str]:
    """Returns the remotes that there are for a dataset.

    Args:
        facts: what is remembered of the dataset

    Returns:
        folders and URLs: the one that is set, and the one that was used last
    """
    found: list[str] = []
    for location in (Settings.load().remote, facts.get(USED)):
        # One with a login in it is refused, and must not be shown
        with suppress(InvalidSettingError):
            if isinstance(location, str) and location not in found:
                if "://" in location:
                    check_address(location, "a remote")
                found.append(location)
    return found


def remember(database: Database[Document], dataset_id: ObjectId, location: str) -> None:
    """Remembers that a remote was used.

    Args:
        database: the database
        dataset_id: the dataset
        location: the folder or URL
    """
    catalog = Catalog(database)
    if catalog.dataset_facts(dataset_id).get(USED) != location:
        catalog.set_dataset_facts(dataset_id, **{USED: location})
