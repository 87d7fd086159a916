"""The program ``fiftyone-snapshots``.

Outside the package, because importing anything inside it first imports the package, and with it
FiftyOne, which takes seconds: too long to complete a word in a shell or to print help. So the
package's module is made here, but run only when a command needs it.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys

_PACKAGE = "fiftyone_snapshots"


def main() -> int:
    """Runs the command line of this process.

    Returns:
        the exit code
    """
    spec = importlib.util.find_spec(_PACKAGE)
    assert spec is not None
    loader = spec.loader
    assert loader is not None
    package = importlib.util.module_from_spec(spec)
    sys.modules[_PACKAGE] = package
    code: int = importlib.import_module(f"{_PACKAGE}.cli").main(
        prepare=lambda: loader.exec_module(package)
    )
    return code
