"""What the SDK returns, as plain data: one schema, the one in docs/results.md."""

from __future__ import annotations

import dataclasses
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots import management
from fiftyone_snapshots.backend.results.serialize import Record, plain
from support.command_line import Run, in_this_process
from support.datasets import image_dataset
from support.environment import ROOT
from support.operators import execute

PAGE = (ROOT / "docs" / "results.md").read_text()


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return in_this_process(capsys)


@pytest.fixture
def dataset() -> fo.Dataset:
    made = image_dataset("digits", size=3, persistent=True)
    fos.create_snapshot(made, "v1", tags=["gold"])
    return made


def classes() -> list[type]:
    found = [getattr(management, name) for name in management.__all__]
    given = {management.HistoryQuery, management.MediaFact}
    return [
        item
        for item in found
        if isinstance(item, type) and dataclasses.is_dataclass(item) and item not in given
    ]


def test_every_result_tells_itself_as_the_page_says() -> None:
    for result in classes():
        assert issubclass(result, Record), result
        section = re.search(
            rf"^### `{result.__name__}`\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL
        )
        assert section, f"docs/results.md does not tell of {result.__name__}"
        cells = re.findall(r"^\| (.*?) \|", section[1], re.MULTILINE)
        told = set(re.findall(r"`(\w+)`", "".join(cells)))
        keys = {item.name for item in dataclasses.fields(result)} | set(result.TOLD)
        assert told == keys, result.__name__


COMMANDS: dict[str, tuple[list[str], Callable[[fo.Dataset], Any]]] = {
    "list": (["list", "digits"], lambda d: fos.get_history(d).entries),
    "list of all": (["list"], lambda d: fos.search_snapshots()),
    "info": (["info", "digits", "v1"], lambda d: fos.get_snapshot_info(d, "v1")),
    "changes": (["changes", "digits", "--cached"], fos.get_dataset_latest_changes_summary),
    "trash": (["trash"], lambda d: fos.list_trash()),
    "search": (["search", "v"], lambda d: fos.search_snapshots("v")),
    "operations": (
        ["operations", "digits", "--ended-within", "60"],
        lambda d: fos.list_operations(d, 60),
    ),
    "history": (
        ["history", "digits", "{id}"],
        lambda d: fos.sample_history(d, d.first().id),
    ),
    "prune": (
        ["prune", "digits", "--keep-last", "1", "-n"],
        lambda d: fos.prune_snapshots(d, keep_last=1),
    ),
    "revert": (
        ["revert", "digits", "v1", "-n"],
        lambda d: fos.revert_dataset_to_snapshot(d, "v1", dry_run=True),
    ),
}


def test_the_command_line_prints_it(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v2")
    fos.delete_snapshot(dataset, "v2")
    for arguments, function in COMMANDS.values():
        filled = [item.format(id=dataset.first().id) for item in arguments]
        printed = run(*filled, "--json").json
        assert printed == plain(function(dataset)), arguments
        assert json.loads(json.dumps(printed, allow_nan=False)) == printed


def test_a_thing_has_the_same_keys_everywhere(dataset: fo.Dataset, run: Run) -> None:
    info = run("info", "digits", "v1", "--json").json
    shared = {
        *("id", "name", "description", "created_at", "created_by", "tags"),
        *("is_pinned", "is_archived", "linear_change_summary"),
    }
    (listed,) = run("list", "digits", "--json").json
    (found,) = run("list", "--json").json
    for other in (listed, found):
        assert {key: other[key] for key in shared} == {key: info[key] for key in shared}
        assert other["dataset_name"] == "digits"
    assert (listed["state"], listed["archive"]) == ("ready", None)
    # As until now, for one release
    assert listed["pinned"] is False
    assert listed["changes"] == listed["linear_change_summary"]


def test_commands_that_only_do_something_name_it_alike(
    dataset: fo.Dataset, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    for command in (
        *(["archive", "digits", "v1"], ["unarchive", "digits", "v1"]),
        *(["revert", "digits", "v1", "-y"], ["delete", "digits", "v1", "-y"]),
    ):
        data = run(*command, "--json").json
        assert (data["dataset_name"], data["snapshot_name"]) == ("digits", "v1"), command
        assert data["snapshot"] == "v1", command


def test_the_trash_of_all_datasets_names_them(dataset: fo.Dataset, run: Run) -> None:
    fos.revert_dataset_to_snapshot(dataset, "v1")
    fos.delete_snapshot(dataset, "v1")
    other = image_dataset("other", size=1, persistent=True)
    fos.create_snapshot(other, "w1")
    fos.delete_snapshot(other, "w1")
    names = [(item.dataset_name, item.kind.value) for item in fos.list_trash()]
    assert names == [("digits", "head"), ("digits", "snapshot"), ("other", "snapshot")]
    lines = run("trash").out.splitlines()
    assert lines[0].split()[:3] == ["dataset", "kind", "name"]
    assert [line.split()[0] for line in lines[2:]] == ["digits", "digits", "other"]
    assert run("trash", "digits").out.startswith("kind")


def test_operators_use_the_same_keys(dataset: fo.Dataset, installed_plugin: Path) -> None:
    entry = fos.get_history(dataset).entries[0].to_dict()
    (listed,) = execute("list_snapshots", dataset)["snapshots"]
    # What people read has had these names before there was a schema
    words = {"changes", "samples", "size", "created", "change_summary"}
    assert {key: value for key, value in listed.items() if key not in words} == {
        key: value for key, value in entry.items() if key not in words
    }
    info = execute("get_snapshot_info", dataset, name="v1")["snapshot"]
    assert info["linear_change_summary"] == entry["linear_change_summary"]
    pinned = execute("pin_snapshot", dataset, name="v1")["snapshot"]
    assert pinned["is_pinned"] is True


def test_a_summary_is_read_back(dataset: fo.Dataset) -> None:
    summary = fos.calculate_dataset_latest_changes_summary(dataset)
    read = fos.SampleChangeSummary.from_dict(summary.to_dict())
    assert read is not None
    assert read.to_dict() == summary.to_dict()
