"""What is archived can be found, named and compared as before."""

from __future__ import annotations

from pathlib import Path

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from support.datasets import image_dataset


@pytest.fixture
def dataset(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> fo.Dataset:
    """A dataset whose only sample with "fog" is in an archived snapshot alone."""
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    dataset = image_dataset("street", 4, persistent=True)
    dataset.first().set_field("weather", fo.Classification(label="fog"))
    foggy = dataset.first()
    foggy["weather"] = fo.Classification(label="fog")
    foggy["visibility"] = 12.5
    foggy.save()
    fos.create_snapshot(dataset, "foggy", "Before the fog lifted", tags="weather")
    dataset.delete_samples(foggy.id)
    dataset.delete_sample_field("visibility")
    fos.create_snapshot(dataset, "clear")
    return dataset


def found(**query: str) -> list[str]:
    return [snapshot.name for snapshot in fos.search_snapshots(**query)]


def test_an_archived_snapshot_is_found_by_everything(dataset: fo.Dataset) -> None:
    foggy = fos.load_snapshot(dataset, "foggy").match(fo.ViewField("weather.label") == "fog")
    queries = [
        {"text": "lifted"},
        {"tags": "weather"},
        {"field": "visibility"},
        {"label": "fog"},
        {"contains_sample": foggy.first().id},
    ]
    fos.archive_snapshot(dataset, "foggy")
    for query in queries:
        assert found(**query) == ["foggy"], query
    assert found(label="sunny") == found()


def test_what_is_said_of_content_needs_no_archive(dataset: fo.Dataset, tmp_path: Path) -> None:
    before = fos.content_hash(dataset, "foggy")
    address = fos.snapshot_uri(dataset, "foggy")
    fos.archive_snapshot(dataset, "foggy")
    fos.archive_snapshot(dataset, "clear")
    for path in tmp_path.iterdir():
        path.unlink()
    assert fos.content_hash(dataset, "foggy") == before
    assert fos.resolve_snapshot_uri(address).snapshot == "foggy"
    assert not fos.is_head_equal(dataset, "foggy")
    assert fos.is_head_equal(dataset, "clear")


def test_tags_go_with_an_export(
    dataset: fo.Dataset, tmp_path_factory: pytest.TempPathFactory
) -> None:
    path = tmp_path_factory.mktemp("exported") / "foggy.tar"
    fos.export_snapshot(dataset, "foggy", path)
    fo.delete_dataset("street")
    assert fos.import_snapshot(path).tags == ("weather",)
    assert found(label="fog", field="visibility", tags="weather") == ["foggy"]


def test_a_run_on_what_is_archived_by_now_keeps_its_lineage(dataset: fo.Dataset) -> None:
    dataset.register_run("counted", dataset.init_run())
    fos.archive_snapshot(dataset, "clear")
    lineage = fos.run_lineage(dataset, "counted")
    assert (lineage.snapshot_name, lineage.head.value) == ("clear", "equal")
    dataset.register_run("again", dataset.init_run())
    assert fos.run_lineage(dataset, "again").snapshot_name == "clear"
