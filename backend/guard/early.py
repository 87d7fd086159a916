"""Refusing at once what would only be stopped after it has done much, or done it for nothing.

The net in :mod:`.writes` stops every write. These functions first work for hours, write something
else, leave the error in a worker, or find that there is nothing to write.
"""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from . import scratch, snapshots
from .refusal import refuse

Function = Callable[..., Any]


def always(_: Mapping[str, Any]) -> bool:
    """Says that a call is a write, whatever its arguments."""
    return True


def stores_embeddings(arguments: Mapping[str, Any]) -> bool:
    """Says whether embeddings are to be stored on the samples."""
    return arguments.get("embeddings_field") is not None


def has_key(arguments: Mapping[str, Any]) -> bool:
    """Says whether a run is to be stored."""
    return arguments.get("key") is not None


def saves(arguments: Mapping[str, Any]) -> bool:
    """Says whether edits that a function makes to samples are to be stored."""
    return bool(arguments.get("save"))


def stores_images(arguments: Mapping[str, Any]) -> bool:
    """Says whether the paths of the images that are written are to be stored."""
    return bool(arguments.get("update_filepaths", True))


def stores_videos(arguments: Mapping[str, Any]) -> bool:
    """Says whether the paths of the videos, or frames, that are written are to be stored."""
    if arguments.get("sample_frames"):
        return bool(arguments.get("save_filepaths"))
    return bool(arguments.get("update_filepaths", True))


def lacks_metadata(arguments: Mapping[str, Any]) -> bool:
    """Says whether metadata is to be stored, and not only to be used."""
    if scratch.is_active():
        return False
    samples = arguments["sample_collection"]
    return bool(arguments.get("overwrite") or samples.exists("metadata", False).limit(1))


def refusing(
    samples: str, is_write: Callable[[Mapping[str, Any]], bool] = always
) -> Callable[[Function], Function]:
    """Returns what makes a function refuse to work on snapshots.

    Args:
        samples: the argument that is the collection
        is_write: gets the arguments and says whether they make the function write

    Returns:
        a function that gets the original and returns the replacement
    """

    def wrap(original: Function) -> Function:
        signature = inspect.signature(original)
        position = list(signature.parameters).index(samples)

        @functools.wraps(original)
        def function(*args: Any, **kwargs: Any) -> Any:
            collection = kwargs[samples] if samples in kwargs else args[position]
            snapshot_id = snapshots.of_collection(collection)
            if snapshot_id is not None:
                arguments = signature.bind_partial(*args, **kwargs).arguments
                if is_write(arguments):
                    refuse(snapshot_id)
            return original(*args, **kwargs)

        return function

    return wrap
