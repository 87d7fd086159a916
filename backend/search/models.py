"""Which model has made labels: the address that a tracker knows it by, or the hash of its file.

A model is whatever was given to ``apply_model()``: FiftyOne's own, or one of another library.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

from ..media import look
from ..media.fact import SHA256

_LENGTH = 1000
_PATHS = ("model_path", "ckpt_path", "checkpoint_path", "weights_path", "name_or_path")
"""Under these names, models and their configurations say which file they were read from."""


def address_of(model: Any) -> str:
    """Returns what a model is to be known by.

    Args:
        model: the model

    Returns:
        what it says of itself as ``model_uri``, such as ``models:/m-1234``; else that of MLflow's
        own models; else ``sha256:…``, the hash of the file that it was read from; else the name of
        its class, which does not tell models of one kind apart
    """
    told = getattr(model, "model_uri", None)
    if isinstance(told, str) and told:
        return told[:_LENGTH]
    known = getattr(model, "model_id", None)
    if isinstance(known, str) and type(model).__module__.startswith("mlflow."):
        return f"models:/{known}"[:_LENGTH]
    for path in _files(model):
        return SHA256 + look.digest(path)
    kind = type(model)
    return f"python:{kind.__module__}.{kind.__qualname__}"[:_LENGTH]


def _files(model: Any) -> Iterator[str]:
    for holder in (model, getattr(model, "config", None)):
        for name in _PATHS:
            path = getattr(holder, name, None)
            if isinstance(path, (str, os.PathLike)) and os.path.isfile(path):  # noqa: PTH113
                yield os.fspath(path)
