"""Where an action runs: here and now, in the background of the server, or in a worker.

The App cuts operators off after ``operator_timeout`` (600 s) while their threads run on, shows no
progress of them, and blocks whoever waits for them. So in the App's server every action gets a
thread of its own. What is quick is done before the App's request is answered. What is not goes
on, and is followed in the History panel, for as long as the server lives.

Open-source FiftyOne registers its delegated workers nowhere, so whether one is alive can only be
found out by asking: a large action is offered to the queue for a moment, and taken back unless a
worker has taken it. Both is decided by the database, in one write each.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import fiftyone.core.odm as foo
from bson import ObjectId
from fiftyone.operators.delegated import DelegatedOperationService
from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.errors import SnapshotError
from ..backend.operations.journal import Entry
from ..backend.operations.reporting import announcing, reporting

Plain: TypeAlias = dict[str, Any]

GRACE_SECONDS = 3.0
"""How long the App waits for an action to be done before it goes on in the background."""

OFFER_SECONDS = 2.0
"""How long a worker has to take an action; FiftyOne's look for work twice a second."""

LARGE_DOCUMENTS = 200_000
"""Samples and frames from which on an action is worth being moved to a worker."""

KEEP_SECONDS = 3600
"""How long the outcome of a background action can be asked for."""


@dataclass(frozen=True)
class Job:
    """What is to be done, as people and workers are told."""

    operator: str
    label: str
    dataset: str
    params: Plain
    offered: bool
    """Whether a delegated worker may do it."""
    panel: str | None = None
    """The id of the panel whose dialog it was begun in, if any."""
    is_preview: bool = False
    """Whether only the dialog that asked for it wants to know of it."""


@dataclass
class Task:
    """An action that runs in the background of this process."""

    job: Job
    id: str = field(default_factory=lambda: str(ObjectId()))
    started_at: float = field(default_factory=time.time)
    operations: list[str] = field(default_factory=list)
    """The ids of the journal entries that it has begun."""
    result: Plain | None = None
    error: Exception | None = None
    ended: threading.Event = field(default_factory=threading.Event)
    panel: str | None = None
    """The id of the only panel that tells of it; None if all do."""
    progress: float = 0.0
    """How much of it is done, from 0 to 1."""

    @property
    def is_running(self) -> bool:
        """Whether it is still under way."""
        return not self.ended.is_set()

    def outcome(self) -> Plain:
        """Returns its result, or raises what it raised."""
        if self.error is not None:
            raise self.error
        return self.result or {}


_tasks: dict[str, Task] = {}
_lock = threading.Lock()


def is_app_server() -> bool:
    """Returns whether this process serves the App."""
    return bool(os.environ.get("FIFTYONE_SERVER"))


def run(ctx: ExecutionContext, job: Job, action: Callable[[], Plain]) -> Plain:
    """Runs an action where it fits.

    Args:
        ctx: the operator's context
        job: what is done
        action: does it

    Returns:
        its result, or if it goes on elsewhere a result with a ``state`` other than "done"
    """
    if not is_app_server() or ctx.delegated:
        with _forwarding_progress(ctx):
            return {"state": "done", **action()}
    if job.offered and _is_large(job) and (delegated := _offer(ctx, job)) is not None:
        return {
            "state": "delegated",
            "delegated_operation_id": str(delegated),
            "message": f"{job.label}: a delegated worker has begun. The History panel shows how "
            "far it is.",
        }
    return wait(start(job, action))


def wait(task: Task) -> Plain:
    """Waits for an action in the background, but not for longer than the App should.

    Args:
        task: the action

    Returns:
        its result, or if it is not done yet a result with the ``state`` "running", from which it
        can be found again

    Raises:
        Exception: what the action raised
    """
    job = task.job
    if task.ended.wait(GRACE_SECONDS):
        if job.panel is None or task.error is not None:
            _forget(task)
        else:
            # The App loses answers to dialogs while it reloads a dataset: the panel looks for them
            task.panel = job.panel
        return task.outcome()
    return {
        "state": "running",
        "task_id": task.id,
        "progress": task.progress,
        "message": f"{job.label}: still under way in the background of the App's server. The "
        "History panel shows how far it is.",
    }


