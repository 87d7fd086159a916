"""Looking for what is wrong: with the installation, the server, and what is stored.

Nothing is changed. What is found comes with what to do about it.
"""

from __future__ import annotations

import os
import platform
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import fiftyone as fo
import fiftyone.constants as foc
import pymongo
from pymongo.database import Database
from pymongo.errors import OperationFailure

from . import guard, maintenance
from .access import policy
from .archive import location, ownership
from .catalog.catalog import Catalog
from .config import NO_LIMIT, Settings, variable
from .dataset import reference
from .errors import SnapshotError
from .merge import reviews
from .mongo import database as database_module
from .mongo import engine
from .mongo.collections import LEASES, MANIFESTS, UNREMOVED
from .mongo.database import Document
from .mongo.engine import Fact
from .operations import journal, lease
from .results.serialize import Record
from .results.times import shown
from .storage import registry
from .trash.due import Due

PACKAGE = "fiftyone-snapshots"
PLUGIN = "@snapshots/versioning"

_RECOVER = "Mend it with: fiftyone-snapshots recover"
_GIGABYTE = 1024**3


class Severity(str, Enum):
    """How bad something is."""

    OK = "ok"
    NOTE = "note"
    """Nothing is wrong, but it explains what one may wonder about."""
    PROBLEM = "problem"

    __str__ = str.__str__


@dataclass(frozen=True)
class Finding(Record):
    """Something that was looked at."""

    subject: str
    severity: Severity
    message: str
    advice: str = ""
    """What to do about it."""

    def __str__(self) -> str:
        advice = f"\n         {self.advice}" if self.advice else ""
        return f"{self.severity:<8} {self.subject}: {self.message}{advice}"


@dataclass(frozen=True)
class Diagnosis(Record):
    """Everything that was looked at; true if nothing is wrong."""

    TOLD = ("ok",)

    findings: tuple[Finding, ...]

    @property
    def ok(self) -> bool:
        """Whether nothing is wrong."""
        return not self.problems

    @property
    def problems(self) -> list[Finding]:
        """What is wrong."""
        return [found for found in self.findings if found.severity is Severity.PROBLEM]

    def __bool__(self) -> bool:
        return not self.problems

    def __str__(self) -> str:
        return "\n".join(map(str, self.findings))


def diagnose() -> Diagnosis:
    """Looks at everything that can be wrong, and changes nothing.

    Returns:
        what was found
    """
    return Diagnosis((*_installation(), *_plugin(), *_settings(), *_server()))


def _ok(subject: str, message: str) -> Finding:
    return Finding(subject, Severity.OK, message)


def _note(subject: str, message: str, advice: str = "") -> Finding:
    return Finding(subject, Severity.NOTE, message, advice)


def _problem(subject: str, message: str, advice: str) -> Finding:
    return Finding(subject, Severity.PROBLEM, message, advice)


def _installation() -> Iterator[Finding]:
    try:
        ours = version(PACKAGE)
    except PackageNotFoundError:
        ours = "(in a plugin folder)"
    yield _ok(
        "versions",
        f"{PACKAGE} {ours}, FiftyOne {foc.VERSION}, PyMongo {pymongo.version}, "
        f"Python {platform.python_version()}",
    )
    copies = [
        name
        for name, module in list(sys.modules.items())
        if name.endswith(".backend.operations.journal") and hasattr(module, "_recoveries")
    ]
    if len(copies) > 1:
        yield _problem(
            "package",
            f"this process has {len(copies)} copies of it: {', '.join(sorted(copies))}",
            "Import it as fiftyone_snapshots everywhere, and restart",
        )
    else:
        yield _ok("package", str(_root()))
    if missing := guard.missing():
        yield _problem(
            "hooks",
            f"{len(missing)} are not installed, so snapshots may be edited: {', '.join(missing)}",
            "Import fiftyone_snapshots before FiftyOne is used, and look for other packages that "
            "replace these functions",
        )
    else:
        yield _ok("hooks", "all hooks into FiftyOne are installed")
    if "fiftyone_snapshots" not in (fo.config.module_path or []):
        yield _note(
            "App server",
            "FiftyOne does not import this package by itself, so an App that was just started may "
            "not know snapshots until its first operator runs",
            "Have all processes import it: export FIFTYONE_MODULE_PATH=fiftyone_snapshots",
        )


