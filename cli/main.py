"""Running one command."""

from __future__ import annotations

import os
import sys
from argparse import Namespace
from collections.abc import Callable, Sequence
from contextlib import redirect_stdout, suppress
from importlib.metadata import PackageNotFoundError, version

from ..backend.errors import (
    ConflictsRemainError,
    DatabaseNotStartedError,
    SnapshotError,
    StaleMergeError,
)
from .command import Command
from .output import (
    DONE,
    FAILED,
    FOUND,
    UNTOLD,
    USAGE,
    Answer,
    bar,
    prepare_streams,
    visible,
    write,
)
from .parser import parser
from .startup import StartError, explained
from .table import ANSWERING

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
    is_closed = sys.stdout is None
    prepare_streams()
    given = sys.argv[1:] if arguments is None else [*arguments]
    if not given:
        commands.print_help()
        return USAGE
    options = commands.parse_args(given)
    try:
        # What FiftyOne and others say by the way must not get into what programs read
        with redirect_stdout(sys.stderr):
            _start(prepare)
            answer = _run(options)
        return _print(answer, options.command, options.json, is_closed)
    except (StartError, DatabaseNotStartedError) as error:
        write(f"error: {error}", sys.stderr)
        # There, FOUND would say that a snapshot is damaged
        return UNTOLD if options.command.name == "verify" else FOUND
    except (ConflictsRemainError, StaleMergeError) as error:
        write(f"error: {' '.join(str(error).split())}", sys.stderr)
        return FOUND if isinstance(error, ConflictsRemainError) else UNTOLD
    except (SnapshotError, ValueError) as error:
        # FiftyOne says with a ValueError what the caller has got wrong, as we do
        write(f"error: {' '.join(str(error).split())}", sys.stderr)
        return FAILED
    except _RefusedError as refusal:
        write(str(refusal), sys.stderr)
        return refusal.code
    except KeyboardInterrupt:
        return _INTERRUPTED


def _start(prepare: Callable[[], object]) -> None:
    try:
        prepare()
        from .. import management  # noqa: F401, PLC0415 (imports FiftyOne, which takes seconds)
    except ImportError as error:
        if (known := explained()) is not None:
            raise known from error
        raise


def _run(options: Namespace) -> Answer:
    from .. import management  # noqa: PLC0415 (imports FiftyOne, which takes seconds)
    from . import verbs  # noqa: PLC0415

    command = options.command
    if command.destroys or command.previews:
        preview: Callable[[Namespace], Answer] = getattr(verbs, f"preview_{command.function}")
        if options.dry_run:
            return preview(options)
        asks = getattr(verbs, f"asks_{command.function}", lambda _: command.destroys)
        if asks(options) and not options.yes:
            _ask(preview(options).text)
    progress = bar(sys.stderr)
    try:
        with management.acting_as(management.Interface.CLI), management.reporting(progress):
            answer: Answer = getattr(verbs, command.function)(options, progress)
    finally:
        progress(1.0, "")
    return answer


class _RefusedError(Exception):
    """Nobody has said that what the command takes away may go."""

    def __init__(self, message: str, code: int) -> None:
        super().__init__(message)
        self.code = code


def _ask(preview: str) -> None:
    sys.stderr.write(f"{visible(preview)}\n")
    if not sys.stdin.isatty():
        raise _RefusedError(
            "error: nothing was changed: nobody can be asked here; pass --yes",
            USAGE,
        )
    sys.stderr.write("Go on? [y/N] ")
    sys.stderr.flush()
    if sys.stdin.readline().strip().lower() not in ("y", "yes"):
        raise _RefusedError("Nothing was changed", FAILED)


def _print(answer: Answer, command: Command, as_json: bool, is_closed: bool) -> int:
    """Prints an answer, and returns the exit code: that of what was done, if anything was."""
    problem = write(answer.to_json() if as_json else answer.text, sys.stdout)
    # Whoever reads, such as head, may have had enough
    is_lost = is_closed or (problem is not None and not isinstance(problem, BrokenPipeError))
    if not is_lost:
        return answer.code
    code = FAILED if command.name in ANSWERING and answer.code == DONE else answer.code
    reason = "" if problem is None else f": {problem.strerror}"
    kind = "error" if code == FAILED else "warning"
    write(f"{kind}: the answer could not be written{reason}", sys.stderr)
    return code


def _version() -> str:
    with suppress(PackageNotFoundError):
        return f"fiftyone-snapshots {version('fiftyone-snapshots')}"
    return "fiftyone-snapshots"
