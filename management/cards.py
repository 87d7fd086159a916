"""Cards: what a version says of itself to those who never see the database."""

from __future__ import annotations

from enum import Enum

import fiftyone.core.dataset as fod

from ..backend.access import Action
from ..backend.cards import card, croissant, markdown
from ..backend.catalog.catalog import Catalog
from ..backend.catalog.record import DatasetSnapshot
from ..backend.errors import InvalidRequestError
from .authorize import acting
from .datasets import name_of, read


class CardFormat(str, Enum):
    """The formats of cards."""

    CROISSANT = "croissant"
    """JSON-LD of Croissant 1.1, the vocabulary of MLCommons, with provenance."""
    MARKDOWN = "markdown"

    __str__ = str.__str__


@acting(Action.LIST)
def export_card(
    dataset_name: str | fod.Dataset,
    snapshot_name: str | DatasetSnapshot,
    card_format: str = "croissant",
) -> str:
    """Returns what a version says of itself, for a catalogue or a README.

    That is its address and the hash of its content, who created it and when, the versions that it
    was made of, its description, tags and fields.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot
        card_format ("croissant"): ``croissant`` for JSON-LD of Croissant 1.1, or ``markdown``

    Returns:
        the text

    Raises:
        ValueError: if there is no such dataset, snapshot or format
        DamagedSnapshotError: if the snapshot is archived, and its archive is gone
    """
    formats = {CardFormat.CROISSANT: croissant.text, CardFormat.MARKDOWN: markdown.text}
    if card_format not in formats:
        raise InvalidRequestError(
            f"There is no format {card_format!r} of cards; there are: {', '.join(formats)}"
        )
    connection, dataset = read(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    record = Catalog(connection).get(dataset.id, name, dataset.name)
    return formats[CardFormat(card_format)](card.of(connection, dataset, record))
