"""The address of a version without names: one string for ever, whatever is done to the version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from support.datasets import grouped_dataset, image_dataset, video_dataset

NAME = "Füchse"

KINDS: dict[str, Callable[[], fo.Dataset]] = {
    "images": lambda: image_dataset(NAME, 3, persistent=True),
    "videos": lambda: video_dataset(NAME, 2, 2, persistent=True),
    "groups": lambda: grouped_dataset(NAME, 2, 2, persistent=True),
}


def address() -> str:
    return fos.snapshot_uri(NAME, "v1", names=False)


@pytest.mark.parametrize(
    ("kind", "backend", "other"),
    [
        ("images", "duplication", "delta"),
        ("videos", "delta", "duplication"),
        ("groups", "delta", "duplication"),
    ],
)
def test_a_version_has_one_address_for_ever(
    kind: str, backend: str, other: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    dataset = KINDS[kind]()
    fos.create_snapshot(NAME, "v0")
    dataset.tag_samples("x")
    fos.create_snapshot(NAME, "v1")
    known = address()
    dataset.untag_samples("x")
    fos.create_snapshot(NAME, "v2")
    after: dict[str, str] = {}

    fos.edit_snapshot(NAME, "v1", "w1", "described")
    fos.tag_snapshot(NAME, "w1", "gold")
    dataset.name = "other"
    after["renamed"] = fos.snapshot_uri("other", "w1", names=False)
    dataset.name = NAME
    fos.edit_snapshot(NAME, "w1", "v1")

    fos.convert_snapshots(NAME, other)
    after["converted"] = address()
    fos.archive_snapshot(NAME, "v1")
    after["archived"] = address()
    fos.unarchive_snapshot(NAME, "v1")
    after["brought back"] = address()
    fos.delete_snapshot(NAME, "v0")
    after["without the one before it"] = address()
    fos.delete_snapshot(NAME, "v1")
    fos.restore_snapshot(NAME, "v1")
    after["restored"] = address()
    fos.revert_dataset_to_snapshot(NAME, "v1")
    after["reverted to"] = address()
    fos.undo_revert(NAME)
    after["after the undo of that"] = address()

    moved = fos.export_snapshot(NAME, "v1", tmp_path / "v1.tar")
    fo.delete_dataset(NAME)
    fos.import_snapshot(moved)
    after["moved"] = address()
    assert after == dict.fromkeys(after, known)
    assert fos.resolve_snapshot_uri(known).snapshot == "v1"
