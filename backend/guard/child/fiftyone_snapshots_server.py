"""Brings the package into an App server that a process with the package has started.

The server is asked for a dataset before it loads any plugin. FiftyOne imports this module first.
The package may be installed, or be only a plugin's folder that cannot be imported by name.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

_PACKAGE = "fiftyone_snapshots"
_FOLDER = Path(__file__).resolve().parents[3]


def load() -> None:
    """Imports the package that this file is part of, unless one is there already."""
    if _PACKAGE in sys.modules:
        return
    if importlib.util.find_spec(_PACKAGE) is not None:
        importlib.import_module(_PACKAGE)
        return
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, _FOLDER / "__init__.py", submodule_search_locations=[str(_FOLDER)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = package
    spec.loader.exec_module(package)


load()
