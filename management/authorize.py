"""The one door: every function of the management SDK is decorated with :func:`acting`.

It finds out who asks and for which dataset, asks the policy, and notes in the audit log what came
of it. What an action calls in its turn is asked for again, and is part of the same note.
"""

from __future__ import annotations

import functools
import inspect
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

import fiftyone.core.collections as foc
from bson import ObjectId
from pymongo.database import Database
from pymongo.errors import PyMongoError

from ..backend.access import actor, arguments, policy
from ..backend.access.policy import EVERYTHING, PolicyError
from ..backend.actions import Action, Level
from ..backend.audit import recording
from ..backend.audit.recording import Recording
from ..backend.catalog.record import DatasetSnapshot
from ..backend.dataset.reference import DatasetReference, current_name, resolve
from ..backend.errors import (
    InvalidRequestError,
    NotVersionableError,
    SnapshotError,
    SnapshotPermissionError,
)
from ..backend.mongo.database import Document, is_forbidden, presumed, reaching_server
from ..backend.mongo.explanations import explained
from ..backend.operations import entry
from ..backend.search import history
from .datasets import resolved

P = ParamSpec("P")
R = TypeVar("R")

ACTION = "_fiftyone_snapshots_action"
"""The attribute of a decorated function that tells its action."""

_REPEAT_SECONDS = 3600.0
"""How long the same refusal to look is not noted again by the same process."""

_REMEMBERED = 1000

_refused: dict[tuple[object, ...], float] = {}

_DATASET, _SNAPSHOT, _OPERATION = "dataset_name", "snapshot_name", "operation_id"


@dataclass(frozen=True)
class _Subject:
    """What an action is about."""

    name: str | None
    """The dataset's name as it is now, or as it was given; None for all datasets at once."""
    id: ObjectId | None
    reference: DatasetReference | None = None
    """The dataset, if it can have snapshots."""


