"""The delta backend fulfils the contract, on every kind of dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fiftyone_snapshots.backend.storage.delta import DeltaBackend
from fiftyone_snapshots.testing.backend_contract import BackendContract
from support.datasets import grouped_dataset, image_dataset, point_cloud_dataset, video_dataset

if TYPE_CHECKING:
    import fiftyone as fo


class TestDeltaBackend(BackendContract):
    backend_class = DeltaBackend

    @pytest.fixture(params=[image_dataset, video_dataset, grouped_dataset, point_cloud_dataset])
    def dataset(self, request: pytest.FixtureRequest) -> fo.Dataset:
        return request.param("contract", persistent=True)
