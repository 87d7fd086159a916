"""What a branch remembers of where it comes from."""

from __future__ import annotations

from datetime import datetime, timezone

import fiftyone as fo
import pytest
from bson import ObjectId
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.branches.record import Branch, branches_of, get_branch, save
from fiftyone_snapshots.backend.dataset.reference import resolve
from support.full import Document


@pytest.fixture
def branch(database: Database[Document]) -> Branch:
    parent, made = (fo.Dataset(name, persistent=True) for name in ("street", "street.night"))
    base = fos.create_snapshot(parent, "v1")
    record = Branch(
        dataset_id=made._doc.id,
        dataset_name="street.night",
        name="night",
        parent_id=parent._doc.id,
        parent_name="street",
        base_snapshot_id=ObjectId(base.id),
        base_snapshot="v1",
        description=None,
        created_at=datetime(2026, 1, 1, tzinfo=timezone.utc).replace(tzinfo=None),
        created_by="ann",
    )
    save(database, record)
    return record


def test_a_branch_is_found_by_its_dataset_and_by_its_parent(
    branch: Branch, database: Database[Document]
) -> None:
    document = database["datasets"].find_one({"name": "street.night"})
    assert document is not None
    assert get_branch(database, document) == get_branch(
        database, resolve(database, "street.night")
    )
    assert get_branch(database, document) == branch
    assert branches_of(database, branch.parent_id) == [branch]
    assert get_branch(database, resolve(database, "street")) is None
    assert branch.to_dict()["parent_id"] == str(branch.parent_id)


def test_a_branch_knows_the_names_of_now(branch: Branch, database: Database[Document]) -> None:
    fo.load_dataset("street").name = "road"
    fo.load_dataset("street.night").name = "dark"
    fos.edit_snapshot("road", "v1", new_name="day")
    found = get_branch(database, resolve(database, "dark"))
    assert found is not None
    assert (found.dataset_name, found.parent_name, found.base_snapshot) == ("dark", "road", "day")
    assert found.name == "night"


def test_a_branch_outlives_its_parent(branch: Branch, database: Database[Document]) -> None:
    fo.delete_dataset("street")
    found = get_branch(database, resolve(database, "street.night"))
    assert found is not None
    assert (found.parent_name, found.base_snapshot) == ("street", "v1")
    assert (found.has_parent, found.has_base) == (False, False)
    fo.delete_dataset("street.night")
    assert branches_of(database, branch.parent_id) == []
    assert database["snapshots.datasets"].count_documents({}) == 0
