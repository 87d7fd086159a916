"""Lineage knows which models have made labels, and which were applied."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import SimpleNamespace

import fiftyone as fo
import fiftyone.core.models as fom
import pytest
from pymongo.errors import OperationFailure

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.search import lineage
from support.media import digits_dataset
from support.panel import Panel

NAME = "Füchse 数据集"


class Guess(fom.Model):
    """A model that needs neither weights nor torch."""

    media_type = "image"
    ragged_batches = True
    transforms = None
    preprocess = False

    def __init__(self, **told: object) -> None:
        self.config = SimpleNamespace(**told)
        self.confidence_thresh = None

    def predict(self, arg: object) -> fo.Detections:
        box = [0, 0, 0.5, 0.5]
        return fo.Detections(detections=[fo.Detection(label="cat", bounding_box=box)])


@pytest.fixture
def pictures(tmp_path: Path) -> fo.Dataset:
    made = digits_dataset(NAME, tmp_path, 3)
    box = [0, 0, 0.5, 0.5]
    labels = [fo.Detections(detections=[fo.Detection(label="cat", bounding_box=box)])] * 3
    made.set_values("truth", labels)
    return made


def test_an_evaluation_knows_the_model_whose_labels_it_has_evaluated(
    pictures: fo.Dataset, tmp_path: Path
) -> None:
    weights = tmp_path / "weights.pt"
    weights.write_bytes(b"weights")
    sha256 = "sha256:" + hashlib.sha256(b"weights").hexdigest()
    fos.create_snapshot(pictures, "v1")
    pictures.apply_model(Guess(model_path=str(weights)), label_field="guess")
    pictures.evaluate_detections("guess", gt_field="truth", eval_key="eval")
    pictures.evaluate_detections("truth", gt_field="guess", eval_key="other")
    found = {item.key: item for item in fos.list_run_lineages(NAME)}
    assert {key: (item.kind.value, item.model) for key, item in found.items()} == {
        "guess": ("model", sha256),
        "eval": ("evaluation", sha256),
        "other": ("evaluation", None),
    }
    assert fos.run_lineage(NAME, "eval") == found["eval"]
    assert fos.run_lineage(NAME, "guess", "model") == found["guess"]
    assert found["guess"].snapshot_name == "v1"
    # It is written down of the run, which another model does not change
    pictures.apply_model(Guess(), label_field="guess")
    found = {item.key: item for item in fos.list_run_lineages(NAME)}
    assert found["eval"].model == sha256
    assert str(found["guess"].model).endswith("Guess")
    assert str(found["guess"].model).startswith("python:")


def test_a_model_is_known_by_the_address_that_its_tracker_has(pictures: fo.Dataset) -> None:
    fos.create_snapshot(pictures, "v1")
    model = Guess()
    model.model_uri = "models:/m-1234"
    pictures.limit(1).apply_model(model, label_field="guess")
    found = fos.run_lineage(NAME, "guess", "model")
    assert found is not None
    assert found.model == "models:/m-1234"


def test_what_a_field_held_before_is_not_taken_for_the_work_of_a_model(
    pictures: fo.Dataset,
) -> None:
    pictures.apply_model(Guess(), label_field="guess")
    # Without snapshots, nothing is noted
    fos.create_snapshot(pictures, "v1")
    assert fos.run_lineage(NAME, "guess", "model") is None
    pictures.apply_model(Guess(), label_field="guess")
    assert fos.run_lineage(NAME, "guess", "model")
    fos.revert_dataset_to_snapshot(pictures, "v1")
    pictures.reload()
    assert fos.run_lineage(NAME, "guess", "model") is None
    pictures.apply_model(Guess(), label_field="guess")
    assert fos.run_lineage(NAME, "guess", "model")
    pictures.delete_sample_field("guess")
    pictures.clone_sample_field("truth", "guess")
    pictures.evaluate_detections("guess", gt_field="truth", eval_key="eval")
    found = fos.run_lineage(NAME, "eval")
    assert found is not None
    assert (found.model, fos.run_lineage(NAME, "guess", "model")) == (None, None)
    fo.delete_dataset(NAME)
    fos.recover()
    assert fos.search_snapshots() == []


def test_a_model_that_cannot_be_noted_does_not_fail(
    pictures: fo.Dataset, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    fos.create_snapshot(pictures, "v1")

    def fail(*_: object) -> None:
        raise OperationFailure("no")

    with monkeypatch.context() as patched:
        patched.setattr(lineage, "record_model", fail)
        pictures.apply_model(Guess(), label_field="guess")
    assert pictures.count("guess.detections") == 3
    assert "which model was applied" in caplog.text
    snapshot = fos.load_snapshot(pictures, "v1")
    with pytest.raises(fos.SnapshotReadOnlyError):
        snapshot.apply_model(Guess(), label_field="guess")


@pytest.mark.usefixtures("installed_plugin")
def test_the_panel_shows_at_each_snapshot_the_runs_and_models_that_used_it(
    pictures: fo.Dataset,
) -> None:
    fos.create_snapshot(pictures, "v1")
    assert not Panel(NAME).runs
    model = Guess()
    model.model_uri = "models:/m-1234"
    pictures.apply_model(model, label_field="guess")
    pictures.evaluate_detections("guess", gt_field="truth", eval_key="eval")
    fos.create_snapshot(pictures, "v2")
    (shown,) = Panel(NAME).runs
    assert "model applied to guess: models:/m-1234" in shown
    assert "evaluation eval, edited since: models:/m-1234" in shown
