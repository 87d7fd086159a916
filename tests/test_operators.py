"""Every operator, executed from Python, and what its form says."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.operators as foo
import pytest
import yaml
from fiftyone.operators.executor import ExecutionContext, ExecutionError
from fiftyone.operators.registry import OperatorRegistry

import fiftyone_snapshots as fos
from fiftyone_snapshots.operators import OPERATORS
from support.datasets import grouped_dataset, image_dataset, video_dataset
from support.environment import ROOT
from support.operators import PLUGIN, execute, form, problems

pytestmark = pytest.mark.usefixtures("installed_plugin")

NAMES = [operator.NAME for operator in OPERATORS]
UNLISTED = {
    "describe_open_snapshot",
    "describe_history",
    "describe_banner",
    "use_banner",
    "open_link",
}


@pytest.fixture
def dataset() -> fo.Dataset:
    return image_dataset("street", persistent=True)


@pytest.fixture
def history(dataset: fo.Dataset) -> fo.Dataset:
    """Two snapshots and an edit."""
    fos.create_snapshot(dataset, "v1", "first")
    dataset.delete_samples(dataset.take(2, seed=51))
    fos.create_snapshot(dataset, "v2")
    sample = dataset.first()
    sample.tags.append("edited")
    sample.save()
    return dataset


def test_the_manifest_names_what_there_is() -> None:
    manifest = yaml.safe_load((ROOT / "fiftyone.yml").read_text())
    assert manifest["operators"] == NAMES
    assert manifest["panels"] == ["history", "sample_history"]
    assert (ROOT / manifest["js_bundle"]).is_file()


@pytest.mark.parametrize("name", [*NAMES, "history"])
def test_operators_are_registered_and_say_what_they_are(name: str) -> None:
    operator = foo.get_operator(f"{PLUGIN}/{name}")
    config = operator.config.to_json()
    assert config["label"]
    if name == "history":
        return
    assert config["description"]
    assert config["icon"].replace("_", "").isalpha()
    assert config["unlisted"] == (name in UNLISTED)
    destroys = name in {"revert_to_snapshot", "bring_back_samples", "empty_trash"}
    assert (config["risk_level"] == "dangerous") == destroys


def test_registering_finds_no_errors() -> None:
    assert OperatorRegistry().list_errors() == []


def test_create(dataset: fo.Dataset) -> None:
    result = execute("create_snapshot", dataset, name="v1", description="first")
    assert result["state"] == "done"
    assert result["snapshot"]["name"] == "v1"
    assert result["snapshot"]["description"] == "first"
    assert "10 samples" in result["message"]
    assert fos.list_snapshots(dataset) == ["v1"]


def test_list_and_info(history: fo.Dataset) -> None:
    listed = execute("list_snapshots", history)
    assert [item["name"] for item in listed["snapshots"]] == ["v2", "v1"]
    assert listed["snapshots"][0]["change_summary"]["num_samples_deleted"] == 2
    found = execute("list_snapshots", history, text="FIRST")
    assert [item["name"] for item in found["snapshots"]] == ["v1"]
    info = execute("get_snapshot_info", history, name="v1")
    assert info["snapshot"]["samples"] == 10
    assert info["snapshot"]["description"] == "first"


def test_browse_and_back(history: fo.Dataset) -> None:
    opened = execute("browse_snapshot", history, name="v1")["dataset_name"]
    assert len(fo.load_dataset(opened)) == 10
    assert execute("back_to_latest", opened)["dataset_name"] == "street"


def test_refresh(history: fo.Dataset) -> None:
    changes = execute("refresh_changes", history)["changes"]
    assert changes["num_samples_changed"] == 1
    assert fos.get_dataset_latest_changes_summary(history).num_samples_changed == 1


def test_clone(history: fo.Dataset) -> None:
    execute("clone_snapshot", history, name="v1", new_dataset_name="copy")
    clone = fo.load_dataset("copy")
    assert len(clone) == 10
    assert clone.persistent
    assert fos.list_snapshots(clone) == []
    with pytest.raises(ExecutionError, match="A dataset named 'copy' already exists"):
        execute("clone_snapshot", history, name="v1", new_dataset_name="copy")


def test_edit(history: fo.Dataset) -> None:
    execute("edit_snapshot", history, name="v1", new_name="start", description="new words")
    info = fos.get_snapshot_info(history, "start")
    assert info is not None
    assert info.description == "new words"
    execute("edit_snapshot", history, name="start", new_name="v1")
    info = fos.get_snapshot_info(history, "v1")
    assert info is not None
    assert info.description == "new words"
    execute("edit_snapshot", history, name="v1", description="")
    info = fos.get_snapshot_info(history, "v1")
    assert info is not None
    assert info.description is None


def test_tags_are_those_that_are_given(history: fo.Dataset) -> None:
    def tags() -> set[str]:
        info = fos.get_snapshot_info(history, "v1")
        assert info is not None
        return set(info.tags)

    execute("tag_snapshot", history, name="v1", tags=["gold", "夜"])
    assert tags() == {"gold", "夜"}
    assert form("tag_snapshot", "street", name="v1")["tags"]["default"] == ["gold", "夜"]
    result = execute("tag_snapshot", history, name="v1", tags=["gold", "release"])
    assert result["message"] == "Snapshot 'v1' has 2 tags"
    assert tags() == {"gold", "release"}
    execute("tag_snapshot", history, name="v1", tags=[])
    assert tags() == set()


def test_archive_and_bring_back(
    history: fo.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ExecutionError, match="FIFTYONE_SNAPSHOTS_ARCHIVE_PATH"):
        execute("archive_snapshot", history, name="v1")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    assert execute("archive_snapshot", history, name="v1")["name"] == "v1"
    assert [e.archive is not None for e in fos.get_history(history).entries] == [False, True]
    with pytest.raises(ExecutionError, match="unarchive_snapshot"):
        execute("browse_snapshot", history, name="v1")
    execute("unarchive_snapshot", history, name="v1")
    assert not list(tmp_path.iterdir())


def test_delete_restore_and_empty_the_trash(history: fo.Dataset) -> None:
    deleted = execute("delete_snapshot", history, name="v1")
    assert deleted["undo"] == {"action": "delete", "name": "v1"}
    assert fos.list_snapshots(history) == ["v2"]
    execute("restore_snapshot", history, name="v1")
    assert fos.list_snapshots(history) == ["v1", "v2"]
    execute("delete_snapshot", history, name="v1")
    assert len(execute("empty_trash", history)["items"]) == 1
    assert fos.list_trash(history) == []


def test_plan_revert_and_undo(history: fo.Dataset) -> None:
    plan = execute("plan_revert", history, name="v1")
    assert plan["plan"]["samples_to_add_back"] == 2
    assert "2 samples deleted since will come back" in plan["message"]
    assert "'v2' will be deleted" in plan["message"]
    assert len(fos.list_snapshots(history)) == 2
    execute("revert_to_snapshot", history, name="v1")
    assert fos.list_snapshots(history) == ["v1"]
    assert len(history) == 10
    execute("undo_revert", history)
    assert fos.list_snapshots(history) == ["v1", "v2"]
    assert len(history) == 8


def test_restore_samples_of_a_view_and_by_id(history: fo.Dataset) -> None:
    lost = sorted(set(fos.load_snapshot(history, "v1").values("id")) - set(history.values("id")))
    restored = execute("restore_samples", history, name="v1", sample_ids=lost[:1])
    assert restored["restored"]["samples_added"] == 1
    edited = history.match_tags("edited")
    assert len(edited) == 1
    params = {"name": "v2", "which": "view", "fields": "tags"}
    foo.execute_operator(f"{PLUGIN}/restore_samples", {"view": edited, "params": params})
    assert len(history.match_tags("edited")) == 0


def test_restore_the_selection_while_a_snapshot_is_open(history: fo.Dataset) -> None:
    snapshot = fos.load_snapshot(history, "v1")
    lost = sorted(set(snapshot.values("id")) - set(history.values("id")))
    context = {"dataset": snapshot, "selected": lost, "params": {"name": "v1"}}
    foo.execute_operator(f"{PLUGIN}/restore_samples", context)
    history.reload()
    assert set(lost) <= set(history.values("id"))


def test_verify(history: fo.Dataset, database: Any) -> None:
    assert execute("verify_snapshot", history, name="v1")["ok"] is True
    stored = ("snapshots.masters", "snapshots.delta.")
    for name in database.list_collection_names():
        if name.startswith(stored) and name.endswith(".samples"):
            database[name].update_one({}, {"$set": {"tags": ["forged"]}})
    result = execute("verify_snapshot", history, name="v1")
    assert result["ok"] is False
    assert "DAMAGED" in result["message"]


@pytest.mark.parametrize("make", [video_dataset, grouped_dataset])
def test_other_media(make: Callable[..., fo.Dataset]) -> None:
    dataset = make("other", persistent=True)
    execute("create_snapshot", dataset, name="v1")
    count = dataset.count("id")
    dataset.delete_samples(dataset.values("id")[:1])
    assert "1 sample deleted" in execute("plan_revert", dataset, name="v1")["message"]
    execute("revert_to_snapshot", dataset, name="v1")
    assert dataset.count("id") == count
    assert execute("browse_snapshot", dataset, name="v1")["dataset_name"] == "other@v1"


def test_operators_that_read_work_on_snapshots(history: fo.Dataset) -> None:
    snapshot = fos.load_snapshot(history, "v1").name
    assert len(execute("list_snapshots", snapshot)["snapshots"]) == 2
    assert execute("get_snapshot_info", snapshot)["snapshot"]["name"] == "v1"
    assert execute("verify_snapshot", snapshot)["ok"] is True
    assert execute("plan_revert", snapshot, name="v2")["plan"]["dataset_name"] == "street"
    assert execute("browse_snapshot", snapshot, name="v2")["dataset_name"] == "street@v2"
    described = execute("describe_open_snapshot", snapshot)
    assert described == {"dataset": "street", "snapshot": "v1"}
    assert execute("describe_open_snapshot", history)["snapshot"] is None


def test_what_the_scripts_watch_changes_with_the_history(history: fo.Dataset) -> None:
    def version() -> str:
        return str(execute("describe_history", history)["version"])

    before = version()
    assert version() == before
    fos.edit_snapshot(history, "v1", description="other")
    assert version() != before


# Forms


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("v1", "already exists"),
        ("V1", "in addresses"),
        ("a/b", "must not contain"),
        (" x", "space"),
        ("x" * 300, "at most"),
        ("!!!", "letter or digit"),
    ],
)
def test_create_validates_the_name_while_typing(
    history: fo.Dataset, name: str, complaint: str
) -> None:
    assert complaint in problems(form("create_snapshot", "street", name=name))[0]
    with pytest.raises(ExecutionError, match=complaint):
        execute("create_snapshot", history, name=name)


def test_a_good_name_is_fine(history: fo.Dataset) -> None:
    assert problems(form("create_snapshot", "street", name="v3")) == []
    assert form("create_snapshot", "street")["name"]["required"]


def test_create_tells_of_the_limit(history: fo.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_PER_DATASET", "2")
    assert "at most 2" in problems(form("create_snapshot", "street", name="v3"))[0]


def test_create_is_refused_while_a_snapshot_is_open(history: fo.Dataset) -> None:
    opened = fos.load_snapshot(history, "v1").name
    complaint = problems(form("create_snapshot", opened, name="v3"))[0]
    assert complaint.startswith("This is a snapshot: read-only")
    with pytest.raises(ExecutionError, match="read-only"):
        execute("create_snapshot", opened, name="v3")


@pytest.mark.parametrize(
    ("operator", "complaint"),
    [
        ("browse_snapshot", "has no snapshots yet"),
        ("delete_snapshot", "has no snapshots yet"),
        ("revert_to_snapshot", "has no snapshots yet"),
        ("undo_revert", "nothing to undo"),
        ("restore_snapshot", "holds no snapshots"),
        ("empty_trash", "is empty"),
        ("back_to_latest", "no snapshot is open"),
        ("cancel_operation", "No operation is under way"),
    ],
)
def test_forms_say_why_nothing_can_be_done(
    dataset: fo.Dataset, operator: str, complaint: str
) -> None:
    assert complaint in problems(form(operator, "street"))[0]
    with pytest.raises(ExecutionError, match=complaint):
        execute(operator, dataset)


@pytest.mark.parametrize(
    "operator", ["browse_snapshot", "delete_snapshot", "revert_to_snapshot", "verify_snapshot"]
)
def test_unknown_snapshots_are_told(history: fo.Dataset, operator: str) -> None:
    assert "There is no 'v9' any more" in problems(form(operator, "street", name="v9"))
    with pytest.raises(ExecutionError, match="no 'v9'"):
        execute(operator, history, name="v9")


def test_renaming_validates(history: fo.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_MAX_PER_DATASET", "2")
    assert problems(form("edit_snapshot", "street", name="v1", new_name="v1")) == []
    assert problems(form("edit_snapshot", "street", name="v1", new_name="start")) == []
    taken = problems(form("edit_snapshot", "street", name="v1", new_name="v2"))
    assert "already exists" in taken[0]


def test_without_a_dataset_forms_say_so() -> None:
    assert problems(form("create_snapshot", "")) == ["Open a dataset first"]
    assert "not found" in problems(form("create_snapshot", "nothing"))[0]


def test_placements_mark_an_open_snapshot(history: fo.Dataset) -> None:
    opened = fos.load_snapshot(history, "v1").name
    registry = OperatorRegistry()

    def placements(dataset: str) -> Iterator[tuple[str, str]]:
        for name in NAMES:
            operator = registry.get_operator(f"{PLUGIN}/{name}")
            ctx = ExecutionContext({"dataset_name": dataset}, operator_uri=operator.uri)
            if placement := operator.resolve_placement(ctx):
                yield name, placement.view.label

    assert dict(placements("street")) == {"open_history": "History of this dataset"}
    assert "Snapshot v1 of street: read-only" in dict(placements(opened)).values()
    assert dict(placements("nothing")) == {}


def test_results_are_shown_in_an_output_form(history: fo.Dataset) -> None:
    for name, params in {
        "list_snapshots": {},
        "get_snapshot_info": {"name": "v1"},
        "verify_snapshot": {"name": "v1"},
        "refresh_changes": {},
    }.items():
        result = execute(name, history, **params)
        operator = foo.get_operator(f"{PLUGIN}/{name}")
        ctx = ExecutionContext({"dataset_name": "street", "params": {}, "results": result})
        properties = operator.resolve_type(ctx, "outputs").to_json()["type"]["properties"]
        assert properties["message_view"]["view"]["label"] == result["message"]


def test_the_script_is_plain_javascript() -> None:
    for script in Path(ROOT, "js").glob("*.js"):
        assert "import " not in script.read_text()
        assert "require(" not in script.read_text()
