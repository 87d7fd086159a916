"""Which version of this package runs."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError
from importlib.metadata import version as installed_version
from pathlib import Path

PACKAGE = "fiftyone-snapshots"

_UNKNOWN = "0"


def version() -> str:
    """Returns the version of this package, which may be a plugin folder that nobody installed."""
    try:
        return installed_version(PACKAGE)
    except PackageNotFoundError:
        pass
    plugin = Path(__file__).resolve().parents[1] / "fiftyone.yml"
    lines = plugin.read_text().splitlines() if plugin.exists() else []
    found = [line.split(":", 1)[1] for line in lines if line.startswith("version:")]
    return found[0].strip().strip("\"'") if found else _UNKNOWN
