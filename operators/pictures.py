"""The changed samples of a comparison, before and after, and which of them are wanted."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fiftyone.core.media as fom
from bson import ObjectId

from ..backend.diff import DatasetDiff, SampleDifference
from ..backend.diff.drawing import Drawing, DrawnChange, How, draw
from ..backend.diff.records import FieldChanges, Kind
from ..backend.errors import SnapshotError
from ..management.comparing import diff_samples
from . import compare
from .plain import plain

AT_ONCE = 10
MOST_LOOKED_AT = 1000
"""Samples that are looked at for a class or a kind of change; a field is known without looking."""

_KEPT = 16

_found: OrderedDict[tuple[Any, ...], list[ObjectId]] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Wanted:
    """Which changes are wanted; None stands for all."""

    field: str | None = None
    label: str | None = None
    """A class, before or after."""
    how: str | None = None
    """One of :class:`How`."""

    @property
    def needs_looking(self) -> bool:
        """Whether each sample has to be looked at."""
        return self.label is not None or self.how is not None

    def fits(self, change: DrawnChange) -> bool:
        """Returns whether a change is wanted."""
        shapes = [shape for shape in (change.before, change.after) if shape is not None]
        return (
            self.field in (None, change.field)
            and (self.label is None or self.label in [shape.name for shape in shapes])
            and (self.how is None or self.how in change.how)
        )


@dataclass(frozen=True)
class Picture:
    """A sample before and after."""

    name: str
    """Of its file."""
    filepath: str | None
    """None if the sample is gone."""
    is_image: bool
    drawing: Drawing
    former_filepath: str | None = None
    """What the file was before, if that was another one."""

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain data, for the App's script."""
        changes = [
            {**plain(change), "said": f"{change.field}: {change.said}".replace(" -> ", " → ")}
            for change in self.drawing.changes
        ]
        others = [said.replace(" -> ", " → ") for said in self.drawing.others]
        if self.drawing.kind is None:
            others.append("the same by now")
        elif not (changes or others):
            others.append(f"{self.drawing.kind} meanwhile")
        absent = {Kind.ADDED: "Before", Kind.REMOVED: "After"}
        return {
            "id": self.drawing.sample_id,
            "name": self.name,
            "filepath": self.filepath,
            "former_filepath": self.former_filepath,
            "absent": self.drawing.kind and absent.get(self.drawing.kind),
            "is_image": self.is_image,
            "changes": changes,
            "others": others,
        }


def matching(diff: DatasetDiff, wanted: Wanted) -> Sequence[ObjectId]:
    """Returns the changed samples that have a wanted change.

    Args:
        diff: the comparison
        wanted: which changes are wanted

    Returns:
        their ids; if each has to be looked at, of the first :data:`MOST_LOOKED_AT` only
    """
    field = None if wanted.field is None else diff.fields.get(wanted.field)
    ids: Sequence[ObjectId] = diff.changed if field is None else field.ids
    if not wanted.needs_looking:
        return ids
    key = (diff.dataset_name, diff.a, diff.b, diff.compared_at, wanted)
    with _lock:
        if key in _found:
            return _found[key]
    differences = diff_samples(diff.dataset_name, ids[:MOST_LOOKED_AT], diff.a, diff.b)
    found = [
        ObjectId(difference.sample_id)
        for difference in differences
        if any(wanted.fits(change) for change in draw(difference).changes)
    ]
    with _lock:
        _found[key] = found
        while len(_found) > _KEPT:
            _found.popitem(last=False)
    return found


def pictures(diff: DatasetDiff, sample_ids: Sequence[ObjectId], wanted: Wanted) -> list[Picture]:
    """Returns samples before and after, with the changes that are wanted.

    Args:
        diff: the comparison
        sample_ids: the samples
        wanted: which changes are wanted

    Returns:
        the pictures, in the order of the samples

    Raises:
        SnapshotError: if a version is gone
    """
    files = _files(diff, sample_ids)
    found = []
    for difference in diff_samples(diff.dataset_name, sample_ids, diff.a, diff.b):
        drawing = draw(difference)
        if wanted != Wanted():
            changes = tuple(change for change in drawing.changes if wanted.fits(change))
            is_drawn = wanted.needs_looking or bool(changes)
            others = () if is_drawn else drawing.others
            drawing = Drawing(drawing.sample_id, drawing.kind, changes, others)
        found.append(_picture(drawing, files.get(drawing.sample_id), _former_file(difference)))
    return found


def picture_of(
    difference: SampleDifference, filepath: str | None, former_filepath: str | None
) -> Picture:
    """Returns one sample before and after.

    Args:
        difference: what differs
        filepath: the sample's media file; None if the sample is gone
        former_filepath: the one before; None if there was no such sample

    Returns:
        the picture
    """
    return _picture(draw(difference), filepath or former_filepath, former_filepath)


def _picture(drawing: Drawing, path: str | None, former_path: str | None) -> Picture:
    name = Path(path).name if path else drawing.sample_id
    is_image = bool(path) and fom.get_media_type(path) == fom.IMAGE
    return Picture(name, path, is_image, drawing, former_path)


def _former_file(difference: SampleDifference) -> str | None:
    paths = (field.before for field in difference.fields if field.path == "filepath")
    return next((path for path in paths if isinstance(path, str)), None)


def classes(diff: DatasetDiff, field: str | None) -> list[str]:
    """Returns the classes of the labels that differ, of one field or of all."""
    fields = _fields(diff, field)
    names = {name for each in fields if each.labels for name in each.labels.classes if name}
    return sorted(names)


def kinds(diff: DatasetDiff, field: str | None) -> list[str]:
    """Returns what has happened to labels, of one field or of all."""
    fields = _fields(diff, field)
    return [how for how in How if any(e.labels and getattr(e.labels, how) for e in fields)]


def _fields(diff: DatasetDiff, field: str | None) -> Iterable[FieldChanges]:
    return [diff.fields[field]] if field is not None else diff.fields.values()


def _files(diff: DatasetDiff, sample_ids: Sequence[ObjectId]) -> dict[str, str]:
    some = compare.only(diff, sample_ids)
    try:
        view = some.changed_view()
    except SnapshotError:
        # The newer version may be in the archive
        view = some.changed_view(before=True)
    ids, paths = view.values(["id", "filepath"])
    return dict(zip(ids, paths, strict=True))
