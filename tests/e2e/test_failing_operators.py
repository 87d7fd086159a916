"""What a dialog says when what it was asked to do fails."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from playwright.sync_api import expect

import fiftyone_snapshots as fos
from support.browser import App

if TYPE_CHECKING:
    import fiftyone as fo
    from pymongo.database import Database

pytestmark = pytest.mark.e2e


def test_the_message_is_there_as_a_whole(
    dataset: fo.Dataset, app: App, database: Database[dict[str, Any]]
) -> None:
    fos.create_snapshot(dataset, "v1")
    for name in database.list_collection_names(filter={"name": {"$regex": "masters.*samples$"}}):
        database[name].update_one({}, {"$set": {"filepath": "/somewhere/else.png"}})
    app.open("digits")
    app.open_history()
    app.choose("v1", "Clone to a new dataset")
    app.dialog.get_by_role("textbox").first.fill("copy")
    app.confirm("Clone")
    expect(app.dialog).to_contain_text("Snapshot 'v1' is damaged")
    expect(app.dialog).to_contain_text("other snapshots can still be used.")
    expect(app.dialog).not_to_contain_text("Error occurred during operator execution")
