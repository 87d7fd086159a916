"""Stories that pass no points but those of the others, and those of what mends an operation."""

from __future__ import annotations

import fiftyone as fo

import fiftyone_snapshots as fos

from .crash import killed_at
from .stories import STORIES, three_snapshots
from .story import NAME, Story, one_snapshot


def _pinned(dataset: fo.Dataset) -> None:
    one_snapshot(dataset)
    fos.pin_snapshot(NAME, "v1")


def _recovery(verb: str, point: str) -> Story:
    """Returns the story of what mends an operation whose process has died at a point."""
    story = STORIES[verb]

    def prepare(dataset: fo.Dataset) -> None:
        story.prepare(dataset)
        assert killed_at(f"{verb.split(',', maxsplit=1)[0]}.{point}", story.act)

    return Story(prepare, fos.recover, environment=story.environment)


_DEATHS = {
    "create": ["summarized", "committed"],
    "revert": ["shelved_dataset", "committed"],
    "undo_revert": ["shelved_dataset", "committed"],
    "empty_trash": ["committed"],
    "restore_samples": ["restored_samples", "committed"],
    "undo_restore": ["brought_back_samples"],
    "import": ["prepared", "committed"],
    "archive": ["checked", "committed"],
    "unarchive": ["adopted", "committed"],
    "convert": ["checked", "committed"],
    "create, delta": ["summarized"],
    "load, delta": ["materialised"],
}

MORE_STORIES: dict[str, Story] = {
    "prune": Story(three_snapshots, lambda: fos.prune_snapshots(NAME, keep_last=1, dry_run=False)),
    "unpin": Story(
        _pinned, lambda: fos.unpin_snapshot(NAME, "v1"), lambda: fos.pin_snapshot(NAME, "v1")
    ),
    "tag": Story(
        one_snapshot,
        lambda: fos.tag_snapshot(NAME, "v1", "a"),
        lambda: fos.untag_snapshot(NAME, "v1", "a"),
    ),
    **{
        f"recover {verb} {point}": _recovery(verb, point)
        for verb, points in _DEATHS.items()
        for point in points
    },
}
"""Stories that pass no points but those of :data:`STORIES`."""
