"""One real MongoDB server for the whole run, one database and one home folder per worker.

The user's own FiftyOne is never read or written: not its database, not its folders, not its
settings. A server is only shared with the user if ``SNAPSHOTS_TEST_DATABASE_URI`` names it, and
then in databases of our own, which are dropped at the end.
"""

from __future__ import annotations

import atexit
import fcntl
import os
import secrets
import shutil
import signal
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import hypothesis
import pymongo
import pytest

import support.counting  # noqa: F401 (before FiftyOne connects, so that its client is counted)
from support.environment import hide_databricks, isolate, link_plugin
from support.fail_points import Failing
from support.fiftyone_table import is_as_checked, note_as_checked
from support.mongod import Mongod, MongodError, ReplicaSet, step_down

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from pymongo.database import Database

#: What a worker needs to know: the server's address, the run's folder and database prefix.
RUN = pytest.StashKey[dict[str, str]]()

#: What is known of the server is kept from test to test, as it is from day to day.
SERVERS = "snapshots.servers"

#: Tests with these markers run only with the option of that name.
OPT_IN = {"replica": "--replica-set", "long": "--long", "large": "--large"}

#: A file system in memory, where a collection is made in a third of the time, and how many bytes
#: must be free there for the server's data.
MEMORY = Path("/dev/shm")
MEMORY_NEEDED = 8 * 2**30


def pytest_addoption(parser: pytest.Parser) -> None:
    """Adds the options that choose the server and the expensive tests."""
    group = parser.getgroup("fiftyone-snapshots")
    group.addoption(
        "--backend",
        default="duplication",
        help="how snapshots are stored where a test does not say so itself",
    )
    group.addoption(
        "--no-server",
        action="store_true",
        help="start no MongoDB: for tests/quick",
    )
    group.addoption(
        "--replica-set", action="store_true", help="run on a replica set of three members"
    )
    group.addoption(
        "--members",
        type=int,
        default=3,
        help="of that many members: one is quick, but there is no other to take over",
    )
    group.addoption("--long", action="store_true", help="also run the tests that take minutes")
    group.addoption("--large", action="store_true", help="also run the tests on large datasets")
    group.addoption(
        "--note-fiftyone",
        action="store_true",
        help="run the tests of FiftyOne's own calls, and note that they hold for these versions",
    )


class RootIsNoTestPackage:
    """Collects the repository's root, whose ``__init__.py`` is the product, as a plain folder.

    pytest would otherwise import it, under the name of the clone's folder.
    """

    @staticmethod
    @pytest.hookimpl(tryfirst=True)
    def pytest_collect_directory(path: Path, parent: pytest.Collector) -> pytest.Collector | None:
        """Chooses the kind of the root's node."""
        is_root = path == parent.config.rootpath
        return pytest.Dir.from_parent(parent, path=path) if is_root else None


def pytest_configure(config: pytest.Config) -> None:
    """Takes the root for a folder, and makes Hypothesis fit for tests that talk to a server."""
    config.pluginmanager.register(RootIsNoTestPackage(), "root-is-no-test-package")
    slow_is_fine = [hypothesis.HealthCheck.too_slow, hypothesis.HealthCheck.data_too_large]
    for name, examples in {"default": 50, "long": 1000}.items():
        hypothesis.settings.register_profile(
            name, deadline=None, max_examples=examples, suppress_health_check=slow_is_fine
        )
    hypothesis.settings.load_profile("long" if config.getoption("--long") else "default")


