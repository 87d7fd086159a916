"""Running commands in this process, and what they say."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from fiftyone_snapshots.cli import main


class Ended:
    """What a command has said and how it has ended."""

    def __init__(self, code: int, captured: Any) -> None:
        self.code = code
        self.out: str = captured.out
        self.err: str = captured.err

    @property
    def json(self) -> Any:
        """What it has printed, which is one JSON document and nothing else."""
        return json.loads(self.out)


Run = Callable[..., Ended]


def in_this_process(capsys: pytest.CaptureFixture[str]) -> Run:
    """Returns what runs a command, given its arguments.

    Args:
        capsys: what it prints is taken from here
    """

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        try:
            code = main(list(arguments))
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Ended(code, capsys.readouterr())

    return run
