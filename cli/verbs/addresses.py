"""Commands on what is noted of versions elsewhere."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable

from ... import management as sdk
from ...backend.errors import InvalidRequestError
from ..output import Answer, table

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


def runs(options: Namespace, _: Progress) -> Answer:
    """Lists the runs that used a version."""
    found = sdk.list_runs_of(options.dataset, options.snapshot)
    rows = [
        (
            run.run,
            run.name,
            run.experiment,
            run.status.lower(),
            run.started_at,
            run.started_by,
            run.contexts,
            run.models,
        )
        for run in found
    ]
    headings = ("run", "name", "experiment", "status", "started", "by", "used for", "models")
    return Answer(found, table(headings, rows, "No runs"))


def open_run(options: Namespace, _: Progress) -> Answer:
    """Opens what a run used."""
    return _opened(sdk.open_run(options.run, options.context).name)


def card(options: Namespace, _: Progress) -> Answer:
    """Prints a card; one of Croissant is a JSON document itself."""
    text = sdk.export_card(options.dataset, options.snapshot, options.format)
    is_json = options.format == sdk.CardFormat.CROISSANT
    return Answer(json.loads(text) if is_json else {"card": text}, text)


def _opened(name: str) -> Answer:
    found = sdk.locate(name)
    data = {
        "name": name,
        "dataset_name": found.dataset.name,
        "snapshot_name": found.snapshot,
    }
    return Answer(data, name)
