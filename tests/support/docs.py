"""Running what the documentation shows, so that it stays true."""

from __future__ import annotations

import doctest
import re
import shlex
from collections.abc import Callable
from pathlib import Path
from typing import Any

_CONSOLE = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)
_PYTHON = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
_OPTIONS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


def check_console(page: Path, run: Callable[..., Any], edit: Callable[[], None]) -> None:
    """Runs the commands of a page, and compares what they print with what it shows.

    ``...`` stands for anything; ``$ # somebody edits the dataset`` calls ``edit``; and
    ``$ echo $?`` shows the exit code.

    Args:
        page: a Markdown file
        run: runs a command, given its arguments
        edit: edits the dataset
    """
    blocks = _CONSOLE.findall(page.read_text())
    assert blocks, f"{page} shows no commands"
    ended: Any = None
    for command, shown in _commands("".join(blocks)):
        if command.startswith("#"):
            edit()
            printed = ""
        elif command == "echo $?":
            printed = f"{ended.code}\n"
        else:
            program, *arguments = shlex.split(command)
            assert program == "fiftyone-snapshots", command
            ended = run(*arguments)
            printed = ended.err + ended.out
        _compare(command, shown, printed)


def check_python(page: Path, names: dict[str, Any]) -> None:
    """Runs the Python sessions of a page, and compares what they print with what it shows.

    Args:
        page: a Markdown file
        names: what is known to the code
    """
    session = "".join(_PYTHON.findall(page.read_text()))
    test = doctest.DocTestParser().get_doctest(session, names, page.name, str(page), 0)
    assert test.examples, f"{page} shows no session"
    told: list[str] = []
    doctest.DocTestRunner(optionflags=_OPTIONS).run(test, out=told.append)
    assert not told, "".join(told)


def _commands(text: str) -> list[tuple[str, str]]:
    """Cuts a session into commands, each with what it prints."""
    _, *pieces = re.split(r"^\$ ", text, flags=re.MULTILINE)
    return [(command, shown) for command, _, shown in (p.partition("\n") for p in pieces)]


def _compare(command: str, shown: str, printed: str) -> None:
    checker = doctest.OutputChecker()
    if not checker.check_output(shown, printed, _OPTIONS):
        example = doctest.Example(command, shown)
        raise AssertionError(
            f"$ {command}\n{checker.output_difference(example, printed, _OPTIONS)}"
        )
