"""Renaming, describing and tagging a snapshot; its contents never change."""

from __future__ import annotations

from dataclasses import replace

from pymongo.database import Database

from ..actions import Action
from ..catalog import names
from ..catalog.catalog import Catalog
from ..catalog.record import DatasetSnapshot
from ..dataset.reference import DatasetReference
from ..errors import InvalidRequestError
from ..mongo.database import Document
from ..operations.journal import Operation, operation, recovers
from . import info

KEEP = "\0keep"
"""Stands for a description that stays as it is; no description contains it."""


def edit(
    database: Database[Document],
    dataset: DatasetReference,
    name: str,
    new_name: str | None = None,
    description: str | None = KEEP,
    add_tags: tuple[str, ...] = (),
    remove_tags: tuple[str, ...] = (),
) -> DatasetSnapshot:
    """Changes what a snapshot is called and what is said about it.

    The name under which FiftyOne has loaded it changes at its next load.

    Args:
        database: the database
        dataset: the dataset
        name: the snapshot
        new_name (None): its new name, if it is to have one
        description: its new description, None for none
        add_tags (()): valid tags that it is to have
        remove_tags (()): tags that it is not to have

    Returns:
        the snapshot

    Raises:
        SnapshotNotFoundError: if there is no such snapshot
        InvalidNameError: if the new name cannot be used
        DuplicateNameError: if the new name or its slug is in use
    """
    catalog = Catalog(database)
    if new_name is not None:
        names.validate(new_name)
        record = catalog.get(dataset.id, name, dataset.name)
        if record.is_safety:
            raise InvalidRequestError(
                f"'{name}' is a safety snapshot, and keeps its name. Pin it to keep it, or make a "
                "branch of it"
            )
        catalog.check_name(dataset.id, new_name, renamed=record.id)
    with operation(
        database, dataset.id, Action.EDIT, snapshot_of=dataset.name, snapshot_name=name
    ) as running:
        record = running.snapshot
        changes: Document = {}
        if new_name is not None and new_name != record.name:
            catalog.check_name(dataset.id, new_name, renamed=record.id)
            changes.update(name=new_name, slug=names.slug(new_name))
        if description != KEEP:
            changes["description"] = description
        kept = [tag for tag in record.tags if tag not in remove_tags]
        tags = list(dict.fromkeys([*kept, *add_tags]))
        if tags != list(record.tags):
            changes["tags"] = tags
        with running.decided(snapshot_id=record.id, changes=changes):
            if changes:
                catalog.update(record.id, **changes)
        running.complete()
        return info.public(database, replace(record, **{**changes, "tags": tuple(tags)}))


@recovers(Action.EDIT)
def _recover(running: Operation) -> None:
    """Tells whether the one write was made; there is nothing else to undo or finish."""
    if "changes" not in running.details:
        return
    record = Catalog(running.database).by_id(running.details["snapshot_id"])
    wanted = running.details["changes"]
    if record is not None and wanted.items() <= record.to_document().items():
        running.commit()
