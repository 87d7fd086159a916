"""What MLflow knows versions by: the source, and the dataset, that a run can log.

Outside the package, because MLflow imports it by its entry point whenever it is itself imported:
it must not take the seconds with it that FiftyOne needs. The package comes when a version is
opened.
"""

from __future__ import annotations

import importlib
import json
from typing import Any

from mlflow.data.dataset import Dataset
from mlflow.data.dataset_source import DatasetSource

_SCHEME = "fiftyone-snapshots:"


class SnapshotSource(DatasetSource):
    """A version of a FiftyOne dataset.

    Args:
        uri: the address of the snapshot, without names
    """

    TYPE = "fiftyone_snapshots"

    def __init__(self, uri: str) -> None:
        self.uri = uri

    @staticmethod
    def _get_source_type() -> str:
        return SnapshotSource.TYPE

    def load(self) -> Any:
        """Opens the version.

        Returns:
            the snapshot, as a read-only :class:`fiftyone.core.dataset.Dataset`
        """
        return importlib.import_module("fiftyone_snapshots").open_snapshot_uri(self.uri)

    @staticmethod
    def _can_resolve(raw_source: Any) -> bool:
        return isinstance(raw_source, str) and raw_source.startswith(_SCHEME)

    @classmethod
    def _resolve(cls, raw_source: str) -> SnapshotSource:
        return cls(raw_source)

    def to_dict(self) -> dict[str, Any]:
        """Returns what MLflow keeps of it."""
        return {"uri": self.uri}

    @classmethod
    def from_dict(cls, source_dict: dict[Any, Any]) -> SnapshotSource:
        """Returns the source of which MLflow has kept this.

        Args:
            source_dict: what :meth:`to_dict` returned
        """
        return cls(source_dict["uri"])


class SnapshotDataset(Dataset):
    """A version of a FiftyOne dataset, for ``mlflow.log_input()``.

    Args:
        uri: the address of the snapshot, without names
        name: what MLflow shows
        digest: what versions of the same content, and no others, have in common
        sample_count: how many samples it has
    """

    def __init__(self, uri: str, name: str, digest: str, sample_count: int) -> None:
        self._content = digest
        self._sample_count = sample_count
        super().__init__(SnapshotSource(uri), name)

    def _compute_digest(self) -> str:
        return self._content

    @property
    def profile(self) -> dict[str, int]:
        """What MLflow shows of the content."""
        return {"num_samples": self._sample_count}

    @property
    def schema(self) -> None:
        """Nothing: MLflow's schemas are of tables and tensors."""
        return

    def to_dict(self) -> dict[str, str]:
        """Returns what MLflow keeps of it."""
        return {**super().to_dict(), "profile": json.dumps(self.profile)}
