"""Whether the table of FiftyOne's calls was checked against the FiftyOne that is installed.

Trying all calls takes minutes and tells of FiftyOne, not of us. So a passed run is noted as one
hash, of the lock file, the table and its test; while that is the same, there is nothing to try.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

from .environment import ROOT

_NOTE = Path(__file__).parent / "calls" / "checked.txt"


def is_as_checked() -> bool:
    """Returns whether nothing has changed since the calls were last tried."""
    return _NOTE.exists() and _NOTE.read_text().strip() == _state()


def note_as_checked() -> None:
    """Notes that all calls do what the table says."""
    _NOTE.write_text(_state() + "\n")


def _state() -> str:
    hashed = hashlib.sha256()
    for path in _decisive():
        hashed.update(path.relative_to(ROOT).as_posix().encode() + b"\0" + path.read_bytes())
    return hashed.hexdigest()


def _decisive() -> Iterator[Path]:
    yield ROOT / "requirements.lock"
    yield ROOT / "tests" / "test_fiftyone_calls.py"
    yield from sorted(_NOTE.parent.glob("*.py"))
