"""Snapshots are found by what they are called and by what they hold, in all datasets."""

from __future__ import annotations

import logging
from datetime import date, datetime, timedelta, timezone

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.catalog.record import SnapshotRecord
from fiftyone_snapshots.backend.search import index as search_index
from fiftyone_snapshots.backend.search.history import HistoryQuery
from support.crash import Child, Gate, killed_at, points_of
from support.datasets import grouped_dataset, image_dataset, video_dataset
from support.full import Document
from support.invariants import assert_no_debris


def found(*args: object, **kwargs: object) -> list[str]:
    return [f"{s.dataset_name}/{s.name}" for s in fos.search_snapshots(*args, **kwargs)]


@pytest.fixture
def images() -> fo.Dataset:
    return image_dataset("Füchse 数据集", 4, persistent=True)


@pytest.fixture
def videos() -> fo.Dataset:
    return video_dataset("videos", 2, 3, persistent=True)


def test_everything_newest_first_across_datasets(images: fo.Dataset, videos: fo.Dataset) -> None:
    fos.create_snapshot(images, "a")
    fos.create_snapshot(videos, "b", "said of it", tags=["gold", "gold", "train"])
    fos.create_snapshot(images, "c")
    assert found() == [f"{images.name}/c", "videos/b", f"{images.name}/a"]
    (snapshot,) = fos.search_snapshots("b")
    assert (snapshot.description, snapshot.sample_count) == ("said of it", 2)
    assert snapshot.tags == ("gold", "train")
    assert snapshot.size_bytes > 0
    assert snapshot.created_by
    assert snapshot.changes is not None
    assert snapshot.changes.num_samples_added == 2


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("BASELINE", True),
        ("  baseline ", True),
        ("训练", True),
        ("STRASSE", True),  # of Straße
        ("ПРОВЕРЕНО", True),
        ("ﬁnal", True),  # with a ligature
        ("gold", True),  # a tag
        ("füchse", True),  # the dataset
        (".*", False),  # no pattern
        ("baselines", False),
    ],
)
def test_text_in_any_case_and_language(images: fo.Dataset, text: str, fits: bool) -> None:
    fos.create_snapshot(images, "Baseline 训练集", "Straße, проверено, final", tags="Gold")
    assert bool(found(text)) is fits


