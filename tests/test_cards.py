"""Cards: what a version says of itself; those of Croissant are read by MLCommons' own reader."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.command_line import Run, in_this_process
from support.datasets import grouped_dataset, image_dataset, point_cloud_dataset, video_dataset
from support.full import Document

NAME = "Straße|<b>"


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return in_this_process(capsys)


@pytest.fixture
def read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Any]:
    """Reads a card with MLCommons' own reader, which raises if it is wrong."""
    croissant = pytest.importorskip("mlcroissant")
    network = "the reader must not ask anybody"
    monkeypatch.setattr("requests.get", lambda *_, **__: pytest.fail(network))

    def reading(text: str) -> Any:
        (tmp_path / "card.json").write_text(text)
        found = croissant.Dataset(tmp_path / "card.json").metadata
        assert not found.ctx.issues.errors
        assert found.ctx.conforms_to.value == "http://mlcommons.org/croissant/1.1"
        return found

    return reading


def plain(language_tagged: Any) -> str:
    return language_tagged["en"] if isinstance(language_tagged, dict) else language_tagged


def test_a_croissant_says_which_version_it_is_and_of_what(
    read: Callable[[str], Any], run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_USER", "Änna")
    dataset = image_dataset(NAME, 3, persistent=True)
    fos.create_snapshot(NAME, "v1")
    dataset.tag_samples("x")
    made = fos.create_snapshot(NAME, "v2", 'Two "annotators"\n', tags=["gold", "训练"])
    text = fos.export_card(NAME, "v2")
    told = read(text)
    assert plain(told.name) == f"{NAME}@v2"
    assert plain(told.description) == 'Two "annotators"\n'
    assert told.url == fos.snapshot_uri(NAME, "v2", names=False)
    assert told.keywords == ["gold", "训练"]
    assert [plain(person.name) for person in told.creators] == ["Änna"]
    assert made.created_at is not None
    assert told.date_created.utcoffset() is not None
    assert told.date_created.replace(tzinfo=None) == made.created_at.replace(tzinfo=None)

    document = json.loads(text)
    assert text.isascii()
    assert document["identifier"]["value"] == fos.content_hash(NAME, "v2")
    assert document["prov:wasAttributedTo"]["name"] == "Änna"
    generated = document["prov:generatedAtTime"]["@value"]
    assert datetime.fromisoformat(generated) == told.date_created
    (parent,) = document["prov:wasDerivedFrom"]
    assert parent["@id"] == fos.snapshot_uri(NAME, "v1", names=False)
    fields = {each["name"]: each["measurementTechnique"] for each in document["variableMeasured"]}
    assert "Detections" in fields["ground_truth"]
    assert not [path for path in fields if "." in path]
    assert "prov:wasDerivedFrom" not in json.loads(fos.export_card(NAME, "v1"))
    assert run("card", NAME, "v2").out == f"{text}\n"
    assert run("card", NAME, "v2", "--json").json == document
    assert fos.export_card(NAME, "v2") == text


@pytest.mark.parametrize("backend", ["duplication", "delta"])
def test_every_media_type_has_a_card(
    backend: str, read: Callable[[str], Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    makers = {
        "video": lambda: video_dataset("video", 2, 2, persistent=True),
        "group": lambda: grouped_dataset("group", 2, 2, persistent=True),
        "point-cloud": lambda: point_cloud_dataset("point-cloud", 2, persistent=True),
        "nothing": lambda: fo.Dataset("nothing", persistent=True),
    }
    for name, make in makers.items():
        dataset = make()
        fos.create_snapshot(name, "v1")
        dataset.delete_samples(dataset)
        text = fos.export_card(name, "v1")
        read(text)
        fos.archive_snapshot(name, "v1")
        assert fos.export_card(name, "v1") == text
        assert f"| snapshot | v1 |\n| samples | {'0' if name == 'nothing' else ''}" in (
            fos.export_card(name, "v1", "markdown")
        )
    video = json.loads(fos.export_card("video", "v1"))
    assert "frames.objects" in {each["name"] for each in video["variableMeasured"]}


def test_what_a_branch_and_a_merge_are_made_of(run: Run) -> None:
    dataset = image_dataset("street", 2, persistent=True)
    fos.create_snapshot("street", "v1")
    fos.create_branch("street", "night", "v1")
    fo.load_dataset("street.night").tag_samples("dark")
    fos.create_snapshot("street.night", "b1")
    assert parents("street.night", "b1") == ["street@v1"]
    dataset.set_values("größe", [1.5, 2.5])
    merge = fos.plan_merge("street.night", progress=False)
    fos.apply_merge(merge.id)
    merged = fos.list_snapshots("street")[-1]
    assert "street.night@b1" in parents("street", merged)


def parents(dataset: str, snapshot: str) -> list[str]:
    return [item["name"] for item in json.loads(fos.export_card(dataset, snapshot))[
        "prov:wasDerivedFrom"]]  # fmt: skip


def test_markdown_shows_what_anybody_has_written_as_it_is(run: Run) -> None:
    dataset = image_dataset(NAME, 2, persistent=True)
    dataset.add_sample_field("note", fo.StringField, description="a | b\nc")
    fos.create_snapshot(NAME, "v1", "# <script>\n| x | `y`", tags=["[gold](x)"])
    text = fos.export_card(NAME, "v1", "markdown")
    assert text.startswith("# Straße\\|\\<b\\>, v1\n\n\\# \\<script\\> \\| x \\| \\`y\\`\n\n")
    assert "| tags | \\[gold\\](x) |" in text
    assert "| note | StringField | a \\| b c |" in text
    assert "dataset\\_id" not in text
    assert f"| content | `{fos.content_hash(NAME, 'v1')}` |" in text
    assert run("card", NAME, "v1", "--format", "markdown").out == f"{text}\n"
    assert run("card", NAME, "v1", "--format", "markdown", "--json").json == {"card": text}


def test_cards_that_there_are_not(run: Run, database: Database[Document]) -> None:
    image_dataset(NAME, 1, persistent=True)
    fos.create_snapshot(NAME, "v1")
    with pytest.raises(fos.InvalidRequestError, match="croissant, markdown"):
        fos.export_card(NAME, "v1", "html")
    with pytest.raises(fos.SnapshotNotFoundError):
        fos.export_card(NAME, "v2")
    assert run("card", NAME, "v2").code == 1
    database["snapshots.catalog"].update_one({"name": "v1"}, {"$set": {"created_by": None}})
    assert "creator" not in json.loads(fos.export_card(NAME, "v1"))
    assert "None" not in fos.export_card(NAME, "v1", "markdown")
