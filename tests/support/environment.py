"""A FiftyOne of one's own: nothing of the user's is read or written."""

from __future__ import annotations

import os
import socket
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PLUGIN_FOLDER = "fiftyone-snapshots"


def isolate(home: Path, *, uri: str, database: str) -> None:
    """Points this process, and the ones it starts, at another FiftyOne.

    Must be called before FiftyOne is imported, which reads its settings and connects to its
    database at once. FiftyOne keeps everything else (configuration, default media folder, zoo
    models, plugins, user id) below the home folder.

    Args:
        home: becomes the home folder
        uri: the MongoDB server
        database: the name of the database to use there
    """
    home.mkdir(parents=True, exist_ok=True)
    plugins = home / "plugins"
    plugins.mkdir(exist_ok=True)
    for name in [name for name in os.environ if name.startswith("FIFTYONE_")]:
        del os.environ[name]

    os.environ.update(
        HOME=str(home),
        USERPROFILE=str(home),
        FIFTYONE_CONFIG_PATH=str(home / ".fiftyone" / "config.json"),
        FIFTYONE_DATABASE_URI=uri,
        FIFTYONE_DATABASE_NAME=database,
        FIFTYONE_DATABASE_VALIDATION="false",  # no word on each start that MongoDB 6 is old
        FIFTYONE_DEFAULT_DATASET_DIR=str(home / "fiftyone"),
        FIFTYONE_PLUGINS_DIR=str(plugins),
        FIFTYONE_DEFAULT_APP_PORT=str(free_port()),
        FIFTYONE_DO_NOT_TRACK="true",
        FIFTYONE_SHOW_PROGRESS_BARS="false",
    )


def hide_databricks() -> None:
    """Hides the SDK of Databricks from this process, and from the ones it starts.

    It came with MLflow, which uses it only for Databricks' own servers; but FiftyOne imports it
    wherever it is, to tell it its name. That takes a second of each process, a quarter of
    FiftyOne's import.
    """
    shadows = str(Path(__file__).parent / "shadows")
    if shadows in sys.path:  # of a worker, which was started with it
        return
    sys.path.insert(0, shadows)
    given = os.environ.get("PYTHONPATH")
    os.environ["PYTHONPATH"] = os.pathsep.join([shadows, given] if given else [shadows])


def link_plugin(plugins: Path) -> Path:
    """Installs this plugin as its developers do: by a link to the repository.

    Args:
        plugins: FiftyOne's plugins folder

    Returns:
        the link
    """
    link = plugins / PLUGIN_FOLDER
    if link.is_symlink() and link.resolve() != ROOT:  # the repository was moved
        link.unlink()
    if not link.is_symlink():
        link.symlink_to(ROOT, target_is_directory=True)

    return link


def free_port() -> int:
    """Finds a loopback port that nobody listens on.

    Returns:
        the port; another process may take it at any time
    """
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
