"""Runs Python on a FiftyOne of its own: database, home and plugins in one folder.

``sandbox.py FOLDER ARGUMENT...`` runs ``python ARGUMENT...``. The user's own FiftyOne is neither
read nor written: a ``FIFTYONE_DATABASE_URI`` is used as a server, with a database of our own in
it; otherwise a ``mongod`` runs on ``FOLDER/db`` for as long as the command does.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))  # the tests' helpers start the same server

from support.environment import isolate, link_plugin  # noqa: E402
from support.mongod import Mongod, MongodError  # noqa: E402

_OURS = "FIFTYONE_SNAPSHOTS_"


def main() -> int:
    """Runs the command line's command.

    Returns:
        the command's exit code
    """
    if len(sys.argv) < 3:
        print(__doc__, file=sys.stderr)
        return 2

    folder = Path(sys.argv[1]).resolve()
    command = [sys.executable, *sys.argv[2:]]
    # An end by SIGTERM must stop the server as well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))

    with contextlib.ExitStack() as stack:
        uri = os.environ.get("FIFTYONE_DATABASE_URI")
        if not uri:
            try:
                uri = stack.enter_context(Mongod(folder / "db", cache_gb=None)).uri
            except MongodError as error:
                print(error, file=sys.stderr)
                return 1

        # FiftyOne's settings are the sandbox's; what this package is told is meant for it
        ours = {name: os.environ[name] for name in os.environ if name.startswith(_OURS)}
        isolate(folder / "home", uri=uri, database=f"fiftyone_snapshots_{folder.name}")
        os.environ.update(ours)
        link_plugin(Path(os.environ["FIFTYONE_PLUGINS_DIR"]))
        process = stack.enter_context(subprocess.Popen(command))
        stack.callback(process.terminate)
        while True:
            # Ctrl-C reaches the command as well: let it end in its own way.
            with contextlib.suppress(KeyboardInterrupt):
                code = process.wait()
                return code if code >= 0 else 128 - code  # as shells tell of signals


if __name__ == "__main__":
    sys.exit(main())