def acting(
    action: Action, *, dry_run: Action | None = None, each: bool = False
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Makes a function go through the door.

    Its dataset is its argument ``dataset_name``, or that of the operation ``operation_id``.

    Args:
        action: what the function does
        dry_run (None): what it does if its argument ``dry_run`` is true
        each (False): whether the function itself asks for each dataset, if none is given; by
            default, the level is needed on all datasets then

    Returns:
        a decorator
    """

    def wrap(function: Callable[P, R]) -> Callable[P, R]:
        signature = inspect.signature(function)

        @functools.wraps(function)
        def through_the_door(*args: P.args, **kwargs: P.kwargs) -> R:
            try:
                bound = signature.bind(*args, **kwargs)
            except TypeError as error:
                raise TypeError(f"{function.__name__}(): {error}") from None
            bound.arguments.update(arguments.check(function, bound.arguments))
            # What is left to its default is not worth a note
            given = dict(bound.arguments)
            bound.apply_defaults()
            wanted = dry_run if dry_run and bound.arguments.get("dry_run") else action
            try:
                return _perform(wanted, given, each, lambda: function(*bound.args, **bound.kwargs))
            except PyMongoError as error:
                # Of what is done besides: finding the dataset, noting the event
                raise _in_our_words(error, wanted, given.get(_DATASET)) from error

        setattr(through_the_door, ACTION, action)
        return through_the_door

    return wrap


def _perform(
    action: Action, arguments: Mapping[str, Any], each: bool, function: Callable[[], R]
) -> R:
    is_noted = action.row.is_recorded and not recording.is_recording()
    if not is_noted and _is_open():
        return _reached(action, arguments.get(_DATASET), function)
    database = presumed()
    with reaching_server():
        subject = _subject(database, arguments)
    told = {key: value for key, value in arguments.items() if key not in (_DATASET, _SNAPSHOT)}
    snapshot = arguments.get(_SNAPSHOT)
    if isinstance(snapshot, DatasetSnapshot):
        snapshot = snapshot.name
    recorded = Recording(action, subject.name, subject.id, snapshot, told)
    noting = recording.recording if is_noted else _noting_refusals
    with noting(database, recorded):
        if subject.name is not None or not each:
            require(action, subject.name)
        with resolved(arguments.get(_DATASET), subject.reference):
            result = _reached(action, subject.name, function)
        recorded.result = result
        return result


@contextmanager
def _noting_refusals(database: Database[Document], recorded: Recording) -> Iterator[Recording]:
    """Notes that somebody may not look, unless the action that this is part of is noted."""
    try:
        yield recorded
    except SnapshotPermissionError as error:
        if not recording.is_recording() and _is_news(recorded):
            recording.note(database, recorded, 0.0, error)
        raise


def _is_news(refused: Recording) -> bool:
    """Returns whether a refusal to look is to be noted: the App looks every few seconds."""
    who = actor.current()
    key = (who.user, who.interface, refused.action, refused.dataset)
    now = time.monotonic()
    if now - _refused.get(key, -_REPEAT_SECONDS) < _REPEAT_SECONDS:
        return False
    if len(_refused) >= _REMEMBERED:
        _refused.clear()
    _refused[key] = now
    return True


def _reached(action: Action, dataset: object, function: Callable[[], R]) -> R:
    """Calls a function, and says it in our words if it is MongoDB that refuses or fails."""
    try:
        return function()
    except PyMongoError as error:
        raise _in_our_words(error, action, dataset) from error


def _in_our_words(error: PyMongoError, action: Action, dataset: object) -> SnapshotError:
    if not is_forbidden(error):
        return explained(error)
    where = f" of dataset '{dataset}'" if isinstance(dataset, str) else ""
    return SnapshotPermissionError(
        f"MongoDB does not let this process {action.row.words}{where}: whoever it has logged in "
        f"as lacks the rights ({error}). Log in as somebody who has them, with "
        "FIFTYONE_DATABASE_URI.",
        action.value,
        dataset if isinstance(dataset, str) else None,
        action.level.name.lower(),
        None,
    )


def enter(action: Action, dataset: DatasetReference) -> None:
    """Lets a function with ``each=True`` in that finds out only itself what dataset it is about.

    Args:
        action: what it does
        dataset: the dataset, which is that of the note in the audit log as well

    Raises:
        SnapshotPermissionError: if it is refused
    """
    recording.about(dataset.name, dataset.id)
    require(action, dataset.name)


def require(action: Action, dataset: str | None) -> None:
    """Refuses what the policy does not allow.

    Args:
        action: what is asked for
        dataset: the name of the dataset, or None for all datasets at once

    Raises:
        SnapshotPermissionError: if it is refused
    """
    level, trouble = _level(dataset)
    if level >= action.level:
        return
    where = f"of dataset '{dataset}'" if dataset is not None else "of all datasets"
    needed = action.level
    who = str(actor.current())
    message = (
        f"{who[0].upper()}{who[1:]} may not {action.row.words} {where}: "
        f"{needed.name.lower()} ({needed.label}) is needed, and "
        f"{level.name.lower()} ({level.label}) is what they have."
    )
    raise SnapshotPermissionError(
        f"{message} {trouble or 'Ask whoever maintains the policy.'}",
        action.value,
        dataset,
        needed.name.lower(),
        level.name.lower(),
    )


def allows(action: Action, dataset: str | None) -> bool:
    """Returns whether the policy allows something.

    Args:
        action: what would be asked for
        dataset: the name of the dataset, or None for all datasets at once

    Returns:
        True/False
    """
    return _level(dataset)[0] >= action.level


def why_not(action: Action, dataset: str | None) -> str | None:
    """Returns why the policy would refuse something, or None if it would not; nothing is noted.

    Args:
        action: what would be asked for
        dataset: the name of the dataset, or None for all datasets at once

    Returns:
        a sentence, or None
    """
    try:
        require(action, dataset)
    except SnapshotPermissionError as error:
        return str(error)
    return None


def _is_open() -> bool:
    """Returns whether there is no policy to ask."""
    try:
        return policy.current() is EVERYTHING
    except PolicyError:
        return False


def _level(dataset: str | None) -> tuple[Level, str | None]:
    """Returns which level the current actor has, and what is wrong with the policy if anything."""
    try:
        return policy.current().level(actor.current(), dataset), None
    except PolicyError as error:
        return Level.NONE, f"{error}. Until that is corrected, nobody may do anything."
    except Exception as error:  # noqa: BLE001 (a policy of others that fails lets nobody in)
        return Level.NONE, f"The policy has failed: {error!r}."


def _subject(database: Database[Document], arguments: Mapping[str, Any]) -> _Subject:
    """Finds the dataset that an action is about; what is wrong with it, the action will say."""
    if _OPERATION in arguments and _DATASET not in arguments:
        try:
            noted = entry.get(database, arguments[_OPERATION])
        except InvalidRequestError:
            return _Subject(None, None)
        return _Subject(current_name(database, noted.dataset_id), noted.dataset_id)
    given = arguments.get(_DATASET)
    if given is None:
        return _Subject(None, None)
    name = str(given.name if isinstance(given, foc.SampleCollection) else given)
    try:
        try:
            found = resolve(database, given)
        except NotVersionableError:
            # A snapshot that is loaded stands for its dataset
            stands_for = history.locate(database, name).dataset
            return _Subject(stands_for.name, stands_for.id)
    except InvalidRequestError:
        return _Subject(name, None)
    return _Subject(found.name, found.id, found)
