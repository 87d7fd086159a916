"""Noting which snapshot the dataset was like when a run was computed."""

from __future__ import annotations

import functools
import logging
from collections.abc import Callable
from typing import Any

from ..mongo.database import connect
from ..search import lineage

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
