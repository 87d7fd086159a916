"""A process with FiftyOne and without this package, as any colleague's may be."""

from __future__ import annotations

import json
import subprocess
import sys
from types import TracebackType

from typing_extensions import Self

_PROGRAM = """
import json, os, sys, traceback

answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)  # whatever FiftyOne prints is no answer

import fiftyone as fo
import fiftyone.constants as foc
import fiftyone.core.cli as cli
import fiftyone.core.dataset as fod
import fiftyone.core.odm as foo
import fiftyone.core.odm.database as food

def command(*arguments):
    sys.argv = ["fiftyone", *arguments]
    cli.main()

for line in sys.stdin:
    error = None
    fod.Dataset._instances.clear()
    try:
        exec(json.loads(line))
    except BaseException:
        error = traceback.format_exc()
    assert "fiftyone_snapshots" not in sys.modules
    print(json.dumps(error), file=answers, flush=True)
"""


class Stranger:
    """Runs code in another process, in which ``fo``, ``foo`` (its odm) and more are at hand."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate()

    def run(self, code: str) -> None:
        """Runs code there.

        Args:
            code: statements

        Raises:
            AssertionError: if they fail
        """
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(code), file=self._process.stdin, flush=True)
        answer = self._process.stdout.readline()
        assert answer, f"the process died of: {code}"
        error = json.loads(answer)
        assert error is None, f"{code}\n{error}"
