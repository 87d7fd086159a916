"""Noting which snapshot the dataset was like when a run was computed, and by which model."""

from __future__ import annotations

import functools
import inspect
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..mongo.database import connect
from ..search import lineage, models

logger = logging.getLogger(__name__)

Function = Callable[..., Any]


def remember_lineage(original: Function) -> Function:
    """Notes the lineage of every run that is registered, whatever its kind.

    After the original: with ``overwrite``, it first removes what the former run has written.
    """

    @functools.wraps(original)
    def save_run_info(cls: Any, samples: Any, run_info: Any, *args: Any, **kwargs: Any) -> None:
        original(cls, samples, run_info, *args, **kwargs)
        try:
            document = samples._root_dataset._doc
            run = getattr(document, cls._runs_field())[run_info.key]
            lineage.record(connect(), document.id, run.id)
        except Exception:
            # The run matters more than what is noted of it
            logger.warning(
                "It could not be noted which snapshot run '%s' was computed on",
                getattr(run_info, "key", run_info),
                exc_info=True,
            )

    return save_run_info


def remember_model(original: Function) -> Function:
    """Notes which model was applied, once its labels are there."""
    signature = inspect.signature(original)

    @functools.wraps(original)
    def apply_model(*args: Any, **kwargs: Any) -> Any:
        before = None
        with _only_told():
            given = signature.bind(*args, **kwargs)
            given.apply_defaults()
            samples, model = given.arguments["samples"], given.arguments["model"]
            before = lineage.now(connect(), samples._root_dataset._doc.id)
        result = original(*args, **kwargs)
        if before is not None:
            with _only_told():
                field = str(given.arguments["label_field"])
                lineage.record_model(connect(), before, field, models.address_of(model))
        return result

    return apply_model


@contextmanager
def _only_told() -> Iterator[None]:
    """Logs what is raised: the labels matter more than what is noted of them."""
    try:
        yield
    except Exception:
        logger.warning("It could not be noted which model was applied", exc_info=True)
