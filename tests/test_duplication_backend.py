"""The duplication backend fulfils the contract, on every kind of dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fiftyone_snapshots.backend.errors import InvalidSettingError
from fiftyone_snapshots.backend.storage import registry
from fiftyone_snapshots.backend.storage.duplication import DuplicationBackend
from fiftyone_snapshots.testing.backend_contract import BackendContract
from support.datasets import grouped_dataset, image_dataset, point_cloud_dataset, video_dataset

if TYPE_CHECKING:
    import fiftyone as fo


class TestDuplicationBackend(BackendContract):
    backend_class = DuplicationBackend

    @pytest.fixture(params=[image_dataset, video_dataset, grouped_dataset, point_cloud_dataset])
    def dataset(self, request: pytest.FixtureRequest) -> fo.Dataset:
        return request.param("contract", persistent=True)


def test_is_found_by_name(database):
    assert isinstance(registry.create("duplication", database), DuplicationBackend)
    assert "duplication" in registry.names()


def test_an_unknown_backend_names_the_known_ones(database):
    with pytest.raises(InvalidSettingError, match=r"no snapshot backend 'git'.*duplication"):
        registry.create("git", database)


def test_other_packages_provide_backends_by_entry_point(database, tmp_path, monkeypatch):
    """A distribution that is only files on the path, as an installed one is."""
    (tmp_path / "other_backend.py").write_text(
        "from fiftyone_snapshots.backend.storage.duplication import DuplicationBackend\n"
        "class Other(DuplicationBackend):\n    name = 'other'\n"
    )
    metadata = tmp_path / "other_backend-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text(
        "Metadata-Version: 2.1\nName: other-backend\nVersion: 1.0\n"
    )
    (metadata / "entry_points.txt").write_text(
        "[fiftyone_snapshots.backends]\nother = other_backend:Other\n"
    )
    monkeypatch.syspath_prepend(tmp_path)

    assert registry.create("other", database).name == "other"
    assert "other" in registry.names()
