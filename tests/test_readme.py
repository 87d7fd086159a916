"""What README says of the SDK: its first block runs, and its tables show the real signatures."""

from __future__ import annotations

import inspect
import re
from typing import Any

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from support.environment import ROOT

README = (ROOT / "README.md").read_text()


def test_the_first_block_runs_on_a_fresh_machine(capsys: pytest.CaptureFixture[str]) -> None:
    block = re.search(r"^## 60 seconds\n\n```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)
    assert block
    names: dict[str, Any] = {}
    exec(block[1], names)
    said = capsys.readouterr().out
    assert "digits-in-60-seconds: labelled -> HEAD" in said
    assert "Relabelled" in said
    dataset = fo.load_dataset("digits-in-60-seconds")
    assert dataset.count_values("digit.label") == {"8": 100}
    fos.revert_dataset_to_snapshot(dataset, "labelled")
    assert dataset.count_values("digit.label")["3"] == 10


def test_the_tables_show_the_real_signatures() -> None:
    table = README.split("\n## SDK\n")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (`.*?) \|", table, re.MULTILINE)
    shown = re.findall(r"`((\w+)\(.*?\))`", " ".join(rows))
    assert len(shown) > 40
    for text, name in shown:
        assert text == signature(name)


def signature(name: str) -> str:
    told = []
    parameters = inspect.signature(getattr(fos, name)).parameters.values()
    for parameter in parameters:
        if parameter.kind is parameter.KEYWORD_ONLY and "*" not in told:
            told.append("*")
        default = parameter.default
        if default is parameter.empty:
            told.append(parameter.name)
        elif callable(default) or (isinstance(default, str) and default.startswith("\0")):
            told.append(f"{parameter.name}=...")
        else:
            told.append(f"{parameter.name}={default!r}")
    return f"{name}({', '.join(told)})"
