"""Differences as figures."""

from __future__ import annotations

from typing import TYPE_CHECKING

import plotly.graph_objects as go

from .records import FieldChanges

if TYPE_CHECKING:
    from .result import DatasetDiff

_MOST_CLASSES = 30
"""Classes that fit into a figure: those with the most changes."""

_KINDS = {
    "added": ("added", "#2ca02c"),
    "removed": ("removed", "#d62728"),
    "joined": ("relabelled to", "#1f77b4"),
    "left": ("relabelled from", "#9467bd"),
    "changed": ("changed otherwise", "#ff7f0e"),
}


def figures(diff: DatasetDiff) -> dict[str, go.Figure]:
    """Draws differences.

    Args:
        diff: the differences

    Returns:
        the figures by name; without labels that changed, only the sizes of the versions
    """
    drawn: dict[str, go.Figure] = {}
    fields = [field for field in diff.fields.values() if field.labels]
    if fields:
        drawn["classes"] = _classes(fields)
    if any(field.labels and field.labels.confusion for field in fields):
        drawn["confusion"] = _confusion(fields)
    drawn["versions"] = _versions(diff)
    return drawn


def _classes(fields: list[FieldChanges]) -> go.Figure:
    """Draws what happened to the labels of each class."""
    totals: dict[str, dict[str, int]] = {}
    for field in fields:
        for name, changes in field.labels.classes.items() if field.labels else ():
            label = _class_name(name, field, several=len(fields) > 1)
            totals[label] = {kind: getattr(changes, kind) for kind in _KINDS}
    names = sorted(totals, key=lambda name: -sum(totals[name].values()))[:_MOST_CLASSES]
    bars = [
        go.Bar(
            name=title,
            y=names,
            # What a class lost is drawn to the left
            x=[totals[name][kind] * (-1 if kind in ("removed", "left") else 1) for name in names],
            orientation="h",
            marker_color=colour,
        )
        for kind, (title, colour) in _KINDS.items()
        if any(totals[name][kind] for name in names)
    ]
    figure = go.Figure(bars)
    figure.update_layout(
        title="Labels by class", barmode="relative", xaxis_title="labels", yaxis_title="class"
    )
    figure.update_yaxes(autorange="reversed", type="category")
    return figure


def _confusion(fields: list[FieldChanges]) -> go.Figure:
    """Draws which class became which."""
    counts: dict[tuple[str, str], int] = {}
    for field in fields:
        for (before, after), count in field.labels.confusion.items() if field.labels else ():
            was, is_ = (
                _class_name(name, field, several=len(fields) > 1) for name in (before, after)
            )
            counts[was, is_] = counts.get((was, is_), 0) + count
    befores, afters = (_most_frequent(counts, place) for place in (0, 1))
    figure = go.Figure(
        go.Heatmap(
            x=afters,
            y=befores,
            z=[[counts.get((before, after), 0) for after in afters] for before in befores],
            texttemplate="%{z}",
            colorscale="Blues",
        )
    )
    figure.update_layout(title="Relabelled", xaxis_title="after", yaxis_title="before")
    figure.update_xaxes(type="category")
    figure.update_yaxes(autorange="reversed", type="category")
    return figure


def _versions(diff: DatasetDiff) -> go.Figure:
    """Draws how large the versions are."""
    names = [version.name for version in diff.versions]
    figure = go.Figure(
        [
            go.Bar(name="samples", x=names, y=[version.samples for version in diff.versions]),
            go.Scatter(
                name="MB",
                x=names,
                y=[version.size_bytes / 1e6 for version in diff.versions],
                yaxis="y2",
                mode="lines+markers",
            ),
        ]
    )
    figure.update_layout(
        title="Versions",
        yaxis_title="samples",
        yaxis2={"title": "MB", "overlaying": "y", "side": "right", "rangemode": "tozero"},
    )
    figure.update_xaxes(type="category")
    return figure


def _most_frequent(counts: dict[tuple[str, str], int], place: int) -> list[str]:
    totals: dict[str, int] = {}
    for pair, count in counts.items():
        totals[pair[place]] = totals.get(pair[place], 0) + count
    return sorted(totals, key=lambda name: (-totals[name], name))[:_MOST_CLASSES]


def _class_name(name: str | None, field: FieldChanges, *, several: bool) -> str:
    shown = "(none)" if name is None else name
    return f"{shown} ({field.path})" if several else shown
