"""Running one command."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from importlib.metadata import PackageNotFoundError, version

from ..backend.errors import SnapshotError
from .output import FAILED, USAGE, Answer, bar
from .table import parser

_INTERRUPTED = 130
"""What shells say of a command that Ctrl-C has ended."""


def main(
    arguments: Sequence[str] | None = None, prepare: Callable[[], object] = lambda: None
) -> int:
    """Runs a command.

    Args:
        arguments (None): the arguments; by default, those of the process
        prepare: called before anything needs FiftyOne

    Returns:
        the exit code
    """
    commands = parser(_version())
    if "_ARGCOMPLETE" in os.environ:
        import argcomplete  # noqa: PLC0415 (a shell that completes is all that needs it)

        argcomplete.autocomplete(commands)
    options = commands.parse_args(arguments)
    try:
        # What FiftyOne and others say by the way must not get into what programs read
        with redirect_stdout(sys.stderr):
            prepare()
            answer = _run(options)
        _print(answer.to_json() if options.json else answer.text)
        return answer.code
    except (SnapshotError, ValueError) as error:
        # FiftyOne says with a ValueError what the caller has got wrong, as we do
        print(f"error: {' '.join(str(error).split())}", file=sys.stderr)  # noqa: T201
        return FAILED
    except KeyboardInterrupt:
        return _INTERRUPTED


def _run(options: Namespace) -> Answer:
    from .. import management  # noqa: PLC0415 (imports FiftyOne, which takes seconds)
    from . import verbs  # noqa: PLC0415

    command = options.command
    if command.destroys and not (options.yes and not options.dry_run):
        preview: Answer = getattr(verbs, f"preview_{command.function}")(options)
        if options.dry_run:
            return preview
        if (refused := _ask(preview)) is not None:
            return refused
    progress = bar(sys.stderr)
    try:
        with management.reporting(progress):
            answer: Answer = getattr(verbs, command.function)(options, progress)
    finally:
        progress(1.0, "")
    return answer


def _ask(preview: Answer) -> Answer | None:
    """Asks whether to go on; returns what to answer if not."""
    refused = {"done": False}
    if not sys.stdin.isatty():
        text = "nothing was changed: nobody can be asked here, so say --yes if it is meant"
        _complain(f"error: {text}")
        return Answer(refused, "", USAGE)
    _complain(f"{preview.text}\nGo on? [y/N] ", end="")
    if sys.stdin.readline().strip().lower() in ("y", "yes"):
        return None
    _complain("Nothing was changed")
    return Answer(refused, "", FAILED)


def _complain(text: str, end: str = "\n") -> None:
    sys.stderr.write(text + end)
    sys.stderr.flush()


def _print(text: str) -> None:
    if not text:
        return
    # Whoever reads, such as head, may have had enough
    with suppress(BrokenPipeError):
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()


def _version() -> str:
    with suppress(PackageNotFoundError):
        return f"fiftyone-snapshots {version('fiftyone-snapshots')}"
    return "fiftyone-snapshots"
