"""MongoDB itself is killed in the middle of operations."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from support import server_crash
from support.environment import ROOT

pytestmark = pytest.mark.lengthy

UNKNOWN = {
    "create.changed",
    "revert.changed",
    "revert.committed",
    "revert.shelved_samples",
    "undo_revert.committed",
}
"""Where the change has been made, which the client cannot know."""


@pytest.fixture(scope="module")
def outcomes(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What came of killing the server at various points."""
    done = subprocess.run(
        [sys.executable, "-m", "support.server_crash", str(tmp_path_factory.mktemp("crash"))],
        env={**os.environ, "PYTHONPATH": str(ROOT / "tests")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


@pytest.mark.parametrize(
    ("verb", "point"),
    [
        (verb, point)
        for verb, points in server_crash.POINTS.items()
        for point in [*points, "afterwards"]
    ],
)
def test_after_a_crash_of_the_server(verb: str, point: str, outcomes: dict[str, Any]) -> None:
    outcome = outcomes["results"][f"{verb} {point}"]
    if point == "afterwards":
        # What was reported as done stays done, though nothing was written to disk since
        assert outcome == {"error": None, "dataset": "after"}
        return
    if point in UNKNOWN:
        assert outcome["error"] == "OutcomeUnknownError"
        assert outcome["state"] == "done"
        assert outcome["dataset"] == "after"
    else:
        assert outcome["error"] == "DatabaseUnavailableError"
        assert outcome["dataset"] == "before"


def test_an_unreachable_server_is_named(outcomes: dict[str, Any]) -> None:
    assert outcomes["unreachable"] == "DatabaseUnavailableError"
