"""The panel in the sample's window: its versions, and what it shows of two of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.access import Level
from fiftyone_snapshots.operators import sample_versions
from fiftyone_snapshots.operators.compare import HEAD
from support.archives import turned_on
from support.counting import COMMANDS
from support.datasets import grouped_dataset, image_dataset, point_cloud_dataset, video_dataset
from support.operators import triggered
from support.panel import SampleWindow
from support.permissions import allow

pytestmark = pytest.mark.usefixtures("installed_plugin")

OPENING = 16
"""The most commands of a look at a sample, and of a comparison that has to be made."""


@pytest.fixture
def dataset() -> fo.Dataset:
    """Snapshots a, b, c and d; the first sample changes in b and d, and now."""
    dataset = image_dataset("street", 3, persistent=True)
    sample = dataset.first()
    sample.ground_truth.detections.append(fo.Detection(label="cat", bounding_box=[0, 0, 1, 1]))
    sample.save()
    fos.create_snapshot(dataset, "a")
    sample.ground_truth.detections[0].label = "truck"
    sample.save()
    for name in ("b", "c"):
        fos.create_snapshot(dataset, name)
    sample.ground_truth.detections.pop(0)
    sample.tags.append("checked")
    sample.save()
    fos.create_snapshot(dataset, "d")
    sample.ground_truth.detections[0].bounding_box = [0, 0, 0.5, 0.5]
    sample.save()
    return dataset


def test_the_strip_has_the_versions_that_changed_the_sample(dataset: fo.Dataset) -> None:
    first, second, _ = dataset.values("id")
    window = SampleWindow("street", first)
    assert window.strip == {
        "a": ["sample added"],
        "b": ["1 relabelled"],
        "d": ["−1", "tags"],
        HEAD: ["1 moved"],
    }
    # What changed last
    assert window.picked == ["d", HEAD]
    (change,) = window.sample["changes"]
    assert change["how"] == ["moved"]
    assert window.sample["versions"] == ["d", "Current dataset"]

    window.open(second)
    assert window.strip == {"a": ["sample added"], HEAD: ["unchanged"]}
    assert "the same in both" in window.sample["others"][0]


def test_any_two_versions_are_seen_beside_each_other(dataset: fo.Dataset) -> None:
    window = SampleWindow("street", dataset.first().id)

    def seen() -> tuple[list[str], list[list[str]]]:
        return window.picked, [change["how"] for change in window.sample["changes"]]

    for picks, shown in {
        ("b",): (["b", HEAD], [["removed"], ["moved"]]),
        ("b", "a"): (["a", "b"], [["relabelled"]]),
        ("d", "a"): (["a", "d"], [["removed"]]),
        (): (["d", HEAD], [["moved"]]),
        (HEAD,): (["d", HEAD], [["moved"]]),
        ("a", HEAD): (["a", HEAD], [["removed"], ["moved"]]),
    }.items():
        window.happen("on_pick", picks=list(picks))
        assert seen() == shown
    # What a browser asks for that was never offered
    for strange in ("x", ["x"], None, [None, 1], {"a": "b"}):
        window.happen("on_pick", picks=strange)
        assert window.picked == ["d", HEAD]


def test_the_open_snapshot_is_marked_and_seen_beside_the_current_dataset(
    dataset: fo.Dataset,
) -> None:
    opened = str(fos.load_snapshot(dataset, "c").name)
    window = SampleWindow(opened, dataset.first().id)
    found = window.find("strip")
    assert found is not None
    marked = [each["version"] for each in found["view"]["entries"] if each["is_open"]]
    assert marked == ["c"]
    assert window.strip["c"] == ["unchanged"]
    assert window.picked == ["c", HEAD]
    assert [change["how"] for change in window.sample["changes"]] == [["removed"], ["moved"]]


def test_a_sample_that_a_version_does_not_have(dataset: fo.Dataset) -> None:
    sample_id, path = dataset.first().id, dataset.first().filepath
    dataset.delete_samples(sample_id)
    opened = str(fos.load_snapshot(dataset, "d").name)
    window = SampleWindow(opened, sample_id)
    assert window.strip[HEAD] == ["sample removed"]
    assert (window.sample["absent"], window.sample["filepath"]) == ("After", path)
    assert window.sample["others"] == []

    added = fo.Sample(filepath="/new.png")
    dataset.add_sample(added)
    window = SampleWindow("street", added.id)
    assert window.strip == {HEAD: ["sample added"]}
    assert "No snapshot that was looked at has this sample" in window.text()
    assert window.find("pictures") is None


def test_a_file_that_was_another_one_is_shown(dataset: fo.Dataset) -> None:
    sample = dataset.first()
    former, sample.filepath = sample.filepath, "/another.png"
    sample.save()
    window = SampleWindow("street", sample.id)
    assert window.sample["filepath"] == "/another.png"
    assert window.sample["former_filepath"] == former


def test_videos_groups_and_scenes_tell_what_is_not_drawn() -> None:
    video = video_dataset("video", 1, persistent=True)
    fos.create_snapshot(video, "a")
    sample = video.first()
    sample.frames[2].objects.detections[0].label = "zebra"
    sample.save()
    window = SampleWindow("video", sample.id)
    assert window.strip == {"a": ["sample added"], HEAD: ["1 relabelled"]}
    assert not window.sample["is_image"]
    assert window.sample["changes"][0]["frame"] == 2
    assert "No picture is drawn of this kind of media" in window.text()
    assert "told by the number of the frame" in window.text()

    group = grouped_dataset("group", 1, persistent=True)
    fos.create_snapshot(group, "a")
    # Each slice is a sample with a history of its own
    slices = {s.group.name: s for s in group.select_group_slices(_allow_mixed=True)}
    changed = next(s for s in slices.values() if s.media_type == "image")
    changed.tags.append("checked")
    changed.save()
    strips = {name: SampleWindow("group", s.id).strip[HEAD] for name, s in slices.items()}
    assert strips == {
        name: ["tags"] if s.id == changed.id else ["unchanged"] for name, s in slices.items()
    }
    # The App tells the panel which group is open, its script which slice
    other = next(s for s in slices.values() if s.id != changed.id)
    window = SampleWindow("group", other.id)
    window.happen("on_other", sample_id=changed.id)
    assert window.strip[HEAD] == ["tags"]
    for strange in (None, 1, ""):
        window.happen("on_other", sample_id=strange)
        assert window.strip[HEAD] == ["tags"]
    window.happen("on_other", sample_id="nothing")
    assert "no id" in window.text()
    window.open(changed.id)
    assert window.strip[HEAD] == ["tags"]

    scene = point_cloud_dataset("scene", 1, persistent=True)
    fos.create_snapshot(scene, "a")
    sample = scene.first()
    sample.boxes.detections[0].label = "van"
    sample.save()
    window = SampleWindow("scene", sample.id)
    assert window.strip[HEAD] == ["1 relabelled"]
    assert "No picture is drawn of this kind of media" in window.text()


def test_a_patch_shows_the_history_of_its_sample(dataset: fo.Dataset) -> None:
    view = dataset.to_patches("ground_truth")
    patch = view.first()
    window = SampleWindow("street", patch.id, view._serialize())
    assert list(window.strip) == ["a", "b", "d", HEAD]


def test_what_was_not_looked_at_is_told(
    dataset: fo.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    turned_on(tmp_path, monkeypatch)
    monkeypatch.setattr(sample_versions, "LOOKED_AT", 2)
    monkeypatch.setattr("fiftyone_snapshots.panels.sample_page.LOOKED_AT", 2)
    window = SampleWindow("street", dataset.first().id)
    # The first one is what the next change is seen beside
    assert window.strip == {"c": ["unchanged"], "d": ["−1", "tags"], HEAD: ["1 moved"]}
    assert "2 older snapshots not looked at" in window.text()
    window.happen("on_older")
    assert list(window.strip) == ["a", "b", "d", HEAD]
    fos.archive_snapshot(dataset, "b")
    window.happen("on_look_again")
    assert list(window.strip) == ["a", "c", "d", HEAD]
    assert "in the archive: b" in window.text()


def test_it_needs_a_sample_and_the_level_of_a_comparison(
    dataset: fo.Dataset, policy_file: Callable[[str], Path]
) -> None:
    opened = triggered("open_sample_history", "street", {"current_sample": dataset.first().id})
    assert [name for name, _ in opened] == ["open_panel"]
    with pytest.raises(fos.InvalidRequestError, match="Open a sample first"):
        triggered("open_sample_history", "street")
    window = SampleWindow("street", dataset.first().id)
    needed = fos.Action.DIFF.row.level
    policy_file(allow(Level(needed - 1)))
    # Nor is shown what was looked at before
    window.happen("on_pick", picks=["a"])
    assert window.find("strip") is None
    assert "may not" in window.text()


@pytest.mark.parametrize("backend", ["duplication", "delta"])
@pytest.mark.parametrize("make", [image_dataset, video_dataset])
def test_it_costs_little(
    make: Callable[..., fo.Dataset], backend: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    dataset = make("d", 2, persistent=True)
    for number in range(12):
        sample = dataset.first()
        sample.weather.label = f"weather {number}"
        sample.save()
        fos.create_snapshot(dataset, f"v{number}")
    first, second = dataset.values("id")
    sent: dict[str, list[str]] = {}

    def count(what: str, act: Callable[..., Any], *args: Any, **params: Any) -> Any:
        with COMMANDS.counted() as sent[what]:
            return act(*args, **params)

    window = count("open", SampleWindow, "d", first)
    count("the same sample", window.open, first)
    count("neighbours", window.happen, "on_pick", picks=["v10", "v9"])
    count("far from each other", window.happen, "on_pick", picks=["v9", "v0"])
    count("again", window.happen, "on_pick", picks=["v0", "v9"])
    assert window.picked == ["v0", "v9"]
    count("the next sample", window.open, second)
    assert {what: len(sent[what]) for what in ("the same sample", "neighbours", "again")} == {
        "the same sample": 0,
        "neighbours": 0,
        "again": 0,
    }
    dearer = {what: found for what, found in sent.items() if len(found) > OPENING}
    assert not dearer, {what: len(found) for what, found in sent.items()}
