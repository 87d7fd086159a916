"""One rule says what is equal, wherever two versions are compared."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bson
import fiftyone as fo
import numpy as np
import pytest
from bson import ObjectId
from fiftyone import ViewField as F
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.diff.documents import DocumentCounter
from fiftyone_snapshots.backend.diff.records import FieldChanges
from fiftyone_snapshots.backend.rawbson import equality
from fiftyone_snapshots.backend.rawbson.ids import Ids
from support import brute_force
from support.datasets import image_dataset, video_dataset
from support.full import Document

NAME = "same"
NAN = float("nan")


def _info(dataset: fo.Dataset, number: Any) -> None:
    dataset.info = {"nan": number, "deep": [{"x": number}]}
    dataset.save()


def _field_info(dataset: fo.Dataset, number: Any) -> None:
    field = dataset.get_field("größe")
    field.info = {"mean": number, "list": [number]}
    field.save()


def _app_config(dataset: fo.Dataset, number: Any) -> None:
    dataset.app_config.plugins = {"map": {"zoom": number}}
    dataset.save()


def _saved_view(dataset: fo.Dataset, number: Any) -> None:
    dataset.save_view("large", dataset.match(F("größe") > number), overwrite=True)


def _run(dataset: fo.Dataset, number: Any) -> None:
    if not dataset.has_run("count"):
        dataset.register_run("count", dataset.init_run(number=number))
    else:
        config = dataset.init_run(number=number)
        dataset.update_run_config("count", config)


PLACES: tuple[Callable[[fo.Dataset, Any], None], ...] = (
    _info,
    _field_info,
    _app_config,
    _saved_view,
    _run,
)


@pytest.mark.parametrize(
    ("before", "after"), [(NAN, NAN), (1, 1.0), (0.0, -0.0)], ids=["nan", "one", "zero"]
)
def test_equal_numbers_are_no_difference(before: Any, after: Any) -> None:
    dataset = image_dataset(NAME, 2, persistent=True)
    for place in PLACES:
        place(dataset, before)
    fos.create_snapshot(NAME, "v1")
    assert not fos.diff(NAME, "v1")
    for place in PLACES:
        # FiftyOne does not save what Python takes for equal
        place(dataset, 5)
        place(dataset, after)
    fos.create_snapshot(NAME, "v2")
    found = fos.diff(NAME, "v1", "v2")
    assert (found.properties, found.items, found.schema) == ((), (), ())
    assert not fos.diff(NAME, "v1")
    assert fos.is_head_equal(NAME, "v1")


def test_other_numbers_are_a_difference_everywhere() -> None:
    dataset = image_dataset(NAME, 2, persistent=True)
    for place in PLACES:
        place(dataset, NAN)
    fos.create_snapshot(NAME, "v1")
    for place in PLACES:
        place(dataset, 2)
    found = fos.diff(NAME, "v1")
    assert {change.path for change in found.properties} == {
        "info.nan",
        "info.deep",
        "app_config.plugins.map.zoom",
    }
    assert {change.item for change in found.items} == {"saved view", "run"}
    assert [change.path for change in found.schema] == ["größe"]


def test_a_boolean_is_no_number() -> None:
    dataset = image_dataset(NAME, 1, persistent=True)
    _info(dataset, 1)
    fos.create_snapshot(NAME, "v1")
    _info(dataset, 5)
    _info(dataset, True)
    assert fos.diff(NAME, "v1").properties


def test_a_temporal_tag_that_was_merely_rewritten_is_the_same(
    database: Database[Document],
) -> None:
    dataset = video_dataset(NAME, 1, 2, persistent=True)
    tag = {
        "_id": ObjectId(),
        "_dataset_id": dataset._doc.id,
        "_sample_id": dataset.first()._id,
        "kind": "temporal",
        "tag": "jump",
        "start": 1,
        "end": NAN,
        "last_modified_at": dataset.created_at,
    }
    database["tags"].insert_one(dict(tag))
    fos.create_snapshot(NAME, "v1")
    rewritten = dict(reversed(tag.items())) | {"start": 1.0, "last_modified_at": None}
    database["tags"].replace_one({"_id": tag["_id"]}, rewritten)
    assert not fos.diff(NAME, "v1").items
    database["tags"].update_one({"_id": tag["_id"]}, {"$set": {"start": 2}})
    assert [change.kind for change in fos.diff(NAME, "v1").items] == ["changed"]


def test_a_renamed_dataset_is_the_same(tmp_path: Path) -> None:
    dataset = image_dataset(NAME, 2, persistent=True)
    dataset.save_view("all", dataset.limit(1))
    fos.create_snapshot(NAME, "v1")
    exported = fos.export_snapshot(NAME, "v1", tmp_path / "v1")
    dataset.name = "other"
    assert not fos.diff("other", "v1")
    fos.create_snapshot("other", "v2")
    assert not fos.diff("other", "v1", "v2")
    fo.delete_dataset("other")
    fos.import_snapshot(exported, "imported")
    assert not fos.diff("imported", "v1")


def test_an_address_without_names_outlives_them() -> None:
    dataset = image_dataset(NAME, 2, persistent=True)
    fos.create_snapshot(NAME, "v1")
    address = fos.snapshot_uri(NAME, "v1", names=False)
    assert "?" not in address
    assert "v1" not in address
    named = fos.snapshot_uri(NAME, "v1")
    assert named.partition("?")[0] == address.partition("#")[0]
    assert named.partition("#")[2] == address.partition("#")[2]
    dataset.name = "other"
    fos.edit_snapshot("other", "v1", "v2")
    assert fos.snapshot_uri("other", "v2", names=False) == address
    found = fos.resolve_snapshot_uri(address)
    assert (found.dataset.name, found.snapshot) == ("other", "v2")


@pytest.mark.parametrize("backend", ["duplication", "delta"])
def test_all_versions_are_measured_alike(
    backend: str, monkeypatch: pytest.MonkeyPatch, database: Database[Document]
) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", backend)
    dataset = video_dataset(NAME, 2, 3, persistent=True)
    dataset.save_view("all", dataset.limit(1))
    dataset.register_run("count", dataset.init_run())
    results = dataset.init_run_results("count", numbers=list(range(100_000)))
    dataset.save_run_results("count", results)
    fos.create_snapshot(NAME, "v1")
    snapshot, head = fos.diff(NAME, "v1").versions
    # The dataset's document tells when it was loaded
    assert head.size_bytes == pytest.approx(snapshot.size_bytes, abs=100)
    assert head.size_bytes > 100_000


def _fields(
    before: Document, after: Document, renamed: dict[str, str]
) -> tuple[ObjectId, dict[str, FieldChanges]]:
    counter = DocumentCounter("", renamed)
    id_ = before["_id"]
    counter.changed(bson.encode(before), bson.encode(after), id_.binary)
    return id_, counter.fields(Ids.of([id_]).keys)


class Made:
    """Makes values up, as users and FiftyOne store them."""

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)
        self._ids = [ObjectId(bytes([number] * 12)) for number in range(100)]
        self._free = list(self._ids)

    def pair(self) -> tuple[Document, Document]:
        before = {"_id": self._ids[0], **{name: self._value() for name in "abc"}}
        names = self._random.sample("abc", self._random.randint(0, 2))
        return before, {**before, **{name: self._value() for name in names}}

    def _value(self, depth: int = 0) -> Any:
        choose = self._random.choice
        if not depth:
            # No label is in a value twice, but most are in others as well
            self._free = list(self._ids)
        plain = [0, 1, 1.0, NAN, -0.0, None, True, "a"]
        kinds = [lambda: choose(plain), self._label, self._labels]
        if depth < 3:
            kinds += [lambda: self._list(depth), lambda: self._document(depth)] * 2
        return choose(kinds)()

    def _list(self, depth: int) -> list[Any]:
        return [self._value(depth + 1) for _ in range(self._random.randint(0, 3))]

    def _document(self, depth: int) -> Document:
        names = self._random.sample(["a", "b", "a.b", '"a', 'b"', "c"], self._random.randint(0, 4))
        return {name: self._value(depth + 1) for name in names}

    def _label(self) -> Document:
        return {
            "_cls": "Detection",
            "_id": self._free.pop(self._random.randint(0, 1)),
            "label": self._random.choice("xy"),
            "scores": [self._random.randint(0, 1)],
        }

    def _labels(self) -> Any:
        labels = [self._label() for _ in range(self._random.randint(0, 2))]
        if self._random.random() < 0.5:
            return labels
        notes = self._random.choice([{}, {"notes": [1]}, {"notes": [2]}])
        return {"_cls": "Detections", "detections": labels, **notes}


@pytest.mark.parametrize("is_renamed", [False, True], ids=["kept", "renamed"])
def test_fields_are_told_as_a_brute_force_comparison_does(is_renamed: bool) -> None:
    made = Made(1)
    for _ in range(3000):
        before, after = made.pair()
        expected = brute_force.compare(
            brute_force.Contents.of_documents([before]), brute_force.Contents.of_documents([after])
        )
        renamed = {}
        if is_renamed:
            after["z"] = after.pop("a")
            renamed = {"z": "a"}
            for found in (expected.fields, expected.paths, expected.labels):
                if "a" in found:
                    found["z"] = found.pop("a")
        _, fields = _fields(before, after, renamed)
        told = {path: change for path, change in fields.items() if change.ids}
        assert set(told) == set(expected.fields), (before, after)
        for path, change in fields.items():
            counts = change.labels
            labels = (counts.added, counts.removed, counts.changed) if counts else (0, 0, 0)
            assert labels == expected.labels.get(path, (0, 0, 0)), (path, before, after)
            assert len(change.paths) == len(expected.paths.get(path, ())), (path, before, after)


def test_a_key_with_a_dot_is_another_one_than_two_keys() -> None:
    id_ = ObjectId()
    before = {"_id": id_, "meta": {"a.b": 1, "a": {"b": 1}, "c": 1}}
    after = {"_id": id_, "meta": {"a.b": 2, "a": {"b": 2}, "c": 2}}
    _, fields = _fields(before, after, {})
    assert fields["meta"].paths == {'"a.b"': 1, "a.b": 1, "c": 1}


def test_a_list_of_labels_that_was_emptied_has_lost_its_labels() -> None:
    dataset = image_dataset(NAME, 2, persistent=True)
    dataset.add_sample_field("boxes", fo.ListField)
    sample = dataset.first()
    sample["boxes"] = [fo.Detection(label="cat"), fo.Detection(label="dog")]
    sample["ground_truth"]["notes"] = ["seen"]
    sample.save()
    fos.create_snapshot(NAME, "v1")
    dataset.rename_sample_field("boxes", "found")
    dataset.rename_sample_field("ground_truth", "seen")
    dataset.reload()
    sample["found"] = []
    sample["seen"]["notes"] = ["seen", "again"]
    sample.save()
    fields = fos.diff(NAME, "v1").fields
    assert fields["found"].labels is not None
    assert fields["found"].labels.removed == 2
    assert fields["found"].renamed_from == "boxes"
    assert fields["seen"].paths == {"notes": 1}
    (difference,) = [
        field for field in fos.diff_sample(NAME, sample.id, "v1").fields if field.path == "boxes"
    ]
    assert [label.kind for label in difference.labels] == ["removed", "removed"]


def test_what_is_inside_a_renamed_field_is_compared_as_well(
    database: Database[Document],
) -> None:
    dataset = image_dataset(NAME, 1, persistent=True)
    dataset.add_sample_field(
        "meta", fo.EmbeddedDocumentField, embedded_doc_type=fo.DynamicEmbeddedDocument
    )
    dataset.add_sample_field("meta.scores", fo.FloatField)
    dataset.add_sample_field("meta.gone", fo.IntField)
    fos.create_snapshot(NAME, "v1")
    dataset.rename_sample_field("meta", "about")
    dataset.delete_sample_field("about.gone")
    dataset.add_sample_field("about.new", fo.IntField)
    # Fields that were renamed do not know it, and FiftyOne does not find them to save them
    described = {"sample_fields.$[field].fields.$[inner].description": "of the model"}
    database["datasets"].update_one(
        {"name": NAME},
        {"$set": described},
        array_filters=[{"field.name": "about"}, {"inner.name": "scores"}],
    )
    changes = {change.path: change.kind for change in fos.diff(NAME, "v1").schema}
    assert changes == {
        "about": "renamed",
        "about.gone": "removed",
        "about.new": "added",
        "about.scores": "changed",
    }


def test_values_are_equal_by_content() -> None:
    assert equality.same_values({"a": None, "b": [NAN]}, {"b": [NAN]})
    assert equality.same_values(np.float64(1).item(), 1)
    assert not equality.same_values(None, {})
    assert not equality.same_values([None], [])
    assert not equality.same_values(True, 1)
