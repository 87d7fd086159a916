"""Whatever is deleted, the others stay what they are, and what nobody needs is given back."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.datasets import image_dataset, video_dataset
from support.full import Document
from support.histories import Content, content, snapshots, stored
from support.invariants import assert_sound

NAME = "Füchse"
SAMPLES = 20
COUNT = 4


@pytest.fixture(autouse=True)
def delta(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "delta")


@pytest.mark.parametrize("gone", [[0], [1], [2], [3], [2, 1], [3, 2], [0, 3]])
@pytest.mark.parametrize(
    ("media", "loaded"), [(image_dataset, False), (image_dataset, True), (video_dataset, False)]
)
def test_deleting_gives_back_what_only_the_deleted_one_held(
    media: Callable[..., fo.Dataset], gone: list[int], loaded: bool, database: Database[Document]
) -> None:
    dataset = media(NAME, SAMPLES, persistent=True)
    contents = dict(enumerate(snapshots(dataset, COUNT)))
    assert count(database) == fewest(contents)
    for number in gone:
        if loaded:
            fos.load_snapshot(NAME, f"v{number}")
        del contents[number]
        fos.delete_snapshot(NAME, f"v{number}")
        fos.empty_trash(NAME)
        if not loaded:
            assert count(database) == fewest(contents)
    for number, expected in contents.items():
        assert content(fos.load_snapshot(NAME, f"v{number}")) == expected
    assert_sound(database)
    for number in contents:
        fos.delete_snapshot(NAME, f"v{number}")
    fos.empty_trash(NAME)
    assert not stored(database, "")


def count(database: Database[Document]) -> int:
    """Returns how many samples and frames are stored."""
    return sum(sum(stored(database, part).values()) for part in ("samples$", "frames$"))


def fewest(contents: dict[int, Content]) -> int:
    """Returns how many have to be: the newest snapshot's, and what the next one has not."""
    in_order = [set(contents[number]) for number in sorted(contents)]
    return len(in_order[-1]) + sum(len(older - newer) for older, newer in pairwise(in_order))
