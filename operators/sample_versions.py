"""What became of one sample in the versions of its dataset: for the panel in its window."""

from __future__ import annotations

import threading
from collections import Counter, OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from fiftyone.operators.executor import ExecutionContext

from .. import management
from ..backend.catalog import names
from ..backend.diff import SampleDifference
from ..backend.diff.drawing import Drawing, How, draw
from ..backend.diff.records import Kind
from ..backend.diff.tracing import HistoryStep, SampleHistory
from ..backend.errors import InvalidRequestError, SnapshotError
from .base import Target
from .compare import HEAD
from .pictures import Picture, picture_of
from .plain import utc
from .words import MINUS, ago, exact, plural

LOOKED_AT = 20
"""Snapshots that are looked at, until somebody wants to see older ones."""

_KEPT = 16
"""Samples that are remembered, so that choosing versions of one costs nothing."""

_MOST_FIELDS = 2

_known: OrderedDict[tuple[str, str], SampleVersions] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True)
class Entry:
    """A version in which the sample is another one than before."""

    version: str
    """The name of a snapshot, or :data:`.compare.HEAD`."""
    step: HistoryStep
    is_open: bool
    difference: SampleDifference
    """What differs from the entry before."""

    def to_dict(self) -> dict[str, Any]:
        """Returns it as plain data, for the App's script."""
        time = self.step.created_at
        return {
            "version": self.version,
            "label": "Current dataset" if self.version == HEAD else self.version,
            "is_open": self.is_open,
            "when": "as it is now" if time is None else ago(time),
            "time": None if time is None else utc(time).isoformat(),
            "exact": None if time is None else exact(time),
            "who": None if time is None else f"by {self.step.created_by or 'unknown'}",
            "said": _said(self.step, draw(self.difference)),
        }


@dataclass(frozen=True)
class SampleVersions:
    """The versions of a sample, oldest first."""

    target: Target
    sample_id: str
    entries: tuple[Entry, ...]
    newest: int
    """How many snapshots were looked at, at the most."""
    earlier: int
    """How many earlier ones were not."""
    archived: tuple[str, ...]
    """The snapshots that were not looked at because they are in the archive."""
    _differences: dict[tuple[str, str], SampleDifference] = field(default_factory=dict)

    def picked(self, picks: Sequence[str]) -> tuple[Entry, Entry] | None:
        """Returns which two versions are shown.

        Args:
            picks: the versions that somebody has picked: two, one to be seen beside the current
                dataset, or none for what changed last

        Returns:
            them in their order, or None if there is only one
        """
        last = len(self.entries) - 1
        places = sorted({i for i, each in enumerate(self.entries) if each.version in picks})
        if len(places) == 1:
            places = sorted({*places, last})
        if not places:
            places = self._without_picks()
        if len(places) == 1:
            places = [places[0] - 1, *places]
        if last < 1:
            return None
        return self.entries[places[0]], self.entries[places[-1]]

    def _without_picks(self) -> list[int]:
        last = len(self.entries) - 1
        of_snapshot = [i for i, each in enumerate(self.entries) if each.is_open and i != last]
        if of_snapshot:
            return [of_snapshot[0], last]
        changed = [i for i, each in enumerate(self.entries) if i and each.step.kind is not None]
        return [changed[-1] if changed else last]

    def picture(self, before: Entry, after: Entry) -> Picture:
        """Returns the sample in two versions.

        Args:
            before: the older one
            after: the newer one

        Returns:
            the picture

        Raises:
            SnapshotError: if a version is gone
        """
        return picture_of(
            self._difference(before, after), after.step.filepath, before.step.filepath
        )

    def _difference(self, before: Entry, after: Entry) -> SampleDifference:
        if self.entries.index(after) - self.entries.index(before) == 1:
            return after.difference
        key = before.version, after.version
        if key not in self._differences:
            newer = names.HEAD if after.version == HEAD else after.version
            self._differences[key] = management.diff_sample(
                self.target.dataset, self.sample_id, before.version, newer
            )
        return self._differences[key]


def recall(ctx: ExecutionContext, sample_id: str) -> SampleVersions | None:
    """Returns what is known of a sample of the dataset that is open, or None."""
    with _lock:
        return _known.get((str(ctx.dataset_name), sample_id))


