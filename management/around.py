"""Making operators of anybody undoable: which ones, and when that may take its time."""

from __future__ import annotations

import functools
import logging
from contextlib import ExitStack
from typing import Any

from pymongo.database import Database
from pymongo.errors import PyMongoError

from ..backend.access import Action, Interface, acting_as
from ..backend.config import Settings, UndoMode
from ..backend.dataset.reference import DatasetReference
from ..backend.errors import InvalidSettingError, SnapshotError
from ..backend.guard.operators import Begin, Finish
from ..backend.mongo.database import Document
from ..backend.undo import estimate
from .authorize import why_not
from .datasets import find
from .undoing import Undoable

logger = logging.getLogger(__name__)

_OURS = "@snapshots/versioning/"


def around_operator(operator: Any, ctx: Any) -> Begin | None:
    """Tells how the state before an operator that changes much is kept, if that is asked for.

    It never fails: an operator is not kept from its work because it cannot be undone.

    Args:
        operator: the operator
        ctx: its context

    Returns:
        what keeps the state before it; None if it is not to be undone
    """
    try:
        mode = Settings.load().undo
    except InvalidSettingError:
        logger.warning("Operators cannot be undone", exc_info=True)
        return None
    if mode is UndoMode.OFF or not _is_risky(operator):
        return None
    return functools.partial(_begin, mode, operator, ctx)


def _begin(mode: UndoMode, operator: Any, ctx: Any) -> Finish | None:
    try:
        connection, dataset = find(ctx.dataset_name)
        if why_not(Action.BEGIN_OPERATION, dataset.name) is not None:
            return None
        if mode is UndoMode.AUTO and not _is_cheap(connection, dataset, operator):
            return None
        return _Around(ctx, dataset, operator).begin()
    except (SnapshotError, PyMongoError) as error:
        logger.warning("What %s does cannot be undone: %s", operator.uri, error)
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


def _is_cheap(connection: Database[Document], dataset: DatasetReference, operator: Any) -> bool:
    reason = estimate.too_expensive(connection, dataset)
    if reason is not None:
        logger.info("What %s does cannot be undone: %s", operator.uri, reason)
    return reason is None


class _Around:
    """An operator that is under way."""

    def __init__(self, ctx: Any, dataset: DatasetReference, operator: Any) -> None:
        self._interface = Interface.DELEGATED if ctx.delegated else Interface.OPERATOR
        self._uri = str(operator.uri)
        self._block = Undoable(dataset.name, f"operator {self._uri}", None)

    def begin(self) -> Finish:
        """Keeps the state before it."""
        with acting_as(self._interface):
            self._block.__enter__()
        return self._finish

    def _finish(self, error: BaseException | None) -> str | None:
        with ExitStack() as stack:
            stack.enter_context(acting_as(self._interface))
            try:
                self._block.__exit__(None if error is None else type(error), error, None)
            except (SnapshotError, PyMongoError) as problem:
                logger.warning("What %s has done cannot be undone: %s", self._uri, problem)
                return None
        operation = self._block.operation
        return None if operation is None else operation.id
