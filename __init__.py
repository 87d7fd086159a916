"""Dataset versioning for FiftyOne: snapshots that are immutable, complete and exact.

This folder is both the Python package ``fiftyone_snapshots`` and the FiftyOne plugin
``@snapshots/versioning``. FiftyOne executes plugins again and again, under names of its own; all
state and all hooks therefore live in the package, of which a process has one copy.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

_PACKAGE = "fiftyone_snapshots"


def _package() -> ModuleType:
    """Returns the one copy of the package: the installed one, else the one in this folder."""
    if _PACKAGE in sys.modules:
        return sys.modules[_PACKAGE]
    if importlib.util.find_spec(_PACKAGE) is not None:
        return importlib.import_module(_PACKAGE)
    folder = Path(__file__).resolve().parent
    spec = importlib.util.spec_from_file_location(
        _PACKAGE, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = package
    try:
        spec.loader.exec_module(package)
    except BaseException:
        del sys.modules[_PACKAGE]
        raise
    return package


def register(plugin: Any) -> None:
    """Registers the operators and panels with FiftyOne.

    Args:
        plugin: a :class:`fiftyone.plugins.context.PluginContext`
    """
    # FiftyOne's operators are there by now, if they were not when it was imported
    _package().install()
    for part in ("operators", "panels"):
        importlib.import_module(f"{_PACKAGE}.{part}").register(plugin)


__all__: list[str] = []

if __name__ == _PACKAGE:
    from . import management
    from .backend import errors
    from .backend.errors import *  # noqa: F403
    from .backend.version import version as _version
    from .install import install
    from .management import *  # noqa: F403

    __version__ = _version()
    __all__ += errors.__all__
    __all__ += management.__all__

    install()