def pytest_sessionstart(session: pytest.Session) -> None:
    """Starts the server, in the main process, and leaves the user's FiftyOne, in every process."""
    config = session.config
    if (given := getattr(config, "workerinput", None)) is None:
        run, worker = _start_run(config), "main"
    else:
        run, worker = given["snapshots_run"], given["workerid"]

    config.stash[RUN] = run
    assert "fiftyone" not in sys.modules, "FiftyOne was imported before its settings were made"
    hide_databricks()
    isolate(Path(run["folder"], worker), uri=run["uri"], database=f"{run['database']}_{worker}")
    os.environ["FIFTYONE_SNAPSHOTS_BACKEND"] = config.getoption("--backend")
    # Tests count commands, operations and events: nothing is done that they do not ask for
    os.environ["FIFTYONE_SNAPSHOTS_MEDIA"] = "none"


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tells an xdist worker about the run."""
    node.workerinput["snapshots_run"] = node.config.stash[RUN]


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Keeps FiftyOne from tidying up, at exit, a database that is gone by then."""
    is_main = not hasattr(session.config, "workerinput")
    if is_main and exitstatus == 0 and session.config.getoption("--note-fiftyone"):
        note_as_checked()
    if odm := sys.modules.get("fiftyone.core.odm.database"):
        atexit.unregister(odm._delete_non_persistent_datasets_if_allowed)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leaves out the tests that nobody asked for, and begins with those that take longest.

    Else the others have to wait at the end for who has begun one of these last; and what a module
    prepares at length is prepared by each process that has some of its tests.
    """
    unasked = {marker for marker, option in OPT_IN.items() if not config.getoption(option)}
    asked = config.getoption("--long") or config.getoption("--note-fiftyone")
    if not asked and is_as_checked():
        unasked.add("fiftyone")
    left_out = [item for item in items if any(item.get_closest_marker(m) for m in unasked)]
    if gone := set(left_out):
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in gone]
    items.sort(key=lambda item: item.get_closest_marker("lengthy") is None)


def _start_run(config: pytest.Config) -> dict[str, str]:
    """Makes the run's folder and server; both go when the main process ends."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # end as tidily as on Ctrl-C
    folder = _make_folder(config)
    prefix = f"snapshots_test_{secrets.token_hex(4)}"

    if config.getoption("--no-server"):
        # Whoever asks for a server all the same is told at once that there is none
        nowhere = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=100"
        return {"uri": nowhere, "folder": str(folder), "database": prefix}
    if uri := os.environ.get("SNAPSHOTS_TEST_DATABASE_URI"):
        config.add_cleanup(lambda: _drop_databases(uri, prefix))
        return {"uri": uri, "folder": str(folder), "database": prefix}

    server: Mongod | ReplicaSet
    is_roomy = MEMORY.is_dir() and shutil.disk_usage(MEMORY).free > MEMORY_NEEDED
    data = _make_folder(config, MEMORY if is_roomy and not config.getoption("--large") else None)
    if config.getoption("--replica-set"):
        server = ReplicaSet(data, config.getoption("--members"))
    else:
        # For fail points, see `failing`
        args = ("--setParameter", "enableTestCommands=1")
        server = Mongod(data / "db", args=args)
    config.add_cleanup(server.kill)  # its data go with it
    try:
        server.start()
    except MongodError as error:
        raise pytest.UsageError(str(error)) from error

    return {"uri": server.uri, "folder": str(folder), "database": prefix}


def _make_folder(config: pytest.Config, parent: Path | None = None) -> Path:
    """Makes a folder that goes with the run."""
    folder = Path(tempfile.mkdtemp(prefix="fiftyone-snapshots-tests-", dir=parent))
    config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
    return folder


def _drop_databases(uri: str, prefix: str) -> None:
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        for name in client.list_database_names():
            if name.startswith(prefix):
                client.drop_database(name)


@pytest.fixture(scope="session")
def database() -> Iterator[Database[dict[str, Any]]]:
    """This worker's database, as the server sees it, which has been met before."""
    from fiftyone_snapshots.backend.mongo import engine

    with pymongo.MongoClient[dict[str, Any]](os.environ["FIFTYONE_DATABASE_URI"]) as client:
        found = client[os.environ["FIFTYONE_DATABASE_NAME"]]
        engine.holds(engine.Fact.COUNTS_WRITES, found)
        yield found


