"""Progress as FiftyOne shows it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import fiftyone.core.utils as fou

from ..progress import Progress

_PATIENCE_SECONDS = 1.0


@contextmanager
def shown(progress: bool | Progress | None) -> Iterator[Progress]:
    """Shows how far an operation is, the way its caller wants it.

    Args:
        progress: whether to render a progress bar (True/False); None to leave that to
            ``fiftyone.config.show_progress_bars``, for operations that take more than a moment;
            or a :data:`~fiftyone_snapshots.backend.storage.base.Progress` to call instead

    Yields:
        what the operation should tell how far it is
    """
    if callable(progress):
        yield progress
        return
    bar: Any = None
    start = time.monotonic()

    def report(fraction: float, _: str) -> None:
        nonlocal bar
        if bar is None and (progress or time.monotonic() - start > _PATIENCE_SECONDS):
            bar = fou.ProgressBar(total=100, progress=progress, iters_str="%")
            bar.__enter__()
        if bar is not None:
            bar.set_iteration(int(100 * fraction))

    try:
        yield report
    finally:
        if bar is not None:
            bar.set_iteration(100)
            bar.__exit__()
