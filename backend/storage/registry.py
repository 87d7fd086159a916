"""Finding backends: built-in ones, and those of other packages by entry point."""

from __future__ import annotations

from importlib.metadata import entry_points

from pymongo.database import Database

from ..errors import InvalidSettingError
from ..mongo.database import Document
from .base import Backend
from .delta import DeltaBackend
from .duplication import DuplicationBackend

ENTRY_POINT_GROUP = "fiftyone_snapshots.backends"

# Named here as well as in pyproject.toml, because a plugin folder has no entry points
_BUILT_IN: dict[str, type[Backend]] = {
    backend.name: backend for backend in (DuplicationBackend, DeltaBackend)
}


def names() -> list[str]:
    """Lists the backends that can be chosen.

    Returns:
        names
    """
    installed = {point.name for point in entry_points(group=ENTRY_POINT_GROUP)}
    return sorted(installed | set(_BUILT_IN))


def create(name: str, database: Database[Document]) -> Backend:
    """Makes a backend ready for use.

    Args:
        name: the backend's name
        database: the database that FiftyOne uses

    Returns:
        the backend

    Raises:
        InvalidSettingError: if there is no such backend
    """
    if name in _BUILT_IN:
        return _BUILT_IN[name](database)
    for point in entry_points(group=ENTRY_POINT_GROUP, name=name):
        backend: type[Backend] = point.load()
        return backend(database)
    raise InvalidSettingError(
        f"There is no snapshot backend {name!r}; available: {', '.join(names())}. Name "
        "one of them (for new snapshots, in FIFTYONE_SNAPSHOTS_BACKEND), or install the package "
        "that provides it."
    )
