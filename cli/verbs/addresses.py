"""Commands on what is noted of versions elsewhere."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from ... import management as sdk
from ...backend.errors import InvalidRequestError
from ..output import Answer

Progress = Callable[[float, str], None]


def lock(options: Namespace, _: Progress) -> Answer:
    """Prints a lock; the text for people is the file, as both read it."""
    dataset, snapshot = options.dataset, options.snapshot
    if snapshot is None:
        location = sdk.locate(dataset)
        dataset, snapshot = location.dataset.name, location.snapshot
        if snapshot is None:
            raise InvalidRequestError(f"Say which snapshot of '{dataset}' is meant")
    made = sdk.lock_snapshot(dataset, snapshot, names=not options.no_names)
    return Answer(made, made.to_text())


def checkout(options: Namespace, _: Progress) -> Answer:
    """Opens what a lock names."""
    return _opened(sdk.checkout(options.path).name)


def _opened(name: str) -> Answer:
    found = sdk.locate(name)
    data = {
        "name": name,
        "dataset_name": found.dataset.name,
        "snapshot_name": found.snapshot,
    }
    return Answer(data, name)
