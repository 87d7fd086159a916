"""The sandbox of `make app` and `make demo` hears what this package is told."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from support.environment import ROOT

PROGRAM = "import os; print(os.environ['FIFTYONE_SNAPSHOTS_MAX_IN_DB'], os.environ['HOME'])"


def test_settings_of_this_package_are_passed_on(tmp_path: Path) -> None:
    environment = {
        **os.environ,
        "FIFTYONE_SNAPSHOTS_MAX_IN_DB": "7",
        # Else it would start a server; nobody asks this one for anything
        "FIFTYONE_DATABASE_URI": "mongodb://127.0.0.1:1",
    }
    command = [sys.executable, str(ROOT / "scripts" / "sandbox.py"), str(tmp_path), "-c", PROGRAM]
    told = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["7", str(tmp_path / "home")]
