"""Calls of FiftyOne that change much, which are made undoable without being asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.undo import mode
from support.annotation_tool import LABEL
from support.counting import COMMANDS
from support.datasets import image_dataset
from support.full import Document


@pytest.fixture
def dataset(monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_UNDO", "on")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_UNDO_SAMPLES", "2")
    return image_dataset("street", 4, persistent=True)


def done() -> list[str]:
    return [each.what for each in fos.list_undoable("street")[::-1]]


def others(number: int = 4) -> list[fo.Sample]:
    return [fo.Sample(f"/media/new{n}.jpg", extra=n) for n in range(number)]


def exported(folder: Path) -> str:
    made = fo.Dataset()
    made.add_samples(others(), progress=False)
    made.export(str(folder), dataset_type=fo.types.FiftyOneDataset, export_media=False)
    made.delete()
    return str(folder)


CALLS: dict[str, tuple[Callable[[fo.Dataset], object], str]] = {
    "delete": (lambda d: d.delete_samples(d.values("id")[:3]), "delete samples"),
    "delete a view": (lambda d: d.delete_samples(d.limit(3)), "delete samples"),
    "clear": (lambda d: d.clear(), "delete samples"),
    "clear a view": (lambda d: d.limit(3).clear(), "delete samples"),
    "keep": (lambda d: d.limit(1).keep(), "delete samples"),
    "delete a field": (lambda d: d.delete_sample_field("weather"), "delete fields weather"),
    "rename a field": (
        lambda d: d.rename_sample_field("weather", "sky"),
        "rename fields weather to sky",
    ),
    "clear a field": (lambda d: d.clear_sample_field("weather"), "clear fields weather"),
    "clear a field of a view": (
        lambda d: d.limit(3).clear_sample_fields(["weather"]),
        "clear fields weather",
    ),
    "keep fields": (lambda d: d.exclude_fields("weather").keep_fields(), "keep fields"),
    "delete labels": (lambda d: d.delete_labels(view=d, fields="weather"), "delete labels"),
    "merge": (lambda d: d.merge_samples(others()), "merge samples"),
    "add labeled images": (
        lambda d: d.add_images([each.filepath for each in others()], progress=False),
        "add images",
    ),
}


def values() -> list[Document]:
    """Returns what samples hold; a field that is None, and one that is missing, are the same."""
    found = fo.load_dataset("street", reload=True)._sample_collection.find().sort("_id", 1)
    left_out = {"last_modified_at", "created_at"}
    return [
        {key: item for key, item in each.items() if key not in left_out and item is not None}
        for each in found
    ]


@pytest.mark.parametrize("backend", ["duplication", "delta"])
def test_a_call_that_changes_much_is_undone(
    dataset: fo.Dataset,
    backend: str,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    short = ("delete a view", "rename a field", "merge")
    is_short = backend == "delta" or not request.config.getoption("--long")
    for name in short if is_short else CALLS:
        call, what = CALLS[name]
        before = values()
        call(fo.load_dataset("street", reload=True))
        last = fos.list_undoable("street")[0]
        assert (last.what, last.interface) == (what, "SDK")
        fos.undo_operation("street", last.id)
        assert values() == before


def test_importers_of_which_each_is_one(dataset: fo.Dataset, tmp_path: Path) -> None:
    folder = exported(tmp_path / "exported")
    kind = {"dataset_type": fo.types.FiftyOneDataset, "progress": False}
    dataset.add_dir(folder, **kind)
    made = fo.Dataset("other")
    made.add_samples(others(3), progress=False)
    dataset.add_collection(made, new_ids=True)
    dataset.clear()
    dataset.add_sample(others()[0])
    steps = dataset.add_dir(folder, generator=True, **kind)
    assert len([*steps]) == 4
    dataset.delete_samples(dataset.limit(3))
    dataset.merge_dir(folder, **kind)
    names = ["add collection of other", "delete samples", f"import {folder}", "delete samples"]
    assert done() == [f"import {folder}", *names, f"merge import {folder}"]
    # A dataset that is new has nothing to lose
    fo.Dataset.from_dir(folder, name="new", persistent=True, **kind)
    assert fos.list_undoable("new") == []


def test_what_an_annotation_tool_has_lost_comes_back(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    backends = fo.annotation_config.backends
    monkeypatch.setitem(backends, "tool", {"config_cls": "support.annotation_tool.ToolConfig"})
    before = dataset.values("weather.label")
    dataset.annotate(
        "mine", backend="tool", label_field="weather", label_type="classification", classes=["a"]
    )
    dataset.load_annotations("mine")
    assert dataset.values("weather.label") == [None, *[LABEL] * 3]
    assert done() == ["load annotations mine"]
    fos.undo_operation("street", fos.list_undoable("street")[0].id)
    assert fo.load_dataset("street", reload=True).values("weather.label") == before


def test_one_operation_however_deep(dataset: fo.Dataset) -> None:
    with fos.undoable(dataset, "mine"):
        dataset.delete_samples(dataset.limit(3))
        dataset.merge_samples(others())
    assert done() == ["mine"]


def test_what_touches_little_or_is_nobodys(
    dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    dataset.delete_samples(dataset.limit(2))
    dataset.merge_samples(others(2))
    fos.create_snapshot(dataset, "v1")
    snapshot = fos.load_snapshot(dataset, "v1")
    with pytest.raises(fos.SnapshotReadOnlyError):
        snapshot.clear()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_UNDO", "off")
    dataset.clear()
    assert done() == []


def test_wrong_arguments_and_errors_pass(dataset: fo.Dataset) -> None:
    with pytest.raises(TypeError):
        dataset.merge_samples()
    with pytest.raises(AttributeError, match="missing"):
        dataset.delete_sample_field("missing")
    assert done() == []


@pytest.mark.usefixtures("database")
def test_off_costs_nothing(dataset: fo.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    def cost(setting: str, act: Callable[[], object]) -> list[str]:
        monkeypatch.setenv("FIFTYONE_SNAPSHOTS_UNDO", setting)
        mode._said.clear()
        with COMMANDS.counted() as sent:
            act()
        return [*sent]

    def delete(number: int) -> Callable[[], object]:
        ids = dataset.values("id")[:number]
        return lambda: dataset.delete_samples(ids)

    dataset.add_samples(others(), progress=False)
    plain = cost("off", delete(1))
    assert cost("", delete(1)) == plain
    # Whether any dataset asks for it, once in a while
    assert cost("", delete(3)) == ["find", *plain]
    assert cost("off", delete(3)) == plain
