"""Merging what the dataset documents of two sides say: schema, classes, settings, everything."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import bson

from ..dataset.ownership import RUN_FIELDS
from ..dataset.schema import FRAMES_PREFIX
from ..diff.records import joined
from ..diff.surroundings import NOT_PROPERTIES
from ..errors import InvalidRequestError
from ..mongo.database import Document
from ..rawbson import equality, layout
from .conflicts import ConflictKind, Take
from .elements import fields_of, kept, merged_sets, one_sided, value
from .judge import Element, Judge
from .schema import Fields, SchemaMerge
from .values import Values

_LISTS_OF_CLASSES = ("classes", "default_classes")
_BY_KEY = {
    "mask_targets": 2,
    "default_mask_targets": 1,
    "skeletons": 1,
    "default_skeleton": 0,
    "camera_intrinsics": 1,
    "static_transforms": 1,
    "label_schemas": 1,
    "frame_label_schemas": 1,
}
"""What is merged by key, and how many keys deep: what is below is one thing."""
_SETS = ("tags", "active_label_schemas")
_SETTINGS = "app_config"
_SLICES = "group_media_types"

ELSEWHERE = frozenset({*NOT_PROPERTIES, *RUN_FIELDS, "media_type"})
"""What is not merged here."""


@dataclass
class MergedDataset:
    """What two dataset documents become."""

    document: Document
    """That of the target, with what changes; without what it refers to."""
    samples: Fields
    frames: Fields
    notes: list[str] = field(default_factory=list)
    """What was decided without asking."""


def merge(
    judge: Judge,
    base: Document,
    ours: Document,
    theirs: Document,
    restored: Mapping[str, Take],
) -> MergedDataset:
    """Merges dataset documents.

    Args:
        judge: settles conflicts
        base: the document as it was; empty if there was none
        ours: that of the target
        theirs: that of the branch
        restored: how fields were decided that one side deleted and the other one changed

    Returns:
        the merged document, and how the documents of samples and frames follow

    Raises:
        InvalidRequestError: if the sides hold media of different kinds
    """
    samples = SchemaMerge(judge, "", restored).merge(
        *(side.get("sample_fields") for side in (base, ours, theirs))
    )
    frames = SchemaMerge(judge, FRAMES_PREFIX, restored).merge(
        *(side.get("frame_fields") for side in (base, ours, theirs))
    )
    merged = MergedDataset({}, samples.fields, frames.fields)
    sides = [layout.fields(bson.encode(side)) for side in (base, ours, theirs)]
    found: dict[str, Element] = {}
    for name in dict.fromkeys([*sides[1], *sides[2]]):
        if name not in ELSEWHERE:
            was, here, there = (value(side, name) for side in sides)
            found[name] = _merge_property(judge, merged, name, was, here, there)
    merged.document = bson.decode(layout.document(kept(sides[1], found)))
    merged.document["sample_fields"] = samples.documents
    if frames.documents or "frame_fields" in ours:
        merged.document["frame_fields"] = frames.documents
    merged.document["media_type"] = _media_type(ours, theirs)
    return merged


def _media_type(ours: Document, theirs: Document) -> Any:
    kinds = {side.get("media_type") for side in (ours, theirs)} - {None}
    if len(kinds) > 1:
        raise InvalidRequestError(
            f"The target holds {ours['media_type']} media and the branch {theirs['media_type']} "
            "media: they cannot be merged"
        )
    return next(iter(kinds), None)


def _merge_property(
    judge: Judge, merged: MergedDataset, name: str, was: Element, here: Element, there: Element
) -> Element:
    if name == _SETTINGS:
        return _merge_settings(merged, was, here, there)
    if (found := one_sided(was, here, there)) is not None:
        return found.value
    if name == _SLICES:
        _check_slices(here, there)
    if name in _SETS:
        return merged_sets(was, here, there)
    if name in _LISTS_OF_CLASSES:
        return _merge_classes(judge, name, was, here, there)
    if name in _BY_KEY:
        return _by_key(judge, name, _BY_KEY[name], (was, here, there))
    return Values(judge).merge(name, was, here, there)


def _check_slices(here: Element, there: Element) -> None:
    ours, theirs = (equality.decode(each) or {} for each in (here, there))
    for name in ours.keys() & theirs.keys():
        if ours[name] != theirs[name]:
            raise InvalidRequestError(
                f"Slice '{name}' holds {ours[name]} media in the target and {theirs[name]} media "
                "in the branch: they cannot be merged. Rename one of them, and merge again."
            )


def _merge_classes(
    judge: Judge, path: str, was: Element, here: Element, there: Element
) -> Element:
    """Merges lists of classes, alone or by field: what both sides add at the end is added."""
    if (found := one_sided(was, here, there)) is not None:
        return found.value
    elements = (was, here, there)
    if here is not None and there is not None and here[0] == there[0] == equality.DOCUMENT:
        sides = [fields_of(each) for each in elements]
        names = dict.fromkeys([*sides[1], *sides[2]])
        merged = {
            name: _merge_classes(judge, joined(path, name), *(value(side, name) for side in sides))
            for name in names
        }
        return bytes([equality.DOCUMENT]) + layout.document(kept(sides[1], merged))
    former, ours, theirs = (equality.decode(each) or [] for each in elements)
    size = len(former)
    if (
        equality.same_values(former, ours[:size])
        and equality.same_values(former, theirs[:size])
        # Else a class that both have added has two places
        and [each for each in ours[size:] if each in theirs[size:]]
        == [each for each in theirs[size:] if each in ours[size:]]
    ):
        return merged_sets(was, here, there)
    return judge.settle(ConflictKind.CLASSES, path, *elements)


def _by_key(
    judge: Judge, path: str, depth: int, sides: tuple[Element, Element, Element]
) -> Element:
    if (found := one_sided(*sides)) is not None:
        return found.value
    if depth and None not in sides[1:]:
        fields = [fields_of(each) for each in sides]
        names = dict.fromkeys([*fields[1], *fields[2]])
        merged = {}
        for name in names:
            was, here, there = (value(side, name) for side in fields)
            merged[name] = _by_key(judge, joined(path, name), depth - 1, (was, here, there))
        return bytes([equality.DOCUMENT]) + layout.document(kept(fields[1], merged))
    return judge.settle(ConflictKind.MASK_TARGET, path, *sides)


def _merge_settings(
    merged: MergedDataset, was: Element, here: Element, there: Element, path: str = _SETTINGS
) -> Element:
    """Merges the settings of the App: where both sides have changed one, ours stays."""
    if (found := one_sided(was, here, there)) is not None:
        return found.value
    if here is not None and there is not None and here[0] == there[0] == equality.DOCUMENT:
        fields = [fields_of(each) for each in (was, here, there)]
        inner = {}
        for name in dict.fromkeys([*fields[1], *fields[2]]):
            if name == "_id":
                # FiftyOne gives a clone's colour scheme another one
                continue
            base, ours, theirs = (value(side, name) for side in fields)
            inner[name] = _merge_settings(merged, base, ours, theirs, joined(path, name))
        return bytes([equality.DOCUMENT]) + layout.document(kept(fields[1], inner))
    merged.notes.append(f"Both sides changed {path}: that of the target stays")
    return here