def test_creator(images: fo.Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    for user in ("anna", "Бob"):
        monkeypatch.setenv("FIFTYONE_SNAPSHOTS_USER", user)
        fos.create_snapshot(images, f"of {user}")
    assert found(created_by="Бob") == [f"{images.name}/of Бob"]
    assert found(created_by="ann") == []


def test_time(images: fo.Dataset, database: Database[Document]) -> None:
    for day in (1, 2, 3):
        fos.create_snapshot(images, f"day {day}")
        time = datetime(2026, 3, day, 12)  # noqa: DTZ001 (as FiftyOne has it)
        database["snapshots.catalog"].update_one(
            {"name": f"day {day}"}, {"$set": {"created_at": time}}
        )
    name = f"{images.name}/day"
    assert found(since=date(2026, 3, 2)) == [f"{name} 3", f"{name} 2"]
    assert found(until=date(2026, 3, 2)) == [f"{name} 2", f"{name} 1"]
    assert found(since=date(2026, 3, 2), until=date(2026, 3, 2)) == [f"{name} 2"]
    noon = datetime(2026, 3, 2, 12, tzinfo=timezone.utc)
    assert found(since=noon) == [f"{name} 3", f"{name} 2"]
    assert found(until=noon) == [f"{name} 1"]
    zone = timezone(timedelta(hours=2))
    assert found(until=noon.astimezone(zone)) == [f"{name} 1"]
    with pytest.raises(fos.InvalidRequestError, match="Nothing can be since"):
        found(since=date(2026, 3, 3), until=date(2026, 3, 1))


def test_tags(images: fo.Dataset) -> None:
    fos.create_snapshot(images, "a", tags=["gold", "训练"])
    fos.create_snapshot(images, "b", tags="gold")
    assert len(found(tags="gold")) == 2
    assert found(tags=["gold", "训练"]) == [f"{images.name}/a"]
    assert fos.tag_snapshot(images, "b", ["训练", "gold"]).tags == ("gold", "训练")
    assert len(found(tags=["训练", "gold"])) == 2
    assert fos.untag_snapshot(images, "b", ["gold", "unknown"]).tags == ("训练",)
    assert found(tags="gold") == [f"{images.name}/a"]
    assert [entry.tags for entry in fos.get_history(images).entries] == [
        ("训练",),
        ("gold", "训练"),
    ]
    assert fos.get_history(images, HistoryQuery(text="GOLD")).matching == 1
    info = fos.get_snapshot_info(images, "a")
    assert info is not None
    assert info.tags == ("gold", "训练")


@pytest.mark.parametrize(
    ("tags", "reason"),
    [
        ("", "is empty"),
        ([" a"], "begins or ends with a space"),
        (["a\nb"], "control character"),
        (["x" * 101], "101 characters"),
        ([1], "must be a string, not int"),
        (5, "a string or several"),
        (b"ab", "a string or several"),
        ({"$ne": ""}, "a string or several"),
    ],
)
def test_tags_that_cannot_be_used(images: fo.Dataset, tags: object, reason: str) -> None:
    with pytest.raises(fos.InvalidRequestError, match=reason):
        fos.create_snapshot(images, "a", tags=tags)
    assert fos.list_snapshots(images) == []


def test_tagging_that_dies_is_done_or_not(
    images: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(images, "a")
    for point in points_of(lambda: fos.tag_snapshot(images, "a", "x")):
        fos.untag_snapshot(images, "a", "x")
        assert killed_at(point, lambda: fos.tag_snapshot(images, "a", "x"))
        info = fos.get_snapshot_info(images, "a")
        assert info is not None
        assert info.tags in ((), ("x",))
        entry = database["snapshots.journal"].find_one(sort=[("started_at", -1)])
        assert entry is not None
        assert entry["state"] == ("done" if info.tags else "undone")


def test_samples_are_looked_up_in_manifests_alone(
    images: fo.Dataset, videos: fo.Dataset, database: Database[Document]
) -> None:
    first, last = images.first(), images.last().id
    fos.create_snapshot(images, "both")
    images.delete_samples([last])
    fos.create_snapshot(images, "one")
    fos.create_snapshot(videos, "other")
    # As if archived: only what stays behind is there to be asked
    for name in database.list_collection_names(filter={"name": {"$regex": r"^snapshots\.mas"}}):
        database.drop_collection(name)
    assert found(contains_sample=first) == [f"{images.name}/one", f"{images.name}/both"]
    assert found(contains_sample=last) == [f"{images.name}/both"]
    assert found(contains_sample=str(ObjectId())) == []
    with pytest.raises(fos.InvalidRequestError, match="Not a sample"):
        found(contains_sample="x")


def test_fields(images: fo.Dataset, videos: fo.Dataset, database: Database[Document]) -> None:
    fos.create_snapshot(images, "a")
    images.delete_sample_field("weather")
    fos.create_snapshot(images, "b")
    fos.create_snapshot(videos, "v")
    assert found(field="weather") == ["videos/v", f"{images.name}/a"]
    assert found(field="größe") == [f"{images.name}/b", f"{images.name}/a"]
    assert found(field="frames.objects") == ["videos/v"]
    assert found(field="objects") == []
    assert found(field="ground_truth.detections.label") == [
        f"{images.name}/b",
        f"{images.name}/a",
    ]
    # Answered from the record, so also when the documents are elsewhere
    for name in database.list_collection_names(filter={"name": {"$regex": r"^snapshots\.mas"}}):
        database.drop_collection(name)
    assert found(field="weather") == ["videos/v", f"{images.name}/a"]


def test_fields_of_older_records_are_noted_when_they_are_asked_for(
    images: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(images, "a")
    catalog = database["snapshots.catalog"]
    (record,) = catalog.find()
    catalog.update_one({}, {"$unset": {"fields": "", "tags": ""}})
    assert found(field="weather") == [f"{images.name}/a"]
    assert next(catalog.find())["fields"] == record["fields"]
    assert found(tags="gold") == []
    assert fos.tag_snapshot(images, "a", "gold").tags == ("gold",)


def test_labels_of_every_kind(database: Database[Document]) -> None:
    image_dataset("i", 3, persistent=True)
    video_dataset("v", 2, 3, persistent=True)
    grouped_dataset("g", 1, 2, persistent=True)
    for name in "ivg":
        fos.create_snapshot(name, "1")
    classes = {name: classes_of(fos.load_snapshot(name, "1")) for name in "gvi"}
    assert len(set.union(*classes.values())) > 5
    for label in set.union(*classes.values()):
        assert found(label=label) == [f"{name}/1" for name in "gvi" if label in classes[name]]
    assert found(label="turn") == ["g/1", "v/1"]
    assert found(label="fox") == []
    assert found(label="$classes") == []
    assert found(label="") == []


def classes_of(dataset: fo.Dataset) -> set[str]:
    if dataset.media_type == "group":
        dataset = dataset.select_group_slices(_allow_mixed=True)
    paths = ["ground_truth.detections.label", "boxes.detections.label", "weather.label"]
    paths += ["frames.objects.detections.label", "events.detections.label"]
    return {
        label
        for path in paths
        if dataset.get_field(path) is not None
        for label in dataset.distinct(path)
    }


def test_labels_are_read_once(images: fo.Dataset, database: Database[Document]) -> None:
    fos.create_snapshot(images, "a")
    assert found(label="cat") == [f"{images.name}/a"]
    for name in database.list_collection_names(filter={"name": {"$regex": r"^snapshots\.mas"}}):
        database.drop_collection(name)
    assert found(label="dog") == [f"{images.name}/a"]
    assert found(label="fox") == []


def test_facts_can_be_noted_before_documents_leave(
    images: fo.Dataset, database: Database[Document]
) -> None:
    fos.create_snapshot(images, "a")
    catalog = database["snapshots.catalog"]
    catalog.update_one({}, {"$unset": {"fields": ""}})
    record = SnapshotRecord.from_document(next(catalog.find()))
    search_index.note(database, record)
    search_index.note(database, record)
    for name in database.list_collection_names(filter={"name": {"$regex": r"^snapshots\.mas"}}):
        database.drop_collection(name)
    assert found(label="cat", field="weather") == [f"{images.name}/a"]


def test_labels_of_more_classes_than_are_noted_are_found(
    images: fo.Dataset, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_index, "MAX_CLASSES", 1)
    fos.create_snapshot(images, "a")
    assert found(label="cat") == [f"{images.name}/a"]
    assert found(label="sunny") == [f"{images.name}/a"]
    assert found(label="fox") == []
    (noted,) = database["snapshots.facts"].find()
    assert (noted["complete"], noted["classes"]) == (False, [])


def test_what_cannot_be_searched_is_named_and_does_not_hinder(
    images: fo.Dataset,
    database: Database[Document],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With it, what damages one snapshot leaves the others alone
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "duplication")
    fos.create_snapshot(images, "good")
    fos.create_snapshot(images, "damaged")
    record = database["snapshots.catalog"].find_one({"name": "damaged"})
    assert record is not None
    database.drop_collection(f"snapshots.masters.{record['_id']}.samples")
    database["snapshots.manifests"].delete_many({"snapshot_id": record["_id"]})
    with caplog.at_level(logging.WARNING):
        assert found(label="cat") == [f"{images.name}/good"]
        assert found(contains_sample=images.first().id) == [f"{images.name}/good"]
    assert caplog.text.count("'damaged' could not be searched") == 2


def test_only_what_can_be_used_is_found(images: fo.Dataset, database: Database[Document]) -> None:
    fos.create_snapshot(images, "deleted")
    fos.delete_snapshot(images, "deleted")
    fos.create_snapshot(images, "kept")
    database["snapshots.catalog"].insert_one(
        {
            **next(database["snapshots.catalog"].find({"name": "kept"})),
            "_id": ObjectId(),
            "name": "half",
            "slug": "half",
            "state": "creating",
        }
    )
    assert found() == [f"{images.name}/kept"]


def test_conditions_are_all_met(images: fo.Dataset) -> None:
    fos.create_snapshot(images, "a", tags="x")
    fos.create_snapshot(images, "b", tags="x")
    assert found("b", tags="x", field="weather", label="cat", since=date(2020, 1, 1)) == [
        f"{images.name}/b"
    ]


@pytest.mark.parametrize("argument", ["since", "until", "label", "field", "created_by", "text"])
def test_arguments_of_other_types(images: fo.Dataset, argument: str) -> None:
    with pytest.raises(fos.InvalidRequestError, match=f"{argument} must be .*, not int: 5"):
        found(**{argument: 5})


def test_facts_go_with_their_snapshot(images: fo.Dataset, database: Database[Document]) -> None:
    fos.create_snapshot(images, "a")
    fos.create_snapshot(images, "b")
    assert len(found(label="cat")) == 2
    fos.delete_snapshot(images, "a")
    fos.empty_trash(images)
    assert database["snapshots.facts"].count_documents({}) == 1
    database["snapshots.facts"].insert_one({"_id": ObjectId(), "classes": []})
    fos.recover()
    assert database["snapshots.facts"].count_documents({}) == 1
    images.delete()
    assert database["snapshots.facts"].count_documents({}) == 0
    assert_no_debris(database)


def test_two_who_ask_at_once(images: fo.Dataset, database: Database[Document]) -> None:
    fos.create_snapshot(images, "a")
    gates = [Gate(), Gate()]

    def ask(gate: Gate) -> list[str]:
        gate.stop()
        return found(label="cat")

    with Child(lambda: ask(gates[0])) as one, Child(lambda: ask(gates[1])) as other:
        for gate in gates:
            gate.wait()
        for gate in gates:
            gate.open()
        assert one.result() == other.result() == str([f"{images.name}/a"])
    assert database["snapshots.facts"].count_documents({}) == 1