def is_finished(result: Plain) -> bool:
    """Returns whether a result of :func:`run` is final."""
    return result.get("state") == "done"


def start(job: Job, action: Callable[[], Plain]) -> Task:
    """Starts an action in the background of this process.

    If the process dies, the journal has whoever comes next undo what was left unfinished.

    Args:
        job: what is done
        action: does it

    Returns:
        the task
    """
    task = Task(job)

    def begun(entry: Entry) -> None:
        task.operations.append(str(entry.id))

    def told(progress: float, _: str) -> None:
        task.progress = progress

    def body() -> None:
        try:
            with announcing(begun), reporting(told):
                task.result = {"state": "done", **action()}
        except Exception as error:  # noqa: BLE001 (whoever asks for the outcome gets it)
            task.error = error
        finally:
            task.ended.set()

    with _lock:
        _tasks[task.id] = task
        now = time.time()
        for old in [t for t in _tasks.values() if now - t.started_at > KEEP_SECONDS]:
            if not old.is_running:
                del _tasks[old.id]
    threading.Thread(target=body, name=f"fiftyone-snapshots {job.label}", daemon=True).start()
    return task


def tasks(dataset: str, panels: Iterable[str] = ()) -> list[Task]:
    """Lists what panels tell of: actions in the background of this process, and of dialogs.

    Args:
        dataset: the dataset's name
        panels: the ids of the panels whose dialogs' outcomes are wanted as well

    Returns:
        the tasks, oldest first; those that have ended until they are dismissed. Previews are
        not among them
    """
    wanted = {None, *panels}
    with _lock:
        return [
            task
            for task in _tasks.values()
            if task.job.dataset == dataset and task.panel in wanted and not task.job.is_preview
        ]


def find(task_id: str) -> Task | None:
    """Returns a background action of this process, or None."""
    with _lock:
        return _tasks.get(task_id)


def dismiss(task_id: str) -> None:
    """Forgets a background action that has ended."""
    task = find(task_id)
    if task is not None and not task.is_running:
        _forget(task)


def _forget(task: Task) -> None:
    with _lock:
        _tasks.pop(task.id, None)


def _is_large(job: Job) -> bool:
    return management.count_documents(job.dataset) >= LARGE_DOCUMENTS


def _offer(ctx: ExecutionContext, job: Job) -> ObjectId | None:
    """Queues an action; takes it back, and returns None, unless a worker takes it at once."""
    request = {**ctx.request_params, "params": job.params, "delegated": True}
    context = ExecutionContext(request_params=request, operator_uri=job.operator)
    queued = DelegatedOperationService().queue_operation(
        operator=job.operator,
        context=context.serialize(),
        label=job.label,
        metadata={"inputs_schema": None, "outputs_schema": None},
    )
    queue = foo.get_db_conn()["delegated_ops"]
    deadline = time.monotonic() + OFFER_SECONDS
    while time.monotonic() < deadline:
        time.sleep(0.1)
        if queue.find_one({"_id": queued.id, "run_state": {"$ne": "queued"}}, {"_id": 1}):
            return ObjectId(queued.id)
    taken_back = queue.delete_one({"_id": queued.id, "run_state": "queued"})
    return None if taken_back.deleted_count else ObjectId(queued.id)


@contextmanager
def _forwarding_progress(ctx: ExecutionContext) -> Iterator[None]:
    """Tells FiftyOne of a delegated operation's progress what the journal is told."""
    if not ctx.delegated:
        yield
        return
    begun: list[Entry] = []
    ended = threading.Event()
    forwarder = threading.Thread(target=_forward, args=(ctx, begun, ended), daemon=True)
    forwarder.start()
    try:
        with announcing(begun.append):
            yield
    finally:
        ended.set()
        forwarder.join()
    ctx.set_progress(progress=1.0, label="Done")


def _forward(ctx: ExecutionContext, begun: list[Entry], ended: threading.Event) -> None:
    while not ended.wait(0.5):
        if begun:
            # The entry of a finished operation can expire
            with suppress(SnapshotError):
                entry = management.get_operation(str(begun[-1].id))
                ctx.set_progress(progress=entry.progress, label=entry.label or entry.verb.value)
