"""The tier that needs no server: pure logic, and code that reads and writes single collections.

``mongomock`` stands in for MongoDB where documents are put in and found again. Whatever depends on
how the server behaves (clocks, expressions, views, races) is tested on a real one, elsewhere.
"""

from __future__ import annotations

from typing import Any

import mongomock
import pytest
from pymongo.database import Database


@pytest.fixture
def database() -> Database[dict[str, Any]]:
    """An empty database in this process's memory."""
    database: Database[dict[str, Any]] = mongomock.MongoClient(tz_aware=False)["quick"]
    return database


@pytest.fixture(autouse=True)
def steady_primary() -> None:
    """Nothing: there is no server."""


@pytest.fixture(autouse=True)
def clean_database() -> None:
    """Nothing: each test has a database of its own."""