@pytest.fixture(autouse=True)
def steady_primary(request: pytest.FixtureRequest, pytestconfig: pytest.Config) -> Iterator[None]:
    """Keeps the primary from changing under a test: all workers use the same replica set.

    A test that makes it change waits until no other is under way, and the others wait for it.
    """
    if not pytestconfig.getoption("--replica-set"):
        yield
        return
    folder = Path(pytestconfig.stash[RUN]["folder"])
    changes = "step_primary_down" in request.fixturenames
    with Path(folder, "queue").open("a") as queue, Path(folder, "primary").open("a") as primary:
        # Else those that come would overtake who waits to be alone
        fcntl.flock(queue, fcntl.LOCK_EX)
        fcntl.flock(primary, fcntl.LOCK_EX if changes else fcntl.LOCK_SH)
        fcntl.flock(queue, fcntl.LOCK_UN)
        yield


@pytest.fixture(autouse=True)
def clean_database(database: Database[dict[str, Any]], steady_primary: None) -> Iterator[None]:
    """Leaves the worker's database as new after each test.

    FiftyOne's own lists are emptied rather than dropped, so that they keep their indexes: a
    process makes those only once. So are ours: each index takes the server some milliseconds.
    """
    yield
    assert database.name.startswith("snapshots_test_")
    ours = sys.modules.get("fiftyone_snapshots.backend.mongo.collections")
    indexed = () if ours is None else tuple(ours._INDEXES)
    views_first = sorted(database.list_collections(), key=lambda c: c["type"] != "view")
    for name in (collection["name"] for collection in views_first):
        if name in ("config", SERVERS) or name.startswith("system."):
            continue
        if "." in name and not name.startswith("fs.") and name not in indexed:
            database.drop_collection(name)
        else:
            database[name].delete_many({})

    if core := sys.modules.get("fiftyone.core.dataset"):
        core.Dataset._instances.clear()  # a test may not meet another test's dataset object


@pytest.fixture
def plugins_dir() -> Path:
    """FiftyOne's plugins folder of this worker, empty unless a test fills it."""
    return Path(os.environ["FIFTYONE_PLUGINS_DIR"])


@pytest.fixture
def installed_plugin(plugins_dir: Path) -> Iterator[Path]:
    """This repository, linked into FiftyOne's plugins folder."""
    link = link_plugin(plugins_dir)
    yield link
    link.unlink()


@pytest.fixture
def remote(tmp_path: Path) -> Path:
    """An empty folder, for snapshots to be pushed to."""
    folder = tmp_path / "remote"
    folder.mkdir()
    return folder


@pytest.fixture
def policy_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Path]:
    """Puts a policy into force, and has Anna act."""
    path = tmp_path / "policy.yml"

    def write(text: str) -> Path:
        path.write_text(text)
        monkeypatch.setenv("FIFTYONE_SNAPSHOTS_POLICY", str(path))
        return path

    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_USER", "anna")
    return write


@pytest.fixture
def failing(database: Database[dict[str, Any]], pytestconfig: pytest.Config) -> Iterator[Failing]:
    """Makes the server fail at some commands on a collection, from now on until told otherwise.

    All workers use the same server, which has one such fail point: they take turns.
    """
    admin = database.client.admin
    fail_point: dict[str, Any] = {"configureFailPoint": "failCommand"}

    def fail(collection: str, *commands: str, **how: Any) -> None:
        data = {"failCommands": commands, "namespace": f"{database.name}.{collection}", **how}
        admin.command({**fail_point, "mode": "alwaysOn", "data": data})

    with Path(pytestconfig.stash[RUN]["folder"], "fail_point").open("a") as turn:
        fcntl.flock(turn, fcntl.LOCK_EX)
        try:
            admin.command({**fail_point, "mode": "off"})
        except pymongo.errors.OperationFailure:
            pytest.skip("the server has no fail points")
        yield Failing(fail, lambda: admin.command({**fail_point, "mode": "off"}))
        admin.command({**fail_point, "mode": "off"})


@pytest.fixture
def step_primary_down(pytestconfig: pytest.Config) -> Callable[[], None]:
    """Makes the replica set elect another primary; only for tests marked ``replica``."""
    uri = pytestconfig.stash[RUN]["uri"]
    return lambda: step_down(uri)
