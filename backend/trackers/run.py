"""A training run, as an experiment tracker tells of it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ..results.serialize import Record


@dataclass(frozen=True)
class TrackedRun(Record):
    """A run of an experiment tracker that used a version."""

    run: str
    """Its address, such as ``mlflow:<run id>``, which ``open_run()`` takes."""
    name: str
    experiment: str
    status: str
    """As the tracker says it, such as ``FINISHED``."""
    started_at: datetime | None
    started_by: str | None
    contexts: tuple[str, ...] = ()
    """What the version was used for, such as ``training``, if the run has said so."""
    models: tuple[str, ...] = ()
    """The addresses of the models that went in or came out, such as ``models:/<model id>``."""