def _root() -> Path:
    return Path(__file__).resolve().parent.parent


def _plugin() -> Iterator[Finding]:
    # Not sooner: this package may be imported while FiftyOne itself is not complete
    import fiftyone.plugins as fop  # noqa: PLC0415

    found = fop.list_plugins(enabled="all", shadowed="all")
    folders = [Path(plugin.directory) for plugin in found if plugin.name == PLUGIN]
    plugins = str(fo.config.plugins_dir)
    if not folders:
        yield _note(
            "plugin",
            "not in FiftyOne's plugins folder, so the App has no History panel",
            f"Link it: mkdir -p {shlex.quote(plugins)} && "
            f"ln -s {shlex.quote(str(_root()))} {shlex.quote(f'{plugins}/{PACKAGE}')}",
        )
    elif len(folders) > 1:
        yield _problem(
            "plugin",
            f"FiftyOne finds {len(folders)} of it: {', '.join(map(str, folders))}",
            "Remove all but one of these folders",
        )
    elif PLUGIN not in fop.list_enabled_plugins():
        yield _problem(
            "plugin", "it is disabled", f"Enable it with: fiftyone plugins enable {PLUGIN}"
        )
    elif folders[0].resolve() != _root():
        yield _note(
            "plugin",
            f"the plugin in {folders[0]} is another copy than the package in {_root()}, which is "
            "the one that runs",
            "Keep both at the same version, or make the plugin folder a link to the package",
        )
    else:
        yield _ok("plugin", str(folders[0]))


def _settings() -> Iterator[Finding]:
    try:
        settings = Settings.load()
    except SnapshotError as error:
        yield _problem("settings", str(error), "Correct the environment variable")
        return
    if settings.backend in registry.names():
        yield _ok("settings", f"new snapshots are stored by the {settings.backend} backend")
    else:
        yield _problem(
            "settings",
            f"there is no backend {settings.backend!r}",
            f"Set FIFTYONE_SNAPSHOTS_BACKEND to one of: {', '.join(registry.names())}",
        )
    yield _policy()
    if settings.archive_path is not None:
        yield _archives(settings.archive_path)


def _policy() -> Finding:
    try:
        found = policy.current()
    except policy.PolicyError as error:
        return _problem("policy", str(error), "Until that is corrected, nobody may do anything")
    if found is policy.EVERYTHING:
        return _ok("policy", "none: everybody may do everything")
    return _ok("policy", os.environ[variable("POLICY")])


def _archives(place: str) -> Finding:
    try:
        location.open_store(place).exists("doctor")
    except SnapshotError as error:
        return _problem("archives", str(error), "Correct FIFTYONE_SNAPSHOTS_ARCHIVE_PATH")
    return _ok("archives", place)


def _server() -> Iterator[Finding]:
    try:
        database = database_module.connect()
    except SnapshotError as error:
        yield _problem("server", str(error), "Nothing else can be checked without it")
        return
    kind = "replica set" if database_module.is_replicated(database) else "standalone"
    yield _ok(
        "server",
        f"MongoDB {database.client.server_info()['version']}, {kind}, {_engine(database)}, "
        f"database '{database.name}'",
    )
    yield _facts(database)
    try:
        yield from _disk(database)
        yield from _stored(database)
    except SnapshotError as error:
        yield _problem("snapshots", str(error), "Upgrade this package")


def _engine(database: Database[Document]) -> str:
    try:
        status: Document = database.client.admin.command("serverStatus")
        return str(status["storageEngine"]["name"])
    except (OperationFailure, KeyError):
        return "storage engine not told"


def _facts(database: Database[Document]) -> Finding:
    found = engine.remembered(database, database_module.server_process(database))
    if found is None:
        return _note("engine", "not met yet: it is put to the test when it is used next")
    failing = [fact for fact in Fact if fact not in found]
    if not failing:
        return _ok("engine", f"all that shortcuts rest on holds: {', '.join(Fact)}")
    return _note(
        "engine",
        f"does not do what some shortcuts rest on: {', '.join(failing)}",
        "Snapshots are exact all the same, but take longer: more is read. See "
        "docs/design/0014-what-the-engine-does.md",
    )


