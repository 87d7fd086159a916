"""Real MongoDB servers for tests: one ``mongod``, or a replica set of them.

Servers listen on loopback only and die with the process that started them, even if that one is
killed. Nothing here imports FiftyOne.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import json
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import pymongo
from pymongo.errors import AutoReconnect, OperationFailure, PyMongoError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from typing_extensions import Self

START_SECONDS = 60
STOP_SECONDS = 30
READY_MESSAGE_ID = 23016  # mongod's log: "Waiting for connections"
ALREADY_INITIALIZED = 23  # the server's error code for a replica set that exists

_CLOSING = {"IdleTime": 60, "ScanInterval": 5, "Minimum": 250}
"""When the engine closes files that nobody uses, in seconds, and if there are so many. Tests drop
collections by the thousand: by default it keeps them for ten minutes, and spends half of the
server's time on going through them."""

T = TypeVar("T")


class MongodError(Exception):
    """A server could not be found, started or reached."""


def find_mongod() -> Path:
    """Finds the ``mongod`` that FiftyOne would start, or else the machine's.

    Returns:
        the path of the executable

    Raises:
        MongodError: if there is none
    """
    spec = importlib.util.find_spec("fiftyone")
    for root in (spec.submodule_search_locations or []) if spec else []:
        mongod = Path(root, "db", "bin", "mongod")
        if os.access(mongod, os.X_OK):
            return mongod

    if found := shutil.which("mongod"):
        return Path(found)

    raise MongodError(
        "No mongod was found. `make setup` installs one where it can; or start a MongoDB server "
        "and name it: FIFTYONE_DATABASE_URI (demo), SNAPSHOTS_TEST_DATABASE_URI (tests)."
    )