def forget(ctx: ExecutionContext, sample_id: str) -> None:
    """Has a sample of the dataset that is open looked at anew."""
    with _lock:
        _known.pop((str(ctx.dataset_name), sample_id), None)


def look(ctx: ExecutionContext, sample_id: str, newest: int) -> SampleVersions:
    """Looks at the versions of a sample of the dataset that is open, and remembers them.

    Args:
        ctx: the context of a panel
        sample_id: the sample
        newest: how many snapshots to look at, at the most

    Returns:
        the versions

    Raises:
        SnapshotError: if there is none
    """
    target = Target.of(ctx)
    try:
        history = _history(target, sample_id, newest)
    except SnapshotError:
        # Patches, frames and clips are parts of samples
        view = ctx.view
        if not getattr(view, "_is_generated", False):
            raise
        history = _history(target, str(view[sample_id].sample_id), newest)
    found = SampleVersions(
        target,
        history.sample_id,
        tuple(_entries(target, history)),
        newest,
        history.earlier,
        history.archived,
    )
    with _lock:
        _known[str(ctx.dataset_name), sample_id] = found
        while len(_known) > _KEPT:
            _known.popitem(last=False)
    return found


def _history(target: Target, sample_id: str, newest: int) -> SampleHistory:
    return management.sample_history(target.dataset, sample_id, newest=newest, archived=False)


def _entries(target: Target, history: SampleHistory) -> list[Entry]:
    found = []
    for number, step in enumerate(history.steps):
        is_head = number == len(history.steps) - 1
        is_open = step.version == target.snapshot or (is_head and target.snapshot is None)
        # The first one is what the next change is seen beside
        is_first = number == 0 and step.exists
        if step.kind is not None or is_head or is_open or is_first:
            difference = SampleDifference(history.sample_id, step.kind, step.fields)
            found.append(Entry(HEAD if is_head else step.version, step, is_open, difference))
    return found


def _said(step: HistoryStep, drawing: Drawing) -> list[dict[str, str]]:
    """Returns what changed in short, each with how it is coloured."""
    if step.kind is None:
        return [_part("unchanged" if step.exists else "not in this version")]
    if step.kind is not Kind.CHANGED:
        how = How.ADDED if step.kind is Kind.ADDED else How.REMOVED
        return [_part(f"sample {step.kind}", how)]
    counts = Counter(how for change in drawing.changes for how in change.how)
    signs: Mapping[How, str] = {How.ADDED: "+", How.REMOVED: MINUS}
    said = [
        _part(
            f"{signs[how]}{number:,}" if how in signs else f"{number:,} {how}",
            how,
            f"{plural(number, 'label')} {how}",
        )
        for how in How
        if (number := counts[how])
    ]
    fields = [other.partition(":")[0] for other in drawing.others]
    if fields:
        more = f" and {len(fields) - _MOST_FIELDS} more" if len(fields) > _MOST_FIELDS else ""
        said.append(_part(", ".join(fields[:_MOST_FIELDS]) + more, hint=", ".join(fields)))
    return said


def _part(text: str, how: How | None = None, hint: str = "") -> dict[str, str]:
    return {"text": text, "how": "" if how is None else how.value, "hint": hint}


def undrawn(picture: Picture) -> list[str]:
    """Returns what of a sample's differences is told and not drawn, in sentences."""
    said = []
    if not picture.is_image:
        said.append("No picture is drawn of this kind of media: what changed is told in words.")
    shapes = [
        shape for change in picture.drawing.changes for shape in (change.before, change.after)
    ]
    notes = {shape.note for shape in shapes if shape is not None and shape.note}
    known = {"mask": "Masks", "map": "Heatmaps", "3D": "3D boxes"}
    if picture.is_image and (found := [known[note] for note in known if note in notes]):
        said.append(f"{' and '.join(found)} are named, not drawn.")
    if any(change.frame is not None for change in picture.drawing.changes):
        said.append("Changes in frames are told by the number of the frame.")
    return said


def open_sample(ctx: ExecutionContext) -> str:
    """Returns the sample that is open; of a group, the one that the grid shows.

    Args:
        ctx: the context of an operator or panel

    Returns:
        its id

    Raises:
        InvalidRequestError: if none is
    """
    if not ctx.current_sample:
        raise InvalidRequestError("Open a sample first: its history is shown beside it")
    return str(ctx.current_sample)
