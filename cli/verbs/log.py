"""Commands on the audit log."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from ... import management as sdk
from ...management.datasets import as_shown
from ..output import DONE, FOUND, Answer, table

__all__ = ["events", "export_events", "verify_log"]

Progress = Callable[[float, str], None]


def events(options: Namespace, _: Progress) -> Answer:
    """Lists who did what, newest first."""
    found = sdk.list_events(
        options.dataset,
        user=options.user,
        action=options.action,
        since=None if options.since is None else as_shown(options.since),
        until=None if options.until is None else as_shown(options.until),
        outcome=options.outcome,
        limit=options.limit,
    )
    rows = [
        (
            event.sequence,
            event.at,
            event.user,
            event.interface,
            event.action,
            event.dataset,
            event.snapshot,
            event.outcome.value
            if event.error is None
            else f"{event.outcome.value}: {event.error}",
        )
        for event in found
    ]
    headings = ("no.", "at", "user", "by", "action", "dataset", "snapshot", "outcome")
    return Answer(found, table(headings, rows, "No events"))


def export_events(options: Namespace, _: Progress) -> Answer:
    """Writes the whole log to a file."""
    count = sdk.export_events(options.path)
    return Answer({"path": options.path, "events": count}, f"{count} events in {options.path}")


def verify_log(options: Namespace, _: Progress) -> Answer:
    """Proves that nobody tampered with the log."""
    report = sdk.verify_audit_log(options.head)
    head = f"\nhead: {report.head}" if report and report.head else ""
    return Answer(report, f"{report}{head}", DONE if report else FOUND)
