"""The examples in docs/archive.md and docs/archive-format.md, as they stand there."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from support.datasets import image_dataset
from support.environment import ROOT


def blocks(name: str) -> list[str]:
    return re.findall(r"```python\n(.*?)```", (ROOT / "docs" / name).read_text(), re.DOTALL)


def test_the_examples_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    dataset = image_dataset("digits", 5, persistent=True)
    for name in ("labelled", "reviewed", "last"):
        fos.create_snapshot(dataset, name)
    archiving, pruning, exporting, importing = blocks("archive.md")
    scope: dict[str, Any] = {}
    exec(archiving, scope)
    assert not fos.get_snapshot_info("digits", "labelled").is_archived
    exec(pruning, scope)
    assert "0 of 3 snapshots would be deleted" in capsys.readouterr().out
    exec(exporting, scope)
    fo.delete_dataset("digits")
    exec(importing, scope)
    assert fos.list_snapshots("digits") == ["labelled"]

    shutil.copy("digits-labelled.tar", "archive.tar")
    (reading,) = blocks("archive-format.md")
    exec(reading, {})
    assert capsys.readouterr().out.split() == fo.load_dataset("digits").values("filepath")
