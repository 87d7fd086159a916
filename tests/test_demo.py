"""The story that docs/branches.md shows is the one that the demo tells."""

from __future__ import annotations

import socket
import sys
from pathlib import Path

import pytest

import fiftyone_snapshots as fos
from support.environment import ROOT


@pytest.mark.long
def test_the_story_of_branches_is_what_the_page_shows(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    from demo import branches, digits

    dataset = digits.make(tmp_path)
    capsys.readouterr()
    branches.tell(dataset)
    shown = (ROOT / "docs" / "branches.md").read_text().split("```text\n")[1].split("```")[0]
    assert capsys.readouterr().out.strip() == shown.strip()


def test_the_app_has_the_same_address_unless_that_is_taken(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    from demo import __main__ as program

    # Whatever is taken on this machine
    first = program.free_port()
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", first))
        taken.listen()
        assert first < program.free_port() < first + 50
    assert program.free_port() == first


def test_the_app_has_boxes_and_differences_to_show(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [str(ROOT), *sys.path])
    from demo import boxes
    from support.media import digits_dataset

    dataset = digits_dataset("digits", tmp_path, count=12)
    dataset.clone_sample_field("ground_truth", "prediction")
    boxes.add(dataset)
    changes = fos.diff(dataset, "boxes", "boxes checked").fields["boxes"].labels
    assert changes is not None
    assert (changes.added, changes.removed, changes.relabelled, changes.moved) == (3, 3, 3, 3)
    assert dataset.list_evaluations() == ["eval"]
