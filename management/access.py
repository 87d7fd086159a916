"""Who may do what, and who did what."""

from __future__ import annotations

from datetime import datetime
from itertools import islice
from pathlib import Path
from typing import Any

import fiftyone.core.dataset as fod
from bson import ObjectId
from pymongo.database import Database

from ..backend import maintenance
from ..backend.access import Action, mongodb
from ..backend.access.arguments import checked
from ..backend.audit import AuditEvent, AuditReport, proof, reading
from ..backend.audit.export import export as export_log
from ..backend.dataset.reference import resolve
from ..backend.errors import DatasetNotFoundError
from ..backend.mongo import database
from ..backend.mongo.database import Document
from .authorize import acting, allows
from .authorize import why_not as _why_not
from .datasets import find, look


@acting(Action.READ_LOG, each=True)
def list_events(
    dataset_name: str | fod.Dataset | None = None,
    user: str | None = None,
    action: str | None = None,
    since: datetime | None = None,
    until: datetime | None = None,
    outcome: str | None = None,
    limit: int | None = None,
    offset: int = 0,
) -> list[AuditEvent]:
    """Lists what was done, and what was refused or failed, from the audit log.

    Args:
        dataset_name (None): the name of a dataset, which may be deleted; by default, all datasets
            that one may see
        user (None): who did it
        action (None): what was done: a value of :class:`Action`, such as ``"revert"``
        since (None): the first moment
        until (None): the moment after the last one
        outcome (None): ``"done"``, ``"refused"`` or ``"failed"``
        limit (None): how many events at most
        offset (0): how many of the newest ones to leave out

    Returns:
        a list of :class:`AuditEvent`, newest first

    Raises:
        ValueError: if there is no such action or outcome
    """
    connection = database.connect()
    maintenance.catch_up_log(connection)
    dataset_id, name = _owner_of_events(connection, dataset_name)
    query = reading.EventQuery(dataset_id, name, user, action, since, until, outcome)
    found = reading.events(connection, query)
    if dataset_name is None:
        found = (event for event in found if allows(Action.READ_LOG, event.dataset))
    return list(islice(found, offset, None if limit is None else offset + limit))


@acting(Action.READ_LOG)
def list_event_users(dataset_name: str | fod.Dataset) -> list[str]:
    """Lists who has done something with a dataset, from the audit log.

    Args:
        dataset_name: the name of the dataset

    Returns:
        a list of names

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = find(dataset_name)
    return reading.users(connection, dataset.id)


@acting(Action.EXPORT_LOG)
def export_events(path: str | Path) -> int:
    """Writes the whole audit log to a file, oldest event first.

    Args:
        path: a file to be made, ending in ``.jsonl`` (JSON lines) or ``.csv``

    Returns:
        the number of events

    Raises:
        ValueError: if its suffix is another one, or the file exists
    """
    connection = database.connect()
    maintenance.catch_up_log(connection)
    return export_log(connection, path)


@acting(Action.READ_LOG)
def verify_audit_log(head: str | None = None) -> AuditReport:
    """Proves that no event of the audit log was altered, removed or slipped in.

    Args:
        head (None): the ``head`` of an earlier report, kept where whoever may write to the
            database could not alter it; without one, it goes unnoticed if somebody writes a whole
            new log

    Returns:
        an :class:`AuditReport`, true if nothing is wrong, that else names the first bad event

    Raises:
        ValueError: if ``head`` is not the head of a report
    """
    return proof.verify(database.connect(), head)


@acting(Action.LIST)
def mongodb_role(name: str) -> dict[str, Any]:
    """Returns the MongoDB command that makes a role for those who may not write snapshots.

    Whoever has it may edit the datasets that there are now and load their snapshots. Run it as
    ``updateRole`` when datasets were added; see docs/permissions.md.

    Args:
        name: the name of the role

    Returns:
        a ``createRole`` command
    """
    return mongodb.role(database.connect(), name)


@checked
def why_not(action: Action | str, dataset_name: str | fod.Dataset | None = None) -> str | None:
    """Tells why something would be refused to whoever asks, without trying.

    Args:
        action: what would be done: an :class:`Action`, or its value, such as ``"create"``
        dataset_name (None): the name of the dataset; by default, all datasets at once

    Returns:
        a sentence, or None if it is allowed
    """
    name = dataset_name.name if isinstance(dataset_name, fod.Dataset) else dataset_name
    return _why_not(Action.named(action), name)


def _owner_of_events(
    connection: Database[Document], dataset: str | fod.Dataset | None
) -> tuple[ObjectId | None, str | None]:
    """Returns the id of a dataset, or only its name if it is gone; neither for all datasets."""
    if dataset is None:
        return None, None
    try:
        seen = look().reference(dataset)
        return (seen or resolve(connection, dataset)).id, None
    except DatasetNotFoundError:
        return None, dataset.name if isinstance(dataset, fod.Dataset) else dataset
