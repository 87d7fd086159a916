"""MLflow: a version for its runs to log, and which runs did."""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timezone
from typing import Any

from ..errors import InvalidRequestError, MissingPackageError, TrackerError
from ..search import uri
from .run import TrackedRun

SCHEME = "mlflow"

_MODULE = "fiftyone_snapshots_mlflow"
_DIGEST_LENGTH = 32
"""Of 64: MLflow takes 36 characters at most, and half are enough to tell contents apart."""
_NAME_LENGTH = 500
_PAGE = 1000
_CONTEXT = "mlflow.data.context"


def dataset(address: str, name: str, sample_count: int) -> Any:
    """Returns a version as ``mlflow.log_input()`` takes it.

    Args:
        address: the address of the snapshot, without names
        name: what MLflow shows
        sample_count: how many samples it has

    Returns:
        an ``mlflow.data.dataset.Dataset``

    Raises:
        MissingPackageError: if MLflow is not installed
    """
    made = _import(_MODULE).SnapshotDataset
    return made(address, name[:_NAME_LENGTH], digest(address), sample_count)


def digest(address: str) -> str:
    """Returns what MLflow calls the digest of a version: half of the hash of its content.

    Args:
        address: the address of the snapshot
    """
    return uri.content_of(address).rpartition(":")[2][:_DIGEST_LENGTH]


def runs_on(address: str) -> list[TrackedRun]:
    """Finds the runs that have logged a version, in all experiments that are not deleted.

    Args:
        address: the address of the snapshot

    Returns:
        the runs, newest first

    Raises:
        MissingPackageError: if MLflow is not installed
        TrackerError: if it does not answer
    """
    client = _client()
    with _answering():
        experiments = {
            item.experiment_id: item.name
            for item in _all(lambda token: client.search_experiments(page_token=token))
        }
        found = _all(
            lambda token: client.search_runs(
                [*experiments],
                filter_string=f"dataset.digest = '{digest(address)}'",
                max_results=_PAGE,
                page_token=token,
            )
        )
        # Versions of the same content have the same digest
        runs = [
            _told(run, experiments[run.info.experiment_id], contexts)
            for run in found
            if (contexts := _versions(run).get(uri.without_names(address))) is not None
        ]
    return sorted(runs, key=lambda run: _time(run.started_at), reverse=True)


def versions_of(run_id: str) -> dict[str, tuple[str, ...]]:
    """Returns which versions a run has logged.

    Args:
        run_id: the id of the run

    Returns:
        the contexts in which each was, by the addresses of the snapshots

    Raises:
        InvalidRequestError: if there is no such run
        MissingPackageError: if MLflow is not installed
        TrackerError: if it does not answer
    """
    client = _client()
    with _answering(f"There is no run '{SCHEME}:{run_id}'"):
        return _versions(client.get_run(run_id))


def _versions(run: Any) -> dict[str, tuple[str, ...]]:
    found: dict[str, tuple[str, ...]] = {}
    for given in run.inputs.dataset_inputs if run.inputs else ():
        address = _address(given.dataset)
        if address is not None:
            contexts = [tag.value for tag in given.tags if tag.key == _CONTEXT]
            found[address] = tuple(dict.fromkeys([*found.get(address, ()), *contexts]))
    return found


def _address(logged: Any) -> str | None:
    """Returns the address of what a run has logged, if it is a version of ours."""
    try:
        told = json.loads(logged.source)
        return uri.without_names(told["uri"])
    except (ValueError, TypeError, KeyError):
        # A source of another kind; the error for what is no address of ours is a ValueError
        return None


def _told(run: Any, experiment: str, contexts: tuple[str, ...]) -> TrackedRun:
    models = [
        *(getattr(run.inputs, "model_inputs", None) or ()),
        *(getattr(run.outputs, "model_outputs", None) or ()),
    ]
    begun = run.info.start_time
    return TrackedRun(
        run=f"{SCHEME}:{run.info.run_id}",
        name=run.info.run_name or run.info.run_id,
        experiment=experiment,
        status=run.info.status,
        started_at=begun and datetime.fromtimestamp(begun / 1000, timezone.utc),
        started_by=run.info.user_id or run.data.tags.get("mlflow.user") or None,
        contexts=contexts,
        models=tuple(dict.fromkeys(f"models:/{model.model_id}" for model in models)),
    )


def _time(moment: datetime | None) -> float:
    return 0.0 if moment is None else moment.timestamp()


def _all(page: Callable[[str | None], Any]) -> Iterator[Any]:
    """Yields what MLflow gives page by page."""
    token: str | None = None
    while True:
        found = page(token)
        yield from found
        token = found.token
        if not token:
            return


def _import(module: str) -> Any:
    try:
        return importlib.import_module(module)
    except ImportError as error:
        raise MissingPackageError(
            f"MLflow is needed for that: pip install 'fiftyone-snapshots[mlflow]' ({error})"
        ) from error


def _client() -> Any:
    made = _import(SCHEME).MlflowClient
    with _answering():
        return made()


@contextmanager
def _answering(if_unknown: str | None = None) -> Iterator[None]:
    """Says in our words what MLflow could not do.

    Args:
        if_unknown (None): what is meant if it does not know what it was asked for
    """
    failure = _import("mlflow.exceptions").MlflowException
    try:
        yield
    except failure as error:
        unknown = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE")
        if if_unknown is not None and error.error_code in unknown:
            raise InvalidRequestError(f"{if_unknown}: {error}") from error
        raise TrackerError(f"MLflow does not answer: {error}") from error
