"""The story that docs/branches.md shows is the one that the demo tells."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

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
