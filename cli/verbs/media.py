"""Commands on media files."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable

from ... import management as sdk
from ...backend.results.times import shown
from ..output import Answer, size

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


def _described(found: sdk.CapturedMedia) -> str:
    when = shown(found.captured_at, seconds=True)
    return f"{when}, {found.level}: {found} ({size(found.size_bytes)})"
