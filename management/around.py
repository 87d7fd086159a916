"""Making operators and calls of anybody undoable: which ones, and when that may take its time."""

from __future__ import annotations

import functools
import logging
from contextlib import ExitStack
from typing import Any

import fiftyone.core.dataset as fod
from bson import ObjectId
from pymongo.errors import PyMongoError

from ..backend.access import Action, Interface, acting_as
from ..backend.access.actor import current
from ..backend.config import Settings, UndoMode
from ..backend.dataset.reference import DatasetReference
from ..backend.errors import InvalidSettingError, SnapshotError
from ..backend.guard import under_way
from ..backend.guard.bulk import Count
from ..backend.guard.operators import Begin
from ..backend.guard.under_way import Running
from ..backend.mongo import database
from ..backend.undo import estimate, mode
from .authorize import why_not
from .block import Undoable
from .datasets import find

logger = logging.getLogger(__name__)

_OURS = "@snapshots/versioning/"
_ORDINARY = "samples."


def around_operator(operator: Any, ctx: Any) -> Begin | None:
    """Tells how the state before an operator that changes much is kept, if that is asked for.

    It never fails: an operator is not kept from its work because it cannot be undone.

    Args:
        operator: the operator
        ctx: its context

    Returns:
        what keeps the state before it; None if it is not to be undone
    """
    settings = _settings()
    if settings is None or not _is_risky(operator):
        return None
    return functools.partial(_begin_operator, settings, operator, ctx)


def around_call(dataset: fod.Dataset, what: str, said: int | None, count: Count) -> Running | None:
    """Keeps the state before a call that changes much, if that is asked for.

    It never fails: nothing is kept from its work because it cannot be undone.

    Args:
        dataset: the dataset that is changed
        what: what is about to be done to it
        said: how many samples that may touch, if the call says so
        count: finds that out

    Returns:
        the operation; None if it is not to be undone
    """
    settings = _settings()
    if settings is None or (said is not None and said <= settings.undo_samples):
        return None
    document = dataset._doc
    is_ordinary = dataset.persistent and document.sample_collection_name.startswith(_ORDINARY)
    if not is_ordinary or under_way.is_part(document.id):
        return None
    try:
        if _mode(settings, document.id) is UndoMode.OFF:
            return None
        if said is None and count() <= settings.undo_samples:
            return None
    except (SnapshotError, PyMongoError) as error:
        logger.warning("What '%s' does cannot be undone: %s", what, error)
        return None
    return _begin(settings, dataset.name, what, what, current().interface)


def _settings() -> Settings | None:
    """Returns the settings, unless they say that nothing is made undoable."""
    try:
        settings = Settings.load()
    except InvalidSettingError:
        logger.warning("Nothing is made undoable", exc_info=True)
        return None
    return None if settings.undo is UndoMode.OFF else settings


def _mode(settings: Settings, dataset_id: ObjectId) -> UndoMode:
    return mode.in_force(settings, mode.of_datasets(database.presumed()).get(dataset_id))


def _begin_operator(settings: Settings, operator: Any, ctx: Any) -> Running | None:
    try:
        if settings.undo is None and not mode.of_datasets(database.presumed()):
            # Most have asked for nothing, and their datasets need not be looked for
            return None
    except (SnapshotError, PyMongoError) as error:
        logger.warning("What %s does cannot be undone: %s", operator.uri, error)
        return None
    if not ctx.dataset_name:
        # It is about none, or will make one
        return None
    interface = Interface.DELEGATED if ctx.delegated else Interface.OPERATOR
    uri = str(operator.uri)
    return _begin(settings, ctx.dataset_name, uri, f"operator {uri}", interface)


def _begin(
    settings: Settings, dataset_name: str, who: str, what: str, interface: Interface
) -> Running | None:
    """Keeps the state before an operation, unless that takes too long or is not allowed."""
    try:
        _, dataset = find(dataset_name)
        chosen = _mode(settings, dataset.id)
        if chosen is UndoMode.OFF:
            return None
        if why_not(Action.BEGIN_OPERATION, dataset.name) is not None:
            return None
        if chosen is UndoMode.AUTO and not _is_cheap(dataset, who):
            return None
        return _Around(who, what, dataset, interface).begin()
    except (SnapshotError, PyMongoError) as error:
        logger.warning("What %s does cannot be undone: %s", who, error)
    return None


def _is_risky(operator: Any) -> bool:
    """Returns whether an operator says, or does not deny, that it changes much.

    Panels say nothing, and are called whenever somebody clicks. Our own operators have undos of
    their own.
    """
    # Not at the top: the App's server imports this before it can import operators
    from fiftyone.operators.panel import Panel  # noqa: PLC0415
    from fiftyone.operators.types import RiskLevel  # noqa: PLC0415

    config = operator.config
    is_called_unasked = config.on_startup or config.on_dataset_open
    is_left_out = isinstance(operator, Panel) or str(operator.uri).startswith(_OURS)
    return (
        config.risk_level in (RiskLevel.HIGH, RiskLevel.DANGEROUS)
        and not is_called_unasked
        and not is_left_out
    )


def _is_cheap(dataset: DatasetReference, who: str) -> bool:
    reason = estimate.too_expensive(database.presumed(), dataset)
    if reason is not None:
        logger.info("What %s does cannot be undone: %s", who, reason)
    return reason is None


class _Around:
    """What others do, under way."""

    def __init__(
        self, who: str, what: str, dataset: DatasetReference, interface: Interface
    ) -> None:
        self._interface = interface
        self._who = who
        self._dataset = dataset
        self._block = Undoable(dataset.name, what, None)

    def begin(self) -> Running:
        """Keeps the state before it."""
        with acting_as(self._interface):
            self._block.begin()
        return Running(self._dataset.id, self._finish)

    def _finish(self, error: BaseException | None) -> str | None:
        with ExitStack() as stack:
            stack.enter_context(acting_as(self._interface))
            try:
                self._block.end(error)
            except (SnapshotError, PyMongoError) as problem:
                logger.warning("What %s has done cannot be undone: %s", self._who, problem)
                return None
        operation = self._block.operation
        return None if operation is None else operation.id
