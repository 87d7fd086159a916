"""A dataset that is made from what FiftyOne has stored is what FiftyOne makes."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

from support.datasets import grouped_dataset, image_dataset, point_cloud_dataset, video_dataset
from support.full import Document


@pytest.mark.parametrize(
    "build", [image_dataset, video_dataset, point_cloud_dataset, grouped_dataset]
)
def test_it_is_what_fiftyone_makes(
    build: Callable[..., fo.Dataset], database: Database[Document]
) -> None:
    built = build.__wrapped__("built", 2)  # type: ignore[attr-defined]
    assert build("first", 2).media_type == built.media_type
    made = build("made", 2)
    assert made.count() == built.count()
    assert made.get_field_schema(flat=True).keys() == built.get_field_schema(flat=True).keys()
    assert _stored(database, "made") == _stored(database, "built")
    now = datetime.now(timezone.utc).replace(tzinfo=None)
    assert built.last_modified_at < made.last_modified_at <= now
    assert not set(made.values("id")) & set(built.values("id"))


def _stored(database: Database[Document], name: str) -> Any:
    """Returns what is stored of a dataset, without names, and with numbers for ids."""
    document = database["datasets"].find_one({"name": name})
    assert document is not None
    parts = [
        (list(database[each].find()), database[each].index_information())
        for part in ("sample", "frame")
        if (each := document.pop(f"{part}_collection_name", None))
    ]
    ids: dict[ObjectId, int] = {}

    def plain(value: Any) -> Any:
        if isinstance(value, dict):
            return {key: plain(each) for key, each in value.items() if key != "_rand"}
        if isinstance(value, (list, tuple)):
            return [plain(each) for each in value]
        if isinstance(value, ObjectId):
            return ids.setdefault(value, len(ids))
        return "a time" if isinstance(value, datetime) else value

    return plain([{**document, "name": None, "slug": None}, parts])
