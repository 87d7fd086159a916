"""What must hold whenever nothing is under way, whatever has happened before.

Everything is read with pymongo alone, except that snapshots are loaded and verified, and that the
audit log is.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos

from .full import Document, digest

_OWNED = re.compile(r"snapshots\.(?:(masters|staging|trashed)\.)?([0-9a-f]{24})(?:\.(.*))?")


@dataclass(frozen=True)
class World:
    """A dataset and its history, comparable."""

    head: dict[str, Any]
    snapshots: list[str]
    trash: list[str]
    archived: list[str]
    changes: list[tuple[int, ...] | None]
    """Of each snapshot, what it has added, deleted and changed."""
    branches: dict[str, Any]
    """Of each branch, samples and frames; the rest has ids of its own."""

    @classmethod
    def now(cls, database: Database[Document], name: str) -> World:
        """Looks at a dataset.

        Args:
            database: the database
            name: the dataset's name
        """
        dataset_id = database["datasets"].find_one({"name": name}, {"_id": 1})
        assert dataset_id is not None, f"dataset '{name}' is gone"
        records = database["snapshots.catalog"]
        live = list(records.find({"dataset_id": dataset_id["_id"], "live": True}).sort("sequence"))
        trashed = records.find({"dataset_id": dataset_id["_id"], "live": False})
        heads = database["snapshots.trash"].find({"dataset_id": dataset_id["_id"]})
        branches = database["snapshots.trash"].find({"parent_id": dataset_id["_id"]})
        return cls(
            head=digest(database, dataset_id["_id"]),
            snapshots=[_name(record) for record in live],
            trash=sorted(_name(record) for record in trashed)
            + sorted(f"HEAD before {_plain(head['snapshot_name'])}" for head in heads)
            + sorted(f"branch {branch['dataset_name']}" for branch in branches),
            archived=[record["name"] for record in live if record["archive"] is not None],
            changes=[_counts(record["changes"]) for record in live],
            branches={
                facts["branch"]["name"]: _own_parts(digest(database, facts["_id"]))
                for facts in database["snapshots.datasets"].find(
                    {"branch.parent_id": dataset_id["_id"]}
                )
                if database["datasets"].find_one({"_id": facts["_id"]})
            },
        )


def _name(record: Document) -> str:
    """Returns a snapshot's name; those that nobody has given one have one with an id."""
    return _plain(str(record["name"]))


def _plain(name: str) -> str:
    return re.sub(r"^safety-[0-9a-f]{24}$", "safety", name)


def _own_parts(digests: dict[str, Any]) -> dict[str, Any]:
    return {part: found for part, found in digests.items() if part in ("samples", "frames")}


def _counts(changes: Document | None) -> tuple[int, ...] | None:
    if changes is None:
        return None
    return tuple(changes[f"num_samples_{kind}"] for kind in ("added", "deleted", "changed"))


def assert_sound(database: Database[Document], load: bool = True) -> None:
    """Checks that nothing is left over, and that every snapshot is what was captured.

    Args:
        database: the database
        load (True): whether to load every snapshot as well
    """
    assert_no_debris(database)
    for record in list(database["snapshots.catalog"].find({"live": True})):
        owner = database["datasets"].find_one({"_id": record["dataset_id"]})
        if owner is None:
            # Of a deleted branch, which assert_no_debris() has told from a deleted dataset
            continue
        report = fos.verify_snapshot(owner["name"], record["name"])
        assert report, str(report)
        if not load or record["archive"] is not None:
            continue
        loaded = fos.load_snapshot(owner["name"], record["name"])
        # Not len(): a server that crashed may estimate wrongly until it is asked to validate
        assert loaded._sample_collection.count_documents({}) == record["sample_count"]


def assert_no_debris(database: Database[Document]) -> None:
    """Checks that everything in the database belongs to something.

    Args:
        database: the database
    """
    unfinished = list(database["snapshots.journal"].find({"state": {"$in": _UNFINISHED}}))
    assert not unfinished
    assert not list(database["snapshots.leases"].find())
    # It only ever grows, and so is no part of a world that can be brought back
    report = fos.verify_audit_log()
    assert report, str(report)

    datasets = {document["_id"]: document for document in database["datasets"].find()}
    records = {record["_id"]: record for record in database["snapshots.catalog"].find()}
    heads = {head["_id"]: head for head in database["snapshots.trash"].find()}
    deleted = {head["dataset_id"] for head in heads.values() if head.get("kind") == "branch"}
    assert not deleted & set(datasets)
    for document in (*records.values(), *heads.values()):
        assert document["dataset_id"] in {*datasets, *deleted}, document
    known = {facts["_id"]: facts for facts in database["snapshots.datasets"].find()}
    assert known.keys() <= {*datasets, *deleted}
    bases = {
        (facts["branch"]["base_snapshot_id"], id_)
        for id_, facts in known.items()
        if "branch" in facts and facts["branch"]["base_snapshot_id"] in records
    }
    held = {(id_, holder) for id_, r in records.items() for holder in r.get("held_by", [])}
    merges = [
        record["merged_from"] | {"_id": id_}
        for id_, record in records.items()
        if record.get("merged_from")
    ]
    merged = {
        (merge[key], merge["dataset_id"])
        for merge in merges
        for key in ("_id", "snapshot_id")
        if merge["is_full"] and merge["dataset_id"] in datasets
    }
    assert bases <= held <= bases | merged, "branches hold their bases and merges, and no more"
    assert {record["state"] for record in records.values()} <= {"ready", "trashed"}
    described = set(database["snapshots.manifests"].distinct("snapshot_id"))
    assert described == set(records)
    assert records.keys() >= set(database["snapshots.facts"].distinct("_id"))
    lineages = set(database["snapshots.lineage"].distinct("dataset_id"))
    assert {*datasets, *deleted} >= lineages
    _check_collections(database, datasets, records, heads)
    _check_shared(database, datasets, records)
    _check_archives(database, records)


