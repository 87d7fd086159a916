"""What happened to the declarations of fields."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any, NamedTuple

from ..mongo.database import Document
from ..rawbson import equality
from .records import Kind, SchemaChange


class Declaration(NamedTuple):
    """A field as the dataset document declares it."""

    type: str
    created_at: datetime | None
    about: dict[str, Any]
    """What is said of it: its description and the like."""


Declarations = Mapping[str, Declaration]


def declared(fields: list[Document] | None, prefix: str = "") -> Iterator[tuple[str, Declaration]]:
    """Yields the declared fields by path, embedded ones after those that hold them.

    Args:
        fields: ``sample_fields`` or ``frame_fields`` of a dataset document
        prefix (""): the path of what holds them

    Yields:
        paths and declarations
    """
    for field in fields or ():
        path = prefix + str(field.get("name"))
        about = {key: field.get(key) for key in ("description", "info", "read_only")}
        yield path, Declaration(_type(field), field.get("created_at"), about)
        yield from declared(field.get("fields"), f"{path}.")


def compare(before: Declarations, after: Declarations, prefix: str) -> list[SchemaChange]:
    """Compares two schemas.

    Args:
        before: the declared fields
        after: the declared fields later
        prefix: what to put before the paths

    Returns:
        the changes; of a field that was added, removed or renamed as a whole, not also those of
        the fields inside it
    """
    formers = renamed(before, after)
    changes = [
        SchemaChange(new, Kind.RENAMED, before=prefix + old, after=prefix + new)
        for new, old in formers.items()
    ]
    # What is inside a field that was renamed is compared under its later name
    names = {old: new for new, old in formers.items()}
    before = {_renamed(path, names): declaration for path, declaration in before.items()}
    gone = [path for path in before if path not in after]
    new = [path for path in after if path not in before]
    changes += [
        SchemaChange(path, Kind.REMOVED, before=before[path].type) for path in _outermost(gone)
    ]
    changes += [SchemaChange(path, Kind.ADDED, after=after[path].type) for path in _outermost(new)]
    for path in after:
        if path not in before:
            continue
        was, is_ = before[path], after[path]
        if was.type != is_.type:
            changes.append(SchemaChange(path, Kind.RETYPED, was.type, is_.type))
        elif not equality.same_values(was.about, is_.about):
            changes.append(SchemaChange(path, Kind.CHANGED, was.type, is_.type))
    return [
        replace(change, path=prefix + change.path)
        for change in sorted(changes, key=lambda change: change.path)
    ]


def renamed(before: Declarations, after: Declarations) -> dict[str, str]:
    """Finds the fields that were renamed.

    FiftyOne does not say so, but the time at which a field was declared survives
    (fiftyone/core/odm/mixins.py, ``_rename_fields_schema``). If it and the type point at exactly
    one field that is gone and one that is new, that is what happened.

    Args:
        before: the declared fields
        after: the declared fields later

    Returns:
        the old paths of top-level fields by the new ones
    """
    candidates: dict[Any, tuple[list[str], list[str]]] = defaultdict(lambda: ([], []))
    for number, (fields, others) in enumerate(((before, after), (after, before))):
        for path, declaration in fields.items():
            if path not in others and "." not in path and declaration.created_at is not None:
                candidates[declaration.type, declaration.created_at][number].append(path)
    return {new[0]: old[0] for old, new in candidates.values() if len(old) == 1 and len(new) == 1}


def _renamed(path: str, names: Mapping[str, str]) -> str:
    """Returns the later path of a field, given the later names of fields that were renamed."""
    top, dot, rest = path.partition(".")
    return names.get(top, top) + dot + rest


def _outermost(paths: list[str]) -> list[str]:
    """Leaves out the fields inside others."""
    whole = {*paths}
    return [
        path
        for path in paths
        if not any(path[:end] in whole for end, letter in enumerate(path) if letter == ".")
    ]


def _type(field: Document) -> str:
    name = _class_name(field.get("ftype"))
    inner = _class_name(field.get("embedded_doc_type") or field.get("subfield"))
    return f"{name}({inner})" if inner else name


def _class_name(path: Any) -> str:
    return str(path).rsplit(".", 1)[-1] if path else ""
