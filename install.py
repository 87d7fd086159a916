"""Making the package part of the FiftyOne that runs in this process."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from . import management
from .backend import guard, maintenance
from .management import around

_MANAGEMENT = "fiftyone.management"


def install() -> None:
    """Installs the hooks, and the SDK under its public name; repeating it changes nothing."""
    guard.install(
        management.load_snapshot,
        maintenance.purge_dataset,
        around.around_operator,
        around.around_call,
    )
    _publish_management()


def _publish_management() -> None:
    """Makes ``import fiftyone.management as fom`` work, unless another package provides it."""
    if _MANAGEMENT in sys.modules or importlib.util.find_spec(_MANAGEMENT) is not None:
        return
    package = ModuleType(_MANAGEMENT, management.__doc__)
    package.__path__ = []
    for name in management.__all__:
        setattr(package, name, getattr(management, name))
    package.snapshot = management  # type: ignore[attr-defined]
    sys.modules[_MANAGEMENT] = package
    sys.modules[f"{_MANAGEMENT}.snapshot"] = management
    sys.modules["fiftyone"].management = package  # type: ignore[attr-defined]
