"""Which files the documents of a version refer to.

Read from its schema, as FiftyOne's ``_get_media_fields()`` does: ``filepath``, the media fields of
the App, and whatever a type of label says is its file, at any depth.
"""

from __future__ import annotations

import importlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import bson
from bson import ObjectId

from ..dataset import schema
from ..dataset.parts import Part, Readable
from ..mongo.database import Document

_FILEPATH = "filepath"


class Valued(Protocol):
    """Documents whose values can be read."""

    def values(self, names: list[str]) -> Iterator[Document]:
        """Yields some fields of every document, by their paths, or all that is around them."""


@dataclass(frozen=True)
class Some:
    """The documents of some samples."""

    documents: Readable
    part: Part
    samples: list[ObjectId]

    def values(self, names: list[str]) -> Iterator[Document]:
        """Yields the documents."""
        if self.part is Part.SAMPLES:
            yield from self.documents.decoded(self.samples)
            return
        for sample_id in self.samples:
            for frame in self.documents.of_sample(sample_id).values():
                yield bson.decode(frame)


def fields(document: Document) -> dict[Part, list[str]]:
    """Lists the fields that name files.

    Args:
        document: the dataset document of the version

    Returns:
        the paths of the fields in samples and in frames, as they are stored
    """
    app_config: Mapping[str, Any] = document.get("app_config") or {}
    # Such as thumbnails, which the App shows in place of the media
    shown = {_FILEPATH, *(app_config.get("media_fields") or [])}
    found: dict[Part, list[str]] = {}
    for part, key, wanted in (
        (Part.SAMPLES, "sample_fields", shown),
        (Part.FRAMES, "frame_fields", {_FILEPATH}),
    ):
        paths = [] if part is Part.FRAMES else [_FILEPATH]
        paths += _named(document.get(key) or [], wanted)
        found[part] = list(dict.fromkeys(paths))
    return found


def _named(
    declared: Iterable[Document], wanted: set[str], named: str = "", stored: str = ""
) -> Iterator[str]:
    for field in declared:
        name, place = named + field["name"], stored + schema.db_key(field)
        type_ = field.get("embedded_doc_type")
        if name in wanted and not type_:
            yield place
        elif type_:
            yield from (f"{place}.{inner}" for inner in _inner(type_))
        yield from _named(field.get("fields") or [], wanted, f"{name}.", f"{place}.")


def _inner(type_: str) -> Iterator[str]:
    """Yields where documents of a type name their files, and the labels in a list of such."""
    class_ = _class(type_)
    if (name := getattr(class_, "_MEDIA_FIELD", None)) is not None:
        yield name
    # Of lists, the schema of some datasets tells no more
    if (inside := getattr(class_, "_LABEL_LIST_FIELD", None)) is not None:
        element = getattr(getattr(class_, inside, None), "field", None)
        label = getattr(element, "document_type", None)
        if (name := getattr(label, "_MEDIA_FIELD", None)) is not None:
            yield f"{inside}.{name}"


def _class(type_: str) -> object:
    """Returns the class that a schema names; None if FiftyOne has no such class any more."""
    module, _, name = type_.rpartition(".")
    if not module.startswith("fiftyone."):
        # What the database says is no reason to run code of others
        return None
    try:
        return getattr(importlib.import_module(module), name, None)
    except ImportError:
        return None


def values(source: Valued, paths: list[str]) -> Iterator[str]:
    """Yields the values of fields, also within lists; one document after the other is read.

    Args:
        source: the documents
        paths: the paths of the fields

    Yields:
        the texts, also twice
    """
    steps = [path.split(".") for path in paths]
    # The server takes no path beside one that leads to it
    whole = [path for path in paths if not any(path.startswith(f"{other}.") for other in paths)]
    for document in source.values(whole):
        for each in steps:
            yield from _at(document, each, 0)


def _at(value: Any, steps: list[str], place: int) -> Iterator[str]:
    while place < len(steps):
        if isinstance(value, list):
            for item in value:
                yield from _at(item, steps, place)
            return
        if not isinstance(value, dict):
            return
        value = value.get(steps[place])
        place += 1
    if isinstance(value, str):
        if value:
            yield value
    elif isinstance(value, list):
        # Such as the images of a scene's cube
        yield from (item for item in value if isinstance(item, str) and item)
