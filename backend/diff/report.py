"""Differences as text that a person can read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import TYPE_CHECKING

from ..catalog.names import HEAD
from ..results.serialize import plain
from ..results.tables import align
from .records import FieldChanges, ItemChange, Kind, LabelChanges

if TYPE_CHECKING:
    from .result import DatasetDiff

_MOST = 10
"""Lines of a kind that are shown; the record has them all."""

_MARKS = {
    Kind.ADDED: "+",
    Kind.REMOVED: "-",
    Kind.CHANGED: "~",
    Kind.RENAMED: ">",
    Kind.RETYPED: "~",
}


def render(diff: DatasetDiff) -> str:
    """Returns differences as a table."""
    lines = [f"{diff.dataset_name}: {diff.a} -> {diff.b or HEAD}", ""]
    if not diff:
        media = _section("Media", _media(diff))
        return "\n".join([*lines, "No differences", *media, ""])
    lines += _table(("", "before", "after", "added", "deleted", "changed"), _totals(diff))
    sections = (
        ("Fields", _fields(diff.fields.values())),
        ("Labels", _labels(diff)),
        ("Relabelled", _confusion(diff)),
        ("Classes", _classes(diff)),
        ("Tags", _tags(diff)),
        ("Schema", _schema(diff)),
        ("Dataset", _properties(diff)),
        ("Saved views, workspaces, runs", _items(diff.items)),
        ("Media", _media(diff)),
    )
    for title, body in sections:
        lines += _section(title, body)
    return "\n".join([*lines, ""])


def _section(title: str, body: Iterable[str]) -> list[str]:
    shown = list(body)
    return ["", title, *(f"  {line}".rstrip() for line in shown)] if shown else []


def _media(diff: DatasetDiff) -> list[str]:
    return [] if diff.media is None else diff.media.lines()


def _totals(diff: DatasetDiff) -> Iterator[Sequence[object]]:
    yield (
        "samples",
        diff.total_a,
        diff.total_b,
        len(diff.added),
        len(diff.deleted),
        len(diff.changed),
    )
    if (frames := diff.frames) is not None:
        before = frames.total - frames.added + frames.deleted
        yield ("frames", before, frames.total, frames.added, frames.deleted, frames.changed)


def _fields(fields: Iterable[FieldChanges]) -> list[str]:
    rows = [
        (
            field.path,
            field.samples,
            "" if field.frames is None else field.frames,
            field.set,
            field.cleared,
            ", ".join(f"{path} {count:,}" for path, count in list(field.paths.items())[:3])
            or (f"renamed from {field.renamed_from}" if field.renamed_from else ""),
        )
        for field in sorted(fields, key=lambda field: -field.samples)
        if field.samples
    ]
    return _table(("field", "samples", "frames", "set", "cleared", "of which"), rows)


def _labels(diff: DatasetDiff) -> list[str]:
    rows = [
        (
            path,
            label.added,
            label.removed,
            label.changed,
            label.relabelled,
            label.moved,
            ", ".join(
                f"{name} {count:,}"
                for name, count in label.attributes.items()
                if name not in ("label", "bounding_box")
            ),
        )
        for path, label in _changed_labels(diff)
    ]
    header = ("field", "added", "removed", "changed", "relabelled", "moved", "other attributes")
    return _table(header, rows)


def _confusion(diff: DatasetDiff) -> list[str]:
    rows = [
        (path, before, "->", after, count)
        for path, label in _changed_labels(diff)
        for (before, after), count in _largest(label.confusion.items())
    ]
    return _table(("field", "before", "", "after", "labels"), rows)


def _classes(diff: DatasetDiff) -> list[str]:
    rows = [
        (path, name, change.added, change.removed, change.changed, change.joined, change.left)
        for path, label in _changed_labels(diff)
        for name, change in sorted(
            label.classes.items(),
            key=lambda item: (
                -sum(
                    (item[1].added, item[1].removed, item[1].changed, item[1].joined, item[1].left)
                )
            ),
        )[:_MOST]
    ]
    header = ("field", "class", "added", "removed", "changed", "relabelled to", "relabelled from")
    return _table(header, rows)


def _tags(diff: DatasetDiff) -> list[str]:
    rows = [
        (tag, f"+{change.added:,}", f"-{change.removed:,}") for tag, change in diff.tags.items()
    ]
    return _cut(_table(("tag", "samples", ""), rows))


def _schema(diff: DatasetDiff) -> list[str]:
    return _cut(
        [
            f"{_MARKS[change.kind]} {change.path}: {change.kind}"
            + (f" from {change.before}" if change.kind is Kind.RENAMED else "")
            + (f" {change.before} -> {change.after}" if change.kind is Kind.RETYPED else "")
            + (f" ({change.after})" if change.kind is Kind.ADDED else "")
            + (f" ({change.before})" if change.kind is Kind.REMOVED else "")
            for change in diff.schema
        ]
    )


def _properties(diff: DatasetDiff) -> list[str]:
    return _cut(
        [
            f"{change.path}: {_short(change.before)} -> {_short(change.after)}"
            for change in diff.properties
        ]
    )


def _items(items: Iterable[ItemChange]) -> list[str]:
    return _cut(
        [
            f"{_MARKS[change.kind]} {change.item} '{change.name}' {change.kind}"
            + (f": {', '.join(change.details)}" if change.details else "")
            for change in items
        ]
    )


def _changed_labels(diff: DatasetDiff) -> list[tuple[str, LabelChanges]]:
    return [(path, field.labels) for path, field in diff.fields.items() if field.labels]


def _largest(
    counts: Iterable[tuple[tuple[str | None, str | None], int]],
) -> list[tuple[tuple[str | None, str | None], int]]:
    return sorted(counts, key=lambda item: -item[1])[:_MOST]


def _cut(lines: list[str]) -> list[str]:
    hidden = len(lines) - _MOST
    return lines if hidden <= 0 else [*lines[:_MOST], f"... and {hidden:,} more"]


def _short(value: object, length: int = 40) -> str:
    text = repr(plain(value))
    return text if len(text) <= length else text[: length - 3] + "..."


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    """Aligns rows in columns, numbers to the right; columns that are empty are left out."""
    columns = []
    for title, *values in zip(header, *rows, strict=True):
        cells = [_cell(value) for value in values]
        if any(cells):
            numeric = all(isinstance(value, int) or value == "" for value in values)
            columns.append(align([title, *cells], to_the_right=numeric))
    return ["  ".join(line).rstrip() for line in zip(*columns, strict=True)]


def _cell(value: object) -> str:
    if value is None:
        return "(none)"
    return f"{value:,}" if isinstance(value, int) else str(value)
