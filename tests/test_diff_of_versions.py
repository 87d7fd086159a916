"""What a diff tells of samples, frames, fields and everything around them, and in which forms."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo
import plotly.graph_objects as go
import pytest
from bson import ObjectId

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.dataset.parts import Documents
from fiftyone_snapshots.backend.diff import views
from fiftyone_snapshots.backend.errors import InvalidRequestError, SnapshotNotFoundError
from fiftyone_snapshots.backend.storage.delta.source import VirtualSource
from support.datasets import grouped_dataset, image_dataset, video_dataset


def test_values_that_are_no_labels_are_told_by_what_differs_inside() -> None:
    dataset = image_dataset("inside", size=4)
    dataset.set_values("extra", [fo.DynamicEmbeddedDocument(a=1, b=2) for _ in range(4)])
    fos.create_snapshot(dataset, "a")

    for sample in dataset.limit(3):
        sample["extra"].b = 3
        sample["extra"]["c"] = "new"
        sample["metadata"].width = 1
        sample.save()

    fields = fos.diff(dataset, "a").fields
    assert fields["extra"].paths == {"b": 3, "c": 3}
    assert fields["metadata"].paths == {"width": 3}
    assert fields["extra"].labels is None


def test_frames_count_for_their_samples_and_by_themselves() -> None:
    dataset = video_dataset("videos", size=4, frames=5)
    first, second, third, _ = (dataset[id_] for id_ in dataset.values("id"))
    fos.create_snapshot(dataset, "a")

    first.frames[1].objects.detections[0].label = "zebra"
    first.frames[2]["quality"] = 0.5
    first.save()
    del second.frames[5]
    second.save()
    third.frames[6] = fo.Frame(objects=fo.Detections(detections=[fo.Detection(label="late")]))
    third.save()

    diff = fos.diff(dataset, "a")
    assert diff.changed.strings() == [first.id, second.id, third.id]
    assert (diff.frames.total, diff.frames.added, diff.frames.deleted) == (20, 1, 1)
    assert diff.frames.changed == 2
    assert diff.fields["frames"].ids.strings() == [first.id, second.id, third.id]
    assert diff.fields["frames.quality"].ids.strings() == [first.id]
    labels = diff.fields["frames.objects"].labels
    assert labels.relabelled == 1
    assert labels.classes["late"].added == labels.added_with_documents == 1
    assert [str(change.path) for change in diff.schema] == ["frames.quality"]


def test_schema_changes_are_told_and_a_rename_is_no_change_of_labels() -> None:
    dataset = image_dataset("schema", size=4)
    dataset.add_sample_field("retyped", fo.IntField)
    dataset.add_sample_field("gone", fo.ListField, subfield=fo.StringField)
    fos.create_snapshot(dataset, "a")

    dataset.rename_sample_field("weather", "conditions")
    dataset.delete_sample_field("gone")
    dataset.delete_sample_field("retyped")
    dataset.add_sample_field("retyped", fo.FloatField)
    dataset.add_sample_field("new", fo.EmbeddedDocumentField, embedded_doc_type=fo.Classification)
    field = dataset.get_field("tags")
    field.description = "what for"
    field.save()
    first = dataset.first()
    first.conditions.label = "foggy"
    first.save()

    diff = fos.diff(dataset, "a")
    assert [
        (change.path, str(change.kind), change.before, change.after) for change in diff.schema
    ] == [
        ("conditions", "renamed", "weather", "conditions"),
        ("gone", "removed", "ListField(StringField)", None),
        ("new", "added", None, "EmbeddedDocumentField(Classification)"),
        ("retyped", "retyped", "IntField", "FloatField"),
        ("tags", "changed", "ListField(StringField)", "ListField(StringField)"),
    ]
    assert len(diff.changed) == 4, "a renamed field is another one to the database"
    assert diff.fields["conditions"].ids.strings() == [first.id]
    assert diff.fields["conditions"].renamed_from == "weather"
    assert diff.fields["conditions"].labels.relabelled == 1
    assert "weather" not in diff.fields


def test_what_belongs_to_the_dataset_is_compared_too() -> None:
    dataset = image_dataset("around", size=4)
    dataset.save_view("kept", dataset.limit(1))
    dataset.save_view("renamed", dataset.limit(2))
    dataset.save_view("gone", dataset.limit(3))
    dataset.register_run("kept", dataset.init_run(x=1))
    fos.create_snapshot(dataset, "a")

    dataset.info["source"] = "elsewhere"
    dataset.default_classes = ["cat"]
    dataset.save()
    dataset.save_view("kept", dataset.limit(4), overwrite=True)
    dataset.update_saved_view_info("renamed", {"name": "better"})
    dataset.delete_saved_view("gone")
    dataset.save_workspace("new", fo.Space(children=[fo.Panel(type="Samples")]))
    dataset.register_run("second", dataset.init_run(x=2))
    config = dataset.init_run(x=3)
    dataset.update_run_config("kept", config)
    _insert_temporal_tag(dataset)

    diff = fos.diff(dataset, "a")
    assert {change.path: change.after for change in diff.properties} == {
        "info.source": "elsewhere",
        "default_classes": ["cat"],
    }
    assert [(change.item, change.name, str(change.kind)) for change in diff.items] == [
        ("saved view", "better", "renamed"),
        ("saved view", "gone", "removed"),
        ("saved view", "kept", "changed"),
        ("workspace", "new", "added"),
        ("run", "kept", "changed"),
        ("run", "second", "added"),
        ("temporal tag", "night", "added"),
    ]
    assert bool(diff)
    assert not diff.summary.has_changes


def test_versions_without_differences_are_told_so() -> None:
    dataset = image_dataset("same", size=3)
    fos.create_snapshot(dataset, "a")
    dataset.set_values("tags", dataset.values("tags"))
    dataset.persistent = True

    diff = fos.diff(dataset, "a")

    assert not diff
    assert "No differences" in str(diff)


def test_merely_touching_every_sample_makes_no_document_be_read(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    dataset = video_dataset("touched", size=3)
    fos.create_snapshot(dataset, "a")
    dataset.set_values("tags", dataset.values("tags"))
    dataset.set_values("frames.objects", dataset.values("frames.objects"))
    for source in (Documents, VirtualSource):
        monkeypatch.setattr(source, "fetch", lambda *_: pytest.fail("a document was read"))

    assert not fos.calculate_dataset_latest_changes_summary(dataset).has_changes
    assert not fos.diff(dataset, "a")


@pytest.mark.parametrize("make", [image_dataset, video_dataset, grouped_dataset])
def test_differences_open_as_views(make: Callable[..., fo.Dataset]) -> None:
    dataset = make("viewed", size=4)
    flat = _flat(dataset)
    ids = flat.values("id")
    fos.create_snapshot(dataset, "a")
    flat.select([ids[0], ids[-1]]).tag_samples("new")
    flat.select(ids[1]).set_values("score", [0.5])
    dataset.delete_samples(ids[2])
    fos.create_snapshot(dataset, "b")
    dataset.delete_samples(ids[0])

    between, head = fos.diff(dataset, "a", "b"), fos.diff(dataset, "b")

    assert set(between.changed_view().values("id")) == {ids[0], ids[1], ids[-1]}
    assert set(between.changed_view("tags").values("id")) == {ids[0], ids[-1]}
    assert between.changed_view("score").values("score") == [0.5]
    assert between.deleted_view().values("id") == [ids[2]]
    assert len(between.added_view()) == 0
    before = between.changed_view("tags", before=True)
    assert not any("new" in tags for tags in before.values("tags"))
    assert head.deleted_view().values("id") == [ids[0]]
    with pytest.raises(InvalidRequestError, match=r"those that did: .*tags"):
        between.changed_view("filepath")
    fos.delete_snapshot(dataset, "a")
    with pytest.raises(SnapshotNotFoundError, match="'a' that was compared"):
        between.deleted_view()


def test_views_of_most_samples_name_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = image_dataset("most", size=8)
    ids = dataset.values("id")
    fos.create_snapshot(dataset, "a")
    dataset.select(ids[:6]).tag_samples("new")
    diff = fos.diff(dataset, "a")

    monkeypatch.setattr(views, "_MAX_SELECTED", 3)
    assert diff.changed_view().values("id") == ids[:6]
    monkeypatch.setattr(views, "_MAX_SELECTED", 1)
    with pytest.raises(InvalidRequestError, match="cannot name 6 of 8 samples"):
        diff.changed_view()


def test_frames_that_somebody_else_wrote_do_not_hide_others() -> None:
    dataset = video_dataset("strange", size=3, frames=2)
    first, _, last = dataset.values("id")
    collection = foo.get_db_conn()[dataset._frame_collection_name]
    frames = list(collection.find())
    collection.delete_many({})
    collection.insert_many([{"frame_number": 1, "by": "somebody"}, *frames])
    fos.create_snapshot(dataset, "a")

    collection.delete_one({"_sample_id": ObjectId(first)})
    collection.insert_one({"frame_number": 7, "_sample_id": ObjectId(last)})
    collection.insert_one({"frame_number": 7, "_sample_id": ObjectId()})
    collection.update_one({"by": "somebody"}, {"$set": {"by": "nobody"}})

    assert fos.diff(dataset, "a").changed.strings() == [first, last]
    summary = fos.calculate_dataset_latest_changes_summary(dataset)
    assert (summary.num_samples_changed, summary.num_samples_added) == (2, 0)


def test_results_are_plain_data_figures_and_text() -> None:
    dataset = image_dataset("shown", size=6)
    fos.create_snapshot(dataset, "a")
    sample = dataset.first()
    sample.weather.label = "foggy"
    sample["score"] = float("nan")
    sample.save()
    diff = fos.diff(dataset, "a")

    data = json.loads(json.dumps(diff.to_dict(), allow_nan=False))
    assert (data["changed"], data["fields"]["weather"]["samples"]) == (1, 1)
    assert data["fields"]["weather"]["labels"]["confusion"] == [
        {"before": "rainy", "after": "foggy", "count": 1}
    ]
    figures = diff.plot()
    assert list(figures) == ["classes", "confusion", "versions"]
    assert all(isinstance(figure, go.Figure) for figure in figures.values())
    assert list(figures["confusion"].data[0].x) == ["foggy"]
    assert list(figures["versions"].data[0].y) == [6, 6]
    with pytest.raises(AttributeError):
        diff.a = "b"


def test_progress_is_told() -> None:
    dataset = video_dataset("slow", size=3)
    fos.create_snapshot(dataset, "a")
    told: list[tuple[float, str]] = []

    fos.diff(dataset, "a", progress=lambda fraction, label: told.append((fraction, label)))

    fractions = [fraction for fraction, _ in told]
    assert fractions == sorted(fractions)
    assert 0 < fractions[-1] <= 1
    assert {label for _, label in told} == {"Reading samples", "Reading frames"}
    fos.diff(dataset, "a", progress=True)


def test_unknown_versions_are_refused() -> None:
    dataset = image_dataset("known", size=1)
    fos.create_snapshot(dataset, "a")

    with pytest.raises(SnapshotNotFoundError, match="it has: a"):
        fos.diff(dataset, "b")
    with pytest.raises(SnapshotNotFoundError):
        fos.diff(dataset, "a", "b")


def _flat(dataset: fo.Dataset) -> Any:
    if dataset.media_type == "group":
        return dataset.select_group_slices(_allow_mixed=True)
    return dataset.view()


def _insert_temporal_tag(dataset: fo.Dataset) -> None:
    """FiftyOne's own way needs a package that it does not bring."""
    foo.get_db_conn()["tags"].insert_one(
        {
            "_dataset_id": dataset._doc.id,
            "_sample_id": ObjectId(dataset.first().id),
            "kind": "temporal",
            "tag": "night",
            "start": 0,
            "end": 1,
        }
    )
