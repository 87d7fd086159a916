"""A sample that the App shows since before a revert is not written over what that put in place."""

from __future__ import annotations

import base64
import warnings
from collections.abc import Callable

import fiftyone as fo
import pytest
from fiftyone.server.routes.sample import SampleRoutes
from starlette.applications import Starlette
from starlette.routing import Route

import fiftyone_snapshots as fos
from support.datasets import image_dataset

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # it would rather have a package that FiftyOne does not bring
    from starlette.testclient import TestClient

NAME = "Füchse"


@pytest.fixture
def app(monkeypatch: pytest.MonkeyPatch) -> TestClient:
    """The routes by which annotation saves, without a cache, as in FiftyOne's server."""
    monkeypatch.setattr(fo.config, "singleton_cache", False)
    return TestClient(Starlette(routes=[Route(path, route) for path, route in SampleRoutes]))


def seen(dataset: fo.Dataset) -> dict[str, str]:
    """The version of the first sample that the App would show now."""
    stored = dataset._sample_collection.find_one({"_id": dataset.first()._id})
    time = base64.b64encode(stored["last_modified_at"].isoformat().encode()).decode()
    return {"If-Match": f'"{time}"'}


def patch(app: TestClient, dataset: fo.Dataset, version: dict[str, str], value: str) -> int:
    """Edits the first sample as the App's annotation does; returns the status."""
    answer = app.patch(
        f"/dataset/{dataset._doc.id}/sample/{dataset.first().id}",
        json=[{"op": "replace", "path": "/weather/label", "value": value}],
        headers={"Content-Type": "application/json-patch+json", **version},
    )
    return answer.status_code


def test_edits_of_what_was_seen_before_are_refused(app: TestClient) -> None:
    dataset = image_dataset(NAME, 2, persistent=True)
    fos.create_snapshot(NAME, "v1")
    ids = dataset.values("id")
    verbs: dict[str, Callable[[], object]] = {
        "revert": lambda: fos.revert_dataset_to_snapshot(NAME, "v1"),
        "undo": lambda: fos.undo_revert(NAME),
        "restore samples": lambda: fos.restore_samples(NAME, "v1", ids),
        "restore a field": lambda: fos.restore_samples(NAME, "v1", ids, fields="weather"),
    }
    for verb, act in verbs.items():
        assert patch(app, dataset, seen(dataset), verb) == 200, verb
        before = seen(dataset)
        act()
        dataset = fo.load_dataset(NAME)
        here = dataset._sample_collection.find_one({"_id": dataset.first()._id})
        assert patch(app, dataset, before, "forged") == 412, verb
        assert dataset._sample_collection.find_one({"_id": here["_id"]}) == here, verb
    # Who looks again can go on
    assert patch(app, dataset, seen(dataset), "new") == 200
    assert fo.load_dataset(NAME).first().weather.label == "new"
