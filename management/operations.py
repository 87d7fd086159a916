"""What is under way, and what is wrong."""

from __future__ import annotations

import fiftyone.core.dataset as fod

from ..backend import doctor, maintenance
from ..backend.access import Action
from ..backend.doctor import Diagnosis
from ..backend.maintenance import Recovered
from ..backend.mongo import database
from ..backend.operations import control, journal
from ..backend.purge import Purged, remove_everything, survey
from .authorize import acting
from .datasets import read


@acting(Action.LIST)
def list_operations(dataset_name: str | fod.Dataset, ended_within: int = 0) -> list[journal.Entry]:
    """Lists the operations on a dataset that are under way.

    Args:
        dataset_name: the name of the dataset
        ended_within (0): also those that ended at most so many seconds ago

    Returns:
        a list of journal entries (:class:`fiftyone_snapshots.backend.operations.entry.Entry`),
        oldest first

    Raises:
        ValueError: if there is no such dataset
    """
    # A dead process is noticed, and its debris removed, before anyone waits for it
    connection, dataset = read(dataset_name)
    return control.recent(connection, dataset.id, ended_within)


@acting(Action.CANCEL)
def cancel_operation(operation_id: str) -> bool:
    """Asks whoever runs an operation, in whatever process, to give it up and undo it.

    Args:
        operation_id: the operation's id

    Returns:
        whether it was still time for that; it is given up at its next step

    Raises:
        ValueError: if there is no such operation
    """
    return control.cancel(database.connect(), operation_id)


@acting(Action.LIST)
def get_operation(operation_id: str) -> journal.Entry:
    """Returns how far an operation has come, or how it ended.

    Args:
        operation_id: the id of the operation

    Returns:
        its :class:`journal entry <fiftyone_snapshots.backend.operations.journal.Entry>`

    Raises:
        ValueError: if there is no such operation
    """
    return journal.get(database.connect(), operation_id)


def diagnose() -> Diagnosis:
    """Looks for what is wrong with the installation, the server and what is stored.

    Nothing is changed.

    Returns:
        a :class:`Diagnosis`, which can be printed and is true if nothing is wrong
    """
    return doctor.diagnose()


@acting(Action.RECOVER)
def recover() -> Recovered:
    """Mends what crashed processes left behind, in all datasets.

    Every operation does so for its own dataset before it begins; this is for maintenance scripts.

    Returns:
        what was done
    """
    return maintenance.recover(database.connect())


@acting(Action.PURGE_ALL, dry_run=Action.LIST)
def purge(*, dry_run: bool = True) -> Purged:
    """Removes everything of this package from the database, for good.

    FiftyOne's datasets stay as they are. So do archives and exports, which are files, and can be
    taken in again by :func:`import_snapshot`.

    Args:
        dry_run (True): whether to only tell what would be removed

    Returns:
        what was removed, or would be, as a :class:`Purged` that can be printed

    Raises:
        DatasetBusyError: if an operation is under way; then nothing was removed
    """
    connection = database.connect()
    return survey(connection) if dry_run else remove_everything(connection)
