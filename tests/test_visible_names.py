"""Snapshots loaded by the name that FiftyOne shows them under, such as ``digits@v1``."""

from __future__ import annotations

import fiftyone as fo
import fiftyone.core.dataset as fod
import fiftyone.core.odm as foo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.errors import InvalidRequestError, SnapshotReadOnlyError
from support.datasets import image_dataset


def test_one_that_nobody_has_opened_is_opened() -> None:
    dataset = image_dataset("digits", persistent=True)
    fos.create_snapshot(dataset, "v1")
    dataset.clear()
    snapshot = fo.load_dataset("digits@v1")
    assert len(snapshot) == 10
    with pytest.raises(SnapshotReadOnlyError):
        snapshot.clear()
    fos.create_snapshot(dataset, "v2")
    assert len(foo.load_dataset(name="digits@v2")) == 0
    fos.create_snapshot(dataset, "v3")
    assert fo.load_dataset("digits@v3", create_if_necessary=True, reload=True).name == "digits@v3"


def test_names_may_contain_the_sign_themselves() -> None:
    for name, size in (("a", 1), ("a@b", 2), ("x", 3)):
        image_dataset(name, size, persistent=True)
    fos.create_snapshot("a@b", "c")
    fos.create_snapshot("x", "y@z")
    assert len(fo.load_dataset("a@b@c")) == 2
    assert len(fo.load_dataset("x@y@z")) == 3
    fos.create_snapshot("a", "b@d")
    fos.create_snapshot("a@b", "d")
    with pytest.raises(InvalidRequestError, match=r"load_dataset\('a', 'b@d'\)"):
        fo.load_dataset("a@b@d")
    assert len(fo.load_dataset("a", "b@d")) == 1


def test_a_dataset_that_is_really_called_so_comes_first() -> None:
    fos.create_snapshot(image_dataset("digits", 3, persistent=True), "v1")
    image_dataset("digits@v1", 5, persistent=True)
    assert len(fo.load_dataset("digits@v1")) == 5
    assert len(fo.load_dataset("digits", "v1")) == 3
    assert len(fo.load_dataset("digits@v1 (2)")) == 3
    assert len(fo.load_dataset("digits@new", create_if_necessary=True)) == 0


@pytest.mark.parametrize("name", ["digits@v2", "others@v1", "digits@", "@v1", "@", "digits@trash"])
def test_unknown_names_are_fiftyone_s_own_error(name: str) -> None:
    dataset = image_dataset("digits", persistent=True)
    fos.create_snapshot(dataset, "v1")
    fos.create_snapshot(dataset, "trash")
    fos.delete_snapshot(dataset, "trash")
    with pytest.raises(fod.DatasetNotFoundError, match=f"Dataset {name} not found"):
        fo.load_dataset(name)
