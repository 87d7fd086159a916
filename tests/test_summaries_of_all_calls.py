"""Summaries and diffs are exact after every call of FiftyOne that changes a dataset.

Summaries of snapshots, and diffs between them, are compared for each kind of change (which fields,
and whether samples, frames and labels came, went or changed) rather than for each call: they see
documents, not who wrote them. With ``--long`` they are compared for each call.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import fiftyone.core.odm as foo
import pytest
from bson import ObjectId

import fiftyone_snapshots as fos
from support import brute_force
from support.calls import calls, fixtures
from support.calls.registry import Call, Effect, Media
from support.calls.sandbox import Sandbox

Kind = frozenset[tuple[object, ...]]
"""What a change consists of: see :func:`_kind`."""


@pytest.mark.lengthy
@pytest.mark.parametrize("media", Media)
def test_every_writing_call_is_summarized_as_a_brute_force_comparison_does(
    media: Media, tmp_path: Path
) -> None:
    wrong, changing = _make(_share(media), media, tmp_path, every_snapshot=False)

    assert wrong == []
    assert changing > 50


@pytest.mark.long
@pytest.mark.parametrize("media", Media)
def test_every_writing_call_is_exact_on_every_media_and_between_snapshots(
    media: Media, tmp_path: Path
) -> None:
    wrong, _ = _make(calls(Effect.WRITE, media), media, tmp_path, every_snapshot=True)

    assert wrong == []


def _share(media: Media) -> list[Call]:
    """Returns some of the calls, such that each one is made on one of its media in turn."""
    return [
        call
        for number, call in enumerate(calls(Effect.WRITE))
        if media is sorted(call.media, key=list(Media).index)[number % len(call.media)]
    ]


def _make(
    table: Iterable[Call], media: Media, folder: Path, *, every_snapshot: bool
) -> tuple[list[str], int]:
    """Makes calls, each on the same dataset.

    Returns:
        what was told wrongly, and how many calls changed any sample
    """
    dataset = fixtures.build(media, "calls", folder)
    dataset.persistent = True
    id_ = dataset._doc.id
    fos.create_snapshot(dataset, "before")
    before = brute_force.Contents.of(id_)
    sandbox = Sandbox()
    wrong: list[str] = []
    changing = 0
    kinds: set[Kind] = set()
    for call in table:
        if call.cannot_run:
            continue
        try:
            call.run(sandbox.dataset("calls"))
        except Exception as error:  # noqa: BLE001
            # Whether it runs is tested elsewhere; it may have changed something all the same
            print(f"{call}: {error!r}")
        if (name := _current_name(id_)) is not None:
            expected = brute_force.compare(before, brute_force.Contents.of(id_))
            problems = _of_head(name, expected)
            kind = _kind(expected)
            if expected and (every_snapshot or kind not in kinds):
                problems += _of_snapshot(name, expected)
            kinds.add(kind)
            changing += bool(expected)
            wrong += [f"{call}: {problem}" for problem in problems]
        sandbox.restore()
    return wrong, changing


def _kind(expected: brute_force.Expected) -> Kind:
    counts = {
        "": (len(expected.added), len(expected.deleted), len(expected.changed)),
        "frames": expected.frames,
        **dict.fromkeys(expected.fields, ()),
        **{f"labels of {path}": found for path, found in expected.labels.items()},
    }
    return frozenset((what, *map(bool, found)) for what, found in counts.items())


def _current_name(dataset_id: ObjectId) -> str | None:
    document = foo.get_db_conn()["datasets"].find_one({"_id": dataset_id})
    return None if document is None else document["name"]


def _of_head(name: str, expected: brute_force.Expected) -> list[str]:
    summary = fos.calculate_dataset_latest_changes_summary(name)
    problems = brute_force.summary_problems(summary, expected)
    if expected:
        problems += brute_force.problems(fos.diff(name, "before"), expected)
    return problems


def _of_snapshot(name: str, expected: brute_force.Expected) -> list[str]:
    summary = fos.create_snapshot(name, "after").linear_change_summary
    between = fos.diff(name, "before", "after")
    return [
        *brute_force.summary_problems(summary, expected),
        *brute_force.problems(between, expected),
    ]
