"""The hooks that we put into FiftyOne: once, and never into one that they do not know."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

from fiftyone_snapshots.backend import guard
from fiftyone_snapshots.backend.errors import UnsupportedFiftyOneError
from fiftyone_snapshots.backend.guard import hooks
from fiftyone_snapshots.backend.maintenance import purge_dataset
from fiftyone_snapshots.management import load_snapshot

ROOT = Path(hooks.__file__).parents[2]


class TestHooks:
    """What we change in FiftyOne."""

    def test_are_installed_once_whatever_the_package_is_called(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def installed() -> list[object]:
            return [hook.found() for hook in hooks.table(load_snapshot, purge_dataset)]

        before = installed()
        guard.install(load_snapshot, purge_dataset)
        assert installed() == before

        spec = importlib.util.spec_from_file_location(
            "another_name",
            ROOT / "__init__.py",
            submodule_search_locations=[str(ROOT)],
        )
        assert spec is not None
        monkeypatch.setitem(sys.modules, "another_name", importlib.util.module_from_spec(spec))
        another = importlib.import_module("another_name.backend.guard")
        try:
            another.install(load_snapshot, purge_dataset)
            assert installed() == before
        finally:
            for name in [name for name in sys.modules if name.startswith("another_name.")]:
                del sys.modules[name]

    def test_say_where_in_fiftyone_they_are(self) -> None:
        for hook in hooks.table(load_snapshot, purge_dataset):
            assert hook.where.startswith(("fiftyone/", "pymongo."))
            assert hook.is_installed()

    @pytest.mark.parametrize(
        "other",
        [
            lambda self, sample_ids: self._save(),
            lambda self, sample_collection, saved_view, reload: sample_collection,
            None,
        ],
        ids=["other arguments", "other lines", "gone"],
    )
    def test_refuse_a_fiftyone_that_they_do_not_know(
        self, other: Callable[..., Any] | None, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        if other is None:
            monkeypatch.delattr(fo.ToPatches, "load_view")
            monkeypatch.setattr(hooks.fost.ViewStage, "load_view", None)
        else:
            monkeypatch.setattr(fo.ToPatches, "load_view", other)
        with pytest.raises(UnsupportedFiftyOneError, match=r"supports FiftyOne .*stages\.py:8168"):
            hooks.check(hooks.table(load_snapshot, purge_dataset))

    def test_refuse_a_version_that_was_not_tried(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(hooks.foc, "VERSION", "1.99.0")
        with pytest.raises(UnsupportedFiftyOneError, match=r"its version is 1\.99\.0"):
            hooks.check(hooks.table(load_snapshot, purge_dataset))