class Mongod:
    """One MongoDB server on loopback, usable as a context manager.

    On Linux the server is killed when the *thread* that started it ends: start it from a thread
    that lives as long as the server shall.

    Args:
        dbpath: the folder of its data, made if missing; the log lies beside it
        port (0): the port; 0 takes a free one, which restarts then keep
        replica_set (None): the name of the replica set that it will be a member of
        auth (False): whether clients must log in; :attr:`uri` then carries the password
        cache_gb (0.5): the size of its cache; None for MongoDB's default
        args (()): further command line arguments, such as
            ``("--setParameter", "enableTestCommands=1")`` for fail points
    """

    def __init__(
        self,
        dbpath: Path,
        port: int = 0,
        *,
        replica_set: str | None = None,
        auth: bool = False,
        cache_gb: float | None = 0.5,
        args: Sequence[str] = (),
    ) -> None:
        if auth and replica_set:
            raise ValueError("members of a replica set would need a key file to log in")

        self.dbpath = dbpath
        self.port = port
        self.replica_set = replica_set
        self.cache_gb = cache_gb
        self.args = tuple(args)
        self.log = dbpath.with_name(dbpath.name + ".log")
        self._auth = auth
        self._password: str | None = None
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def pid(self) -> int | None:
        """The process id, or None if the server does not run."""
        return self._process.pid if self.running and self._process else None

    @property
    def running(self) -> bool:
        """Whether the server process lives."""
        return self._process is not None and self._process.poll() is None

    @property
    def address(self) -> str:
        """Host and port."""
        return f"127.0.0.1:{self.port}"

    @property
    def uri(self) -> str:
        """The address for a client that talks to this server alone."""
        login = f"admin:{self._password}@" if self._password else ""
        options = "?directConnection=true" if self.replica_set else ""
        return f"mongodb://{login}{self.address}/{options}"

    def client(self, **options: Any) -> pymongo.MongoClient[dict[str, Any]]:
        """Connects to this server.

        Args:
            **options: options of the client

        Returns:
            a client, to be closed by the caller
        """
        options.setdefault("serverSelectionTimeoutMS", START_SECONDS * 1000)
        return pymongo.MongoClient(self.uri, **options)

    def start(self) -> None:
        """Starts the server and waits until it takes connections.

        Raises:
            MongodError: if it does not
        """
        self.launch()
        self.wait_ready()

    def launch(self) -> None:
        """Starts the server without waiting for it."""
        if self.running:
            raise MongodError(f"mongod already runs on {self.dbpath}")

        self.dbpath.mkdir(parents=True, exist_ok=True)
        command = [str(find_mongod()), "--dbpath", str(self.dbpath)]
        command += ["--bind_ip", "127.0.0.1", "--nounixsocket", "--port", str(self.port)]
        command += ["--setParameter", "diagnosticDataCollectionEnabled=false"]
        for name, value in _CLOSING.items():
            command += ["--setParameter", f"wiredTigerFileHandleClose{name}={value}"]
        if self.cache_gb is not None:
            command += ["--wiredTigerCacheSizeGB", str(self.cache_gb)]
        if self.replica_set:
            # By default the log of operations takes 5 % of the disk, and a stop waits 15 s.
            command += ["--replSet", self.replica_set, "--oplogSize", "256"]
            command += ["--setParameter", "shutdownTimeoutMillisForSignaledShutdown=100"]
        if self._auth:
            command += ["--auth"]

        with self.log.open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *self.args],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env={**os.environ, "LC_ALL": "C"},  # mongod refuses to start on an unknown locale
                start_new_session=True,  # Ctrl-C is for us, we stop the server when we are done
                preexec_fn=_die_with_parent,  # noqa: PLW1509 (Linux only, and calls only prctl)
            )

    def wait_ready(self) -> None:
        """Waits until a launched server takes connections.

        Raises:
            MongodError: if it ends, or takes too long
        """
        self.port = _until(self._listening_port, f"mongod on {self.dbpath} does not start")
        if self._auth and self._password is None:
            self._create_admin()

    def stop(self) -> None:
        """Shuts the server down cleanly, and kills it if it takes too long."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """Kills the server, as a crash would.

        Writes of the last 100 ms may be lost, unless they were made with ``j=True``.
        """
        self._end(signal.SIGKILL)

    def restart(self) -> None:
        """Stops the server if it runs, and starts it on the same data and port."""
        self.stop()
        self.start()

    def _end(self, how: signal.Signals) -> None:
        if (process := self._process) is None:
            return

        process.send_signal(how)  # does nothing if the process has ended
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        self._process = None

    def _listening_port(self) -> int | None:
        """Reads the port from the log: unlike a port chosen by us, nobody else can take it."""
        if not self.running:
            tail = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
            raise MongodError(f"mongod on {self.dbpath} ended at once:\n{tail}")

        for line in self.log.read_bytes().splitlines():
            if b"Waiting for connections" in line:
                entry = json.loads(line)
                if entry["id"] == READY_MESSAGE_ID:
                    return int(entry["attr"]["port"])

        return None

    def _create_admin(self) -> None:
        password = secrets.token_hex(16)
        with self.client() as client:  # MongoDB lets loopback clients make the first user
            client.admin.command("createUser", "admin", pwd=password, roles=["root"])
        self._password = password


class ReplicaSet:
    """A replica set on loopback, usable as a context manager.

    Args:
        folder: the folder of its members' data, made if missing
        members (3): how many servers
        name ("rs0"): the name of the replica set
        args (()): further command line arguments for each member
    """

    def __init__(
        self, folder: Path, members: int = 3, *, name: str = "rs0", args: Sequence[str] = ()
    ) -> None:
        self.name = name
        self.members = [
            Mongod(folder / f"member{i}", replica_set=name, cache_gb=0.25, args=args)
            for i in range(members)
        ]

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def uri(self) -> str:
        """The address for a client that follows the primary."""
        hosts = ",".join(member.address for member in self.members)
        return f"mongodb://{hosts}/?replicaSet={self.name}"

    @property
    def primary(self) -> Mongod:
        """The member that takes the writes now, waited for if there is none."""
        return _until(self._find_primary, f"replica set {self.name} elects no primary")

    def start(self) -> None:
        """Starts the members and waits for a primary, first making the set if it is new.

        Raises:
            MongodError: if a member does not start, or no primary is elected
        """
        try:
            for member in self.members:
                member.launch()
            for member in self.members:
                member.wait_ready()
            self._initiate()
            _ = self.primary
        except BaseException:
            self.kill()
            raise

    def step_down(self) -> None:
        """Makes the primary hand over, and waits for the next one."""
        step_down(self.uri)

    def stop(self) -> None:
        """Shuts all members down."""
        for member in self.members:
            member.stop()

    def kill(self) -> None:
        """Kills all members."""
        for member in self.members:
            member.kill()

    def _initiate(self) -> None:
        hosts = [{"_id": i, "host": m.address} for i, m in enumerate(self.members)]
        # A busy machine calls elections as it is: with less than the default it would do so often
        settings = {"electionTimeoutMillis": 10_000, "heartbeatIntervalMillis": 500}
        config = {"_id": self.name, "members": hosts, "settings": settings}
        with self.members[0].client() as client:
            try:
                client.admin.command("replSetInitiate", config)
            except OperationFailure as error:
                if error.code != ALREADY_INITIALIZED:
                    raise

    def _find_primary(self) -> Mongod | None:
        for member in self.members:
            if not member.running:
                continue
            with contextlib.suppress(PyMongoError), member.client() as client:
                if client.admin.command("hello")["isWritablePrimary"]:
                    return member

        return None


def step_down(uri: str) -> None:
    """Makes the primary of a replica set hand over, and waits for the next one.

    Args:
        uri: the address of the replica set
    """
    with pymongo.MongoClient[dict[str, Any]](uri) as client:
        before = client.admin.command("hello")["me"]
        with contextlib.suppress(AutoReconnect):  # older servers hang up when they step down
            client.admin.command("replSetStepDown", 30, secondaryCatchUpPeriodSecs=20)

        def handed_over() -> bool:
            with contextlib.suppress(PyMongoError):
                hello = client.admin.command("hello")
                return bool(hello["isWritablePrimary"] and hello["me"] != before)
            return False

        _until(handed_over, "no other member became primary")


def _until(probe: Callable[[], T | None], complaint: str) -> T:
    """Asks until the answer is true."""
    deadline = time.monotonic() + START_SECONDS
    while not (answer := probe()):
        if time.monotonic() > deadline:
            raise MongodError(f"{complaint} within {START_SECONDS} s")
        time.sleep(0.02)

    return answer


def _die_with_parent() -> None:
    """Asks Linux to kill this process when its parent dies, by whatever cause."""
    if sys.platform == "linux":
        pr_set_pdeathsig = 1
        ctypes.CDLL(None).prctl(pr_set_pdeathsig, signal.SIGKILL)
