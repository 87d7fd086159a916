"""What happened to everything that belongs to a dataset besides samples and their fields."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from bson import DBRef, ObjectId, json_util

from ..dataset.parts import Part, chunks
from ..mongo.database import Document
from ..rawbson import equality
from .records import ItemChange, Kind, PropertyChange, joined
from .versions import Version

NOT_PROPERTIES = frozenset(
    {
        "_id",
        "created_at",
        "frame_collection_name",
        "last_deletion_at",
        "last_loaded_at",
        "last_modified_at",
        # A dataset keeps its history when it is renamed, or imported under another name
        "name",
        "persistent",
        "sample_collection_name",
        "slug",
        "version",
        # Compared elsewhere
        "frame_fields",
        "sample_fields",
        "saved_views",
        "workspaces",
    }
)
"""Keys of a dataset document that say nothing of its content."""

_RUNS = {
    "annotation_runs": "annotation run",
    "brain_methods": "brain run",
    "evaluations": "evaluation",
    "runs": "run",
}

NOT_CONTENT = frozenset(
    {"_id", "_dataset_id", "created_at", "last_loaded_at", "last_modified_at", "timestamp"}
)
"""Keys of saved views, workspaces and runs that say nothing of their content."""

_MAX_TAGS = 1000
"""Temporal tags that are told apart; beyond that their number says enough."""


def dataset_document(version: Version) -> Document:
    """Returns the dataset document of a version."""
    documents = version.documents(Part.DATASET)
    return {} if documents is None else next(documents.decoded(), {})


def properties(before: Document, after: Document) -> list[PropertyChange]:
    """Compares what a dataset says of itself.

    Args:
        before: the dataset document
        after: the dataset document later

    Returns:
        the differences, as deep inside as they are
    """
    left_out = {*NOT_PROPERTIES, *_RUNS}
    old = {key: value for key, value in before.items() if key not in left_out}
    new = {key: value for key, value in after.items() if key not in left_out}
    return list(_compare(old, new))


def items(older: Version, newer: Version, before: Document, after: Document) -> list[ItemChange]:
    """Compares saved views, workspaces, runs and temporal tags.

    Args:
        older: a version
        newer: a later version
        before: the dataset document of the older version
        after: the dataset document of the newer version

    Returns:
        the differences
    """
    return [
        *_named("saved view", _by_id(older, Part.VIEWS), _by_id(newer, Part.VIEWS)),
        *_named("workspace", _by_id(older, Part.WORKSPACES), _by_id(newer, Part.WORKSPACES)),
        *_runs(older, newer, before, after),
        *_temporal_tags(older, newer),
    ]


def _compare(before: Any, after: Any, path: str = "") -> Iterator[PropertyChange]:
    if isinstance(before, Mapping) and isinstance(after, Mapping):
        for key in dict.fromkeys([*before, *after]):
            yield from _compare(before.get(key), after.get(key), joined(path, str(key)))
    elif not equality.same_values(before, after):
        yield PropertyChange(path, before, after)


def _by_id(version: Version, part: Part) -> dict[ObjectId, Document]:
    documents = version.documents(part)
    if documents is None:
        return {}
    found = sorted(documents.decoded(), key=lambda document: document["_id"])
    return {document["_id"]: document for document in found}


def _named(
    item: str, before: Mapping[ObjectId, Document], after: Mapping[ObjectId, Document]
) -> Iterator[ItemChange]:
    """Compares things that have names: they may be renamed, or be made again."""
    old = {document["name"]: document for document in before.values()}
    new = {document["name"]: document for document in after.values()}
    former = {
        name: before[document["_id"]]["name"]
        for name, document in new.items()
        if name not in old and document["_id"] in before
    }
    for name in sorted({*old, *new} - set(former.values())):
        if name in former:
            yield ItemChange(item, name, Kind.RENAMED, (former[name],))
        elif name not in new:
            yield ItemChange(item, name, Kind.REMOVED)
        elif name not in old:
            yield ItemChange(item, name, Kind.ADDED)
        elif details := _differing(old[name], new[name]):
            yield ItemChange(item, name, Kind.CHANGED, details)


def _differing(before: Document, after: Document) -> tuple[str, ...]:
    return tuple(
        key
        for key in dict.fromkeys([*before, *after])
        if key not in NOT_CONTENT
        and not equality.same_values(
            without_state(key, before.get(key)), without_state(key, after.get(key))
        )
    )


def without_state(key: str, value: Any) -> Any:
    """Leaves out what FiftyOne notes about the datasets that it generates for a saved view."""
    if key != "view_stages" or not isinstance(value, list):
        return value
    stages = [json_util.loads(stage) if isinstance(stage, str) else stage for stage in value]
    for stage in stages:
        stage["kwargs"] = [
            argument for argument in stage.get("kwargs") or [] if argument[0] != "_state"
        ]
        stage.pop("_uuid", None)
    return stages


def _runs(
    older: Version, newer: Version, before: Document, after: Document
) -> Iterator[ItemChange]:
    old, new = _by_id(older, Part.RUNS), _by_id(newer, Part.RUNS)
    for field, item in _RUNS.items():
        was, is_ = before.get(field) or {}, after.get(field) or {}
        for key in sorted({*was, *is_}):
            if key not in is_:
                yield ItemChange(item, key, Kind.REMOVED)
            elif key not in was:
                yield ItemChange(item, key, Kind.ADDED)
            elif details := _differing(_referred(old, was[key]), _referred(new, is_[key])):
                yield ItemChange(item, key, Kind.CHANGED, details)


def _referred(documents: Mapping[ObjectId, Document], reference: Any) -> Document:
    return documents.get(reference.id if isinstance(reference, DBRef) else reference, {})


def _temporal_tags(older: Version, newer: Version) -> Iterator[ItemChange]:
    manifests = older.manifest(Part.TAGS), newer.manifest(Part.TAGS)
    differences = manifests[0].compare(manifests[1], touched=False)
    changed = _truly_changed(older, newer, differences.changed)
    for kind, version, ids in (
        (Kind.ADDED, newer, differences.added),
        (Kind.REMOVED, older, differences.deleted),
        (Kind.CHANGED, newer, changed),
    ):
        documents = version.documents(Part.TAGS)
        if not ids or documents is None:
            continue
        tags = sorted(documents.decoded(ids[:_MAX_TAGS]), key=lambda tag: tag["_id"])
        for tag in tags:
            place = f"{tag.get('start')} to {tag.get('end')}"
            yield ItemChange("temporal tag", str(tag.get("tag")), kind, (place,))
        if len(ids) > _MAX_TAGS:
            yield ItemChange("temporal tag", f"{len(ids) - _MAX_TAGS} more", kind)


def _truly_changed(older: Version, newer: Version, suspects: list[ObjectId]) -> list[ObjectId]:
    """Returns those temporal tags whose content differs, and not only their bytes."""
    before, after = older.documents(Part.TAGS), newer.documents(Part.TAGS)
    if not suspects or before is None or after is None:
        return suspects
    changed: list[ObjectId] = []
    for ids in chunks(suspects):
        was, is_ = before.fetch(ids), after.fetch(ids)
        changed += [
            id_
            for id_ in ids
            if id_.binary not in was
            or id_.binary not in is_
            or not equality.equal(was[id_.binary], is_[id_.binary])
        ]
    return changed
