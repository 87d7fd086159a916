"""The examples of docs/permissions.md and docs/audit.md, run as they stand."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.access import Action
from support.datasets import image_dataset
from support.environment import ROOT

FLAGS = doctest.ELLIPSIS | doctest.NORMALIZE_WHITESPACE


@pytest.fixture
def dataset(monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_USER", "anna")
    return image_dataset("digits", 6, persistent=True)


def run(name: str, **names: object) -> None:
    # A fence ends an example as a blank line does
    text = (ROOT / "docs" / name).read_text().replace("\n```\n", "\n\n")
    test = doctest.DocTestParser().get_doctest(text, dict(names), name, name, 0)
    assert len(test.examples) >= 5
    said: list[str] = []
    doctest.DocTestRunner(optionflags=FLAGS).run(test, out=said.append)
    assert not said, "".join(said)


def test_audit(dataset: fo.Dataset, tmp_path: Path) -> None:
    run("audit.md", folder=tmp_path)


def test_permissions(dataset: fo.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fos.create_snapshot(dataset, "labelled")
    image_dataset("secret-digits", 1, persistent=True)
    text = (ROOT / "docs" / "permissions.md").read_text()
    policy = re.search(r"```yaml\n(.*?)```", text, re.DOTALL)
    assert policy is not None
    (tmp_path / "policy.yml").write_text(policy[1])
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_POLICY", str(tmp_path / "policy.yml"))
    run("permissions.md")


def test_the_table_has_every_action() -> None:
    text = (ROOT / "docs" / "permissions.md").read_text()
    words = {"calculate": "compare", "diff": "compare", "undo_revert": "undo", "unpin": "pin"}
    words |= {
        "tag": "tag a snapshot",
        "read_log": "read the audit log",
        "export_log": "export the audit log",
    }
    rows = re.findall(r"^\| (.*) \| (Can \w+) \|$", text, re.MULTILINE)
    for action in Action:
        if action in (Action.EXPIRE, Action.PURGE):
            continue  # nobody asks for these
        word = words.get(
            action.value, action.value.replace("_", " ").replace("empty", "empty the")
        )
        (needed,) = [level for row, level in rows if re.search(rf"(^|, ){word}(,|$)", row)]
        assert needed == action.level.label, action
