"""The examples of docs/permissions.md and docs/audit.md, run as they stand."""

from __future__ import annotations

import doctest
import re
from pathlib import Path

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
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