_UNFINISHED = ["running", "committed"]


def _check_collections(
    database: Database[Document],
    datasets: dict[ObjectId, Document],
    records: dict[ObjectId, Document],
    heads: dict[ObjectId, Document],
) -> None:
    used = {
        document.get(key)
        for document in datasets.values()
        for key in ("sample_collection_name", "frame_collection_name")
    }
    former = {
        name
        for facts in database["snapshots.datasets"].find()
        for name in facts.get("former_names", [])
    }
    parts: dict[tuple[str, ObjectId], set[str]] = {}
    for description in database.list_collections():
        name = description["name"]
        assert not name.startswith("tmp."), name
        if description["options"].get("viewOn") == "snapshots.catalog":
            # Fails for those who have open what is gone
            continue
        if name.startswith(("samples.", "frames.")):
            is_view = description["type"] == "view"
            assert name in (former if is_view else used), f"{name} belongs to nothing"
            assert not (is_view and name in used), name
        if owned := _OWNED.fullmatch(name):
            kind, owner, part = owned[1], ObjectId(owned[2]), owned[3] or "samples"
            owners = heads if kind == "trashed" else records
            assert kind != "staging", f"{name} is left over"
            assert owner in owners, f"{name} belongs to nothing"
            parts.setdefault((kind, owner), set()).add(part)
    lost = used - {None} - set(database.list_collection_names())
    assert not lost, "a dataset lost a collection"
    for head, record in heads.items():
        if record.get("kind") in (None, "branch"):
            assert parts.get(("trashed", head), set()) >= {"samples", "dataset"}
    for id_, record in records.items():
        stored = set(record["storage"].get("parts", []))
        assert parts.get(("masters", id_), set()) == stored
        is_duplicated = record["backend"] == "duplication" and not record["archive"]
        assert bool(stored) == is_duplicated, "in the database or in an archive"
        assert "moved_by" not in record
    _check_chains(database, records)


def _check_chains(database: Database[Document], records: dict[ObjectId, Document]) -> None:
    """Checks what the delta backend has: a link for each snapshot, and what those name."""
    chained = {
        id_
        for id_, record in records.items()
        if record["backend"] == "delta" and not record["archive"]
    }
    named, linked = set(), []
    for chain in database["snapshots.delta"].find():
        for link in chain["links"]:
            linked.append(link["id"])
            assert link["complete"]
            assert records[link["id"]]["dataset_id"] == chain["_id"]
            named |= {
                f"snapshots.delta.{chain['_id']}.{part[key]}.{part['part']}"
                for part in link["parts"]
                for key in ("whole", "history")
                if part[key] is not None
            }
    assert sorted(linked) == sorted(chained)
    existing = database.list_collection_names(filter={"name": {"$regex": r"^snapshots\.delta\."}})
    assert named == set(existing)
    assert set(database["snapshots.orders"].distinct("snapshot_id")) <= chained


def _check_shared(
    database: Database[Document],
    datasets: dict[ObjectId, Document],
    records: dict[ObjectId, Document],
) -> None:
    for name in ("views", "workspaces", "runs", "tags"):
        owners = set(database[name].distinct("_dataset_id"))
        assert owners <= set(datasets), f"{name} of no dataset"
    for name, keys in _REFERENCES.items():
        referred = {
            getattr(reference, "id", reference)
            for document in datasets.values()
            for key in keys
            for reference in _values(document.get(key))
        }
        assert set(database[name].distinct("_id")) == referred, f"{name} and references differ"
    results = set(database["runs"].distinct("results")) - {None}
    files = set(database["fs.files"].distinct("_id"))
    assert files == results, "run results belong to nothing, or are lost"
    assert set(database["fs.chunks"].distinct("files_id")) == files
    assert records.keys() >= set(database["fs.files"].distinct("snapshot_id"))


def _check_archives(database: Database[Document], records: dict[ObjectId, Document]) -> None:
    """Checks that the folder of archives holds those that the catalog names, and nothing else."""
    assert not list(database["snapshots.unremoved"].find())
    archives = [record["archive"] for record in records.values() if record["archive"]]
    if folder := os.environ.get("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH"):
        assert {file.name for file in Path(folder).iterdir()} == {
            archive["key"] for archive in archives
        }


_REFERENCES = {
    "views": ["saved_views"],
    "workspaces": ["workspaces"],
    "runs": ["annotation_runs", "brain_methods", "evaluations", "runs"],
}


def _values(references: Any) -> list[Any]:
    if isinstance(references, dict):
        return list(references.values())
    return list(references or [])
