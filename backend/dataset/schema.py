"""Bringing fields of a snapshot back into the schema of a dataset.

Works on FiftyOne's dataset document as it is stored: ``sample_fields`` and ``frame_fields`` are
lists of field documents, and the ``fields`` of an embedded document are such a list again
(fiftyone/core/odm/dataset.py, ``SampleFieldDocument``).
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from typing import Any

from ..errors import InvalidRequestError
from ..mongo.database import Document
from .parts import Part, State

FRAMES_PREFIX = "frames."

# Together these say how FiftyOne reads the values of a field
_TYPE_KEYS = ("ftype", "embedded_doc_type", "subfield", "db_field")


def merge(
    current: Document, captured: Document, only: Collection[str] | None
) -> tuple[Document, list[str]]:
    """Adds the fields that a dataset lacks and a snapshot has.

    Args:
        current: the dataset document of the dataset
        captured: that of the snapshot
        only: the top-level fields that are wanted, those of frames with the prefix ``frames.``;
            None for all

    Returns:
        the changed keys of the dataset document, and the paths of the added fields

    Raises:
        InvalidRequestError: if a field has another type now than it had
    """
    changes: Document = {}
    added: list[str] = []
    for key, prefix in (("sample_fields", ""), ("frame_fields", FRAMES_PREFIX)):
        wanted = [
            field
            for field in captured.get(key) or []
            if only is None or prefix + field["name"] in only
        ]
        merged, paths = _merge_fields(current.get(key) or [], wanted, prefix)
        if paths:
            changes[key] = merged
            added += paths
    return changes, added


def _merge_fields(
    current: list[Document], captured: list[Document], prefix: str
) -> tuple[list[Document], list[str]]:
    merged = list(current)
    places = {field["name"]: place for place, field in enumerate(current)}
    added: list[str] = []
    for field in captured:
        path = prefix + field["name"]
        if field["name"] not in places:
            merged.append(field)
            added.append(path)
            continue
        place = places[field["name"]]
        _check_type(path, current[place], field)
        inner, paths = _merge_fields(
            current[place].get("fields") or [], field.get("fields") or [], f"{path}."
        )
        if paths:
            merged[place] = {**current[place], "fields": inner}
            added += paths
    return merged, added


def _check_type(path: str, current: Document, captured: Document) -> None:
    if type_of(current) != type_of(captured):
        raise InvalidRequestError(
            f"Field '{path}' is {_describe(current)} now and was {_describe(captured)} in the "
            "snapshot, so its former values would not fit. Nothing was changed. Restore other "
            "fields only (fields=[...]), rename the field, or roll the whole dataset back."
        )


def type_of(field: Document) -> list[Any]:
    """Returns what says how FiftyOne reads the values of a field."""
    return [field.get(key) or None for key in _TYPE_KEYS]


def db_key(field: Document) -> str:
    """Returns how a top-level field is called in the documents of samples or frames."""
    return str(field.get("db_field") or field["name"])


def _describe(field: Document) -> str:
    names = [field.get(key) for key in ("ftype", "subfield", "embedded_doc_type")]
    return " of ".join(str(name).rpartition(".")[2] for name in names if name)


def paths(document: Document) -> tuple[str, ...]:
    """Lists the paths of all fields, also of those inside embedded documents.

    Args:
        document: a dataset document

    Returns:
        the paths, those of frames with the prefix ``frames.``
    """
    return tuple(
        path
        for key, prefix in (("sample_fields", ""), ("frame_fields", FRAMES_PREFIX))
        for path, _ in walk(document.get(key), prefix)
    )


def walk(fields: list[Document] | None, prefix: str = "") -> Iterator[tuple[str, Document]]:
    """Yields field documents and those inside them.

    Args:
        fields: field documents
        prefix (""): what their paths begin with

    Yields:
        the path and the field document of each
    """
    for field in fields or []:
        path = prefix + field["name"]
        yield path, field
        yield from walk(field.get("fields"), f"{path}.")


def without(document: Document, removed: Collection[str]) -> Document:
    """Takes fields out of the schema of a dataset.

    Args:
        document: a dataset document
        removed: paths of fields, those of frames with the prefix ``frames.``

    Returns:
        the changed keys of the dataset document
    """
    changes: Document = {}
    for key, prefix in (("sample_fields", ""), ("frame_fields", FRAMES_PREFIX)):
        fields = document.get(key) or []
        left = _without(fields, removed, prefix)
        if left != fields:
            changes[key] = left
    return changes


def _without(fields: list[Document], removed: Collection[str], prefix: str) -> list[Document]:
    left: list[Document] = []
    for field in fields:
        path = prefix + field["name"]
        if path in removed:
            continue
        inner = field.get("fields") or []
        kept = _without(inner, removed, f"{path}.")
        left.append(field if kept == inner else {**field, "fields": kept})
    return left


def part_of(path: str) -> Part:
    """Returns the part whose documents have a field, by its path."""
    return Part.FRAMES if path.startswith(FRAMES_PREFIX) else Part.SAMPLES


def is_used(document: Document, state: State, path: str) -> bool:
    """Tells whether any sample or frame has a field, be it empty.

    Args:
        document: a dataset document that has the field
        state: where the dataset's documents are
        path: the field's path

    Returns:
        True/False
    """
    place, part = db_path(document, path), part_of(path)
    if place is None or part not in state:
        return False
    return state[part].collection.find_one({place: {"$exists": True}}, {"_id": 1}) is not None


def db_path(document: Document, path: str) -> str | None:
    """Returns where a field is in the documents of samples or frames.

    Args:
        document: a dataset document
        path: the field's path, with the prefix ``frames.`` if it is one of frames

    Returns:
        the place, without that prefix, or None if there is no such field
    """
    is_of_frames = path.startswith(FRAMES_PREFIX)
    fields = document.get("frame_fields" if is_of_frames else "sample_fields") or []
    keys = []
    for name in path.removeprefix(FRAMES_PREFIX).split("."):
        field = next((field for field in fields if field["name"] == name), None)
        if field is None:
            return None
        keys.append(field.get("db_field") or name)
        fields = field.get("fields") or []
    return ".".join(keys)


def db_fields(
    document: Document, wanted: Collection[str], untold: Collection[str] = ()
) -> tuple[list[str], list[str]]:
    """Returns how fields are called in sample and frame documents.

    Args:
        document: a dataset document that has all of these fields
        wanted: names of top-level fields, those of frames with the prefix ``frames.``
        untold (()): fields that are of no use to who has asked for one that is not there

    Returns:
        the keys in sample documents, and those in frame documents

    Raises:
        InvalidRequestError: if there is no such field
    """
    known = {
        prefix + field["name"]: (prefix, field.get("db_field") or field["name"])
        for key, prefix in (("sample_fields", ""), ("frame_fields", FRAMES_PREFIX))
        for field in document.get(key) or []
    }
    found: dict[str, list[str]] = {"": [], FRAMES_PREFIX: []}
    for name in wanted:
        if name not in known:
            hint = (
                "restore the field that it is part of"
                if _is_nested(name, known)
                else f"it has: {', '.join(sorted(known.keys() - set(untold)))}"
            )
            raise InvalidRequestError(f"The snapshot has no top-level field '{name}'; {hint}")
        prefix, key = known[name]
        found[prefix].append(key)
    return found[""], found[FRAMES_PREFIX]


def _is_nested(name: str, known: Collection[str]) -> bool:
    return any(name.startswith(f"{other}.") for other in known)
