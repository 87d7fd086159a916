"""Experiment trackers: which runs used a version, and which version a run used."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import fiftyone.core.dataset as fod

from ..backend.access import Action
from ..backend.catalog.record import DatasetSnapshot
from ..backend.errors import InvalidRequestError
from ..backend.trackers import mlflow, noticed
from ..backend.trackers.run import TrackedRun
from .addresses import lock_snapshot, open_snapshot_uri
from .authorize import acting, why_not
from .datasets import find


@acting(Action.LIST)
def mlflow_dataset(dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot) -> Any:
    """Returns a version for ``mlflow.log_input()``, which notes in a run what it was trained on.

    Its digest is half of :func:`content_hash`, and its source the address without names, which
    ``mlflow.data.get_source(...).load()`` opens.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Returns:
        an ``mlflow.data.dataset.Dataset``

    Raises:
        ValueError: if there is no such dataset or snapshot
        MissingPackageError: if MLflow is not installed
    """
    lock = lock_snapshot(dataset_name, snapshot_name)
    return mlflow.dataset(lock.uri, f"{lock.dataset_name}@{lock.snapshot_name}", lock.sample_count)


@acting(Action.LIST_RUNS)
def list_runs_of(
    dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot
) -> list[TrackedRun]:
    """Lists the runs that an experiment tracker knows to have used a version.

    MLflow is asked, at the address that it is set to, such as by ``MLFLOW_TRACKING_URI``, for what
    was logged with :func:`mlflow_dataset`.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Returns:
        a list of :class:`TrackedRun`, newest first

    Raises:
        ValueError: if there is no such dataset or snapshot
        MissingPackageError: if MLflow is not installed
        TrackerError: if it does not answer
    """
    return mlflow.runs_on(lock_snapshot(dataset_name, snapshot_name).uri)


def runs_as_noticed(
    dataset_name: str, snapshot_ids: Iterable[str], *, also_new: bool = True
) -> dict[str, tuple[TrackedRun, ...]]:
    """Returns the runs that used snapshots, as the tracker last told, and has it asked again.

    For whoever shows them, and asks every few seconds; :func:`list_runs_of` waits for the tracker.

    Args:
        dataset_name: the name of the dataset
        snapshot_ids: the ids of the snapshots
        also_new (True): whether those are asked for that nobody has asked for yet

    Returns:
        the runs, newest first, by the ids of the snapshots; those that have none are left out
    """
    if not noticed.is_set() or why_not(Action.LIST_RUNS, dataset_name) is not None:
        return {}
    connection, dataset = find(dataset_name)
    return noticed.runs_of(connection, dataset, snapshot_ids, also_new=also_new)


@acting(Action.LOAD, each=True)
def open_run(run: str, context: str | None = None) -> fod.Dataset:
    """Opens the version that a run has used; an archived one is brought back first.

    Args:
        run: the address of the run, such as ``mlflow:<run id>``
        context (None): what the version was used for, such as ``training``, if the run has used
            several

    Returns:
        the snapshot, as a read-only :class:`fiftyone.core.dataset.Dataset`

    Raises:
        ValueError: if there is no such run, or it has used no version, or several
        SnapshotNotFoundError: if the snapshot is gone; DatasetNotFoundError, if its dataset is
        DamagedSnapshotError: if the snapshot has another content, or its archive is gone
        MissingPackageError: if MLflow is not installed
        TrackerError: if it does not answer
    """
    tracker, _, run_id = run.partition(":")
    if tracker != mlflow.SCHEME or not run_id:
        raise InvalidRequestError(
            f"Not the address of a run: {run!r}. It must begin with '{mlflow.SCHEME}:'"
        )
    used = mlflow.versions_of(run_id)
    meant = [
        address for address, contexts in used.items() if context is None or context in contexts
    ]
    if len(meant) == 1:
        return open_snapshot_uri(meant[0])
    what = "" if context is None else f" for '{context}'"
    if not meant:
        raise InvalidRequestError(f"Run '{run}' has logged no version of a dataset{what}")
    known = ", ".join(sorted({name for address in meant for name in used[address]}))
    raise InvalidRequestError(
        f"Run '{run}' has logged {len(meant)} versions{what}: say which context is meant "
        f"({known or 'none has one'}), or open one with open_snapshot_uri(): {', '.join(meant)}"
    )