def _disk(database: Database[Document]) -> Iterator[Finding]:
    stats = database.command("dbStats")
    if "fsTotalSize" not in stats:
        return
    free = stats["fsTotalSize"] - stats["fsUsedSize"]
    largest = max((record.size_bytes for record in Catalog(database).select({})), default=0)
    message = f"{free / _GIGABYTE:.1f} GB free of {stats['fsTotalSize'] / _GIGABYTE:.1f} GB"
    if free < max(_GIGABYTE, 2 * largest):
        yield _problem(
            "disk",
            f"{message}; the largest snapshot has {largest / _GIGABYTE:.1f} GB",
            "Make room: empty the trash, and delete snapshots that are no longer needed",
        )
    else:
        yield _ok("disk", message)


def _stored(database: Database[Document]) -> Iterator[Finding]:
    records = Catalog(database).list_all()
    limit = Settings.load().max_in_db
    live = sum(record.is_live for record in records)
    archived = sum(record.is_live and record.archive is not None for record in records)
    yield _ok(
        "snapshots",
        f"{live}, {f'{archived} of them archived, ' if archived else ''}"
        f"and {len(records) - live} deleted ones in the trash",
    )
    if limit != NO_LIMIT and live - archived >= limit:
        yield _note(
            "limit",
            f"no more than {limit} snapshots are allowed",
            "Delete some, or raise FIFTYONE_SNAPSHOTS_MAX_IN_DB",
        )
    described = set(database[MANIFESTS].distinct("snapshot_id"))
    for record in records:
        if record.is_complete and record.id not in described:
            yield _problem(
                f"snapshot '{record.name}'",
                "its manifest is gone, so that it cannot be compared or verified",
                "Restore it from a backup of MongoDB, or delete the snapshot",
            )
        if record.backend not in registry.names():
            yield _problem(
                f"snapshot '{record.name}'",
                f"it is stored by a backend that is not installed: {record.backend}",
                "Install the package that provides it",
            )
    yield from _operations(database)
    yield from _orphans(database)


def _operations(database: Database[Document]) -> Iterator[Finding]:
    for entry in journal.unfinished(database):
        name = reference.current_name(database, entry.dataset_id) or str(entry.dataset_id)
        what = f"{entry.verb.value} of '{name}', begun {shown(entry.started_at)}"
        if lease.is_held(database, entry.dataset_id):
            yield _note("operation", f"{what}, is under way ({entry.progress:.0%})")
        else:
            yield _problem("operation", f"{what}, was left unfinished by a dead process", _RECOVER)
    for document in database[LEASES].find():
        if not lease.is_held(database, document["_id"]):
            yield _note("lease", "a dead process left one; whoever needs it next takes it over")


def _orphans(database: Database[Document]) -> Iterator[Finding]:
    if deleted := Due.find(database).deleted:
        yield _problem(
            "orphans", f"the snapshots of {len(deleted)} deleted datasets are left", _RECOVER
        )
    strays = maintenance.Strays.find(database)
    count = len(strays.collections) + len(strays.manifests | strays.facts)
    left = len(reviews.leftovers(database))
    if left:
        yield _problem("orphans", f"{left} reviews of merges are left that nobody needs", _RECOVER)
    if count:
        yield _problem("orphans", f"{count} things belong to no snapshot", _RECOVER)
    unremoved = database[UNREMOVED].count_documents({})
    copied = ownership.undecided(database)
    places = ownership.elsewhere(database, Settings.load().archive_path)
    if copied:
        yield _problem(
            "archives",
            f"this database is a copy, or its server was moved, and {copied} archives may belong "
            "to the original; it removes none of them",
            "If it is the original, or took its place: fiftyone-snapshots claim-archives. "
            "If the original is in use: fiftyone-snapshots leave-archives",
        )
    elif places:
        yield _problem(
            "archives",
            f"{unremoved} archives that nobody needs are left in: {', '.join(places)}",
            f"Set {variable('ARCHIVE_PATH')} to that place for a run of: fiftyone-snapshots "
            "recover. If it is gone for good, make the folder again, empty, and run that",
        )
    elif unremoved:
        yield _problem("orphans", f"{unremoved} archives that nobody needs are left", _RECOVER)
    if not deleted and not count and not left and not unremoved:
        yield _ok("orphans", "nothing is left over")
