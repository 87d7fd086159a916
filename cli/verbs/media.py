"""Commands on media files."""

from __future__ import annotations

import json
from argparse import Namespace
from collections.abc import Callable
from pathlib import Path

from ... import management as sdk
from ...backend.errors import InvalidRequestError
from ...backend.results.times import shown
from ..output import DONE, FOUND, Answer, size

Progress = Callable[[float, str], None]


def media_capture(options: Namespace, _: Progress) -> Answer:
    """Captures the media of a snapshot."""
    found = sdk.capture_media(options.dataset, options.snapshot, options.level)
    return Answer(found, _described(found))


def media_info(options: Namespace, _: Progress) -> Answer:
    """Tells what was captured."""
    found = sdk.get_captured_media(options.dataset, options.snapshot)
    if found is None:
        return Answer(None, "Nothing was captured: 'media capture' does")
    return Answer(found, _described(found))


def media_restore(options: Namespace, _: Progress) -> Answer:
    """Puts files into a folder."""
    found = sdk.restore_media(
        options.dataset, options.snapshot, options.ids or None, to=options.folder
    )
    return Answer(found, str(found), DONE if found else FOUND)


def media_repoint(options: Namespace, _: Progress) -> Answer:
    """Makes a dataset refer to what was put into a folder."""
    try:
        paths = json.loads(Path(options.path).read_text(encoding="utf-8"))["paths"]
        wanted = {str(path): str(new) for path, new in paths.items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise InvalidRequestError(
            f"'{options.path}' does not hold what 'media restore --json' prints: {error}"
        ) from error
    done = sdk.repoint_media(options.dataset, wanted)
    if done is None:
        return Answer(None, "Nothing was done: the dataset refers to none of these files")
    return Answer(done, f"'{options.dataset}' refers to the new files; undo: {done.id}")


def media_collect(*_: object) -> Answer:
    """Removes copies."""
    return _collected(sdk.collect_media(dry_run=False))


def asks_media_collect(_: Namespace) -> bool:
    """Returns whether anything would be removed."""
    return sdk.collect_media().removed > 0


def preview_media_collect(_: Namespace) -> Answer:
    """Tells which copies would be removed."""
    return _collected(sdk.collect_media())


def _collected(found: sdk.CollectedMedia) -> Answer:
    verb = "would be removed" if found.dry_run else "were removed"
    removed = f"{found.removed:,} copies {verb} ({size(found.removed_bytes)})"
    return Answer(found, f"{found.folder}: {removed}, {found.kept:,} are kept")


def _described(found: sdk.CapturedMedia) -> str:
    when = shown(found.captured_at, seconds=True)
    return f"{when}, {found.level}: {found} ({size(found.size_bytes)})"
