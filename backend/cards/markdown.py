"""Cards in Markdown, for people: for a README, a model card or a merge request."""

from __future__ import annotations

import re
from collections.abc import Iterable

from ..results.times import shown
from .card import Card


def text(card: Card) -> str:
    """Returns a card in Markdown.

    Args:
        card: what there is to tell
    """
    facts = [
        ("dataset", _plain(card.dataset_name)),
        ("snapshot", _plain(card.snapshot_name)),
        ("samples", f"{card.sample_count} ({_plain(card.media_type or 'no media')})"),
        ("created", f"{shown(card.created_at, seconds=True)}{_by(card)}"),
        ("tags", ", ".join(map(_plain, card.tags))),
        ("address", _code(card.uri)),
        ("content", _code(card.content)),
        *(("made of", f"{_plain(parent.name)}, {_code(parent.uri)}") for parent in card.parents),
    ]
    fields = [(_plain(field.path), _plain(field.type), _plain(field.description or ""))
              for field in card.fields]  # fmt: skip
    return "\n\n".join(
        [
            f"# {_plain(card.dataset_name)}, {_plain(card.snapshot_name)}",
            _plain(card.description),
            _table(("", ""), [fact for fact in facts if fact[1]]),
            "## Fields",
            _table(("field", "type", "description"), fields),
        ]
    )


def _by(card: Card) -> str:
    return f" by {_plain(card.created_by)}" if card.created_by else ""


def _table(headings: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [headings, ("---",) * len(headings), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _plain(text: str) -> str:
    """Returns what anybody may have written as one line that Markdown takes for nothing else."""
    return re.sub(r"([\\`*_\[\]<>|#~!])", r"\\\1", " ".join(text.split()))


def _code(text: str) -> str:
    return f"`{text}`"
