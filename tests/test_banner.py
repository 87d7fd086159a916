"""What the banner of an open snapshot says and does, and what stays on screen across versions."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import pytest
from fiftyone import ViewField as F
from fiftyone.operators.executor import ExecutionError

import fiftyone_snapshots as fos
from support.datasets import image_dataset
from support.operators import PLUGIN, execute, triggered
from support.panel import Panel

pytestmark = pytest.mark.usefixtures("installed_plugin")


@pytest.fixture
def opened() -> str:
    """The second of two snapshots, open; the first sample is in the first one only."""
    dataset = image_dataset("street", persistent=True)
    fos.create_snapshot(dataset, "v 1")
    dataset.delete_samples(dataset.first().id)
    fos.create_snapshot(dataset, "v2")
    fos.load_snapshot(dataset, "v 1")
    return str(fos.load_snapshot(dataset, "v2").name)


def use(opened: str, value: str, **on_screen: Any) -> list[tuple[str, dict[str, Any]]]:
    return triggered("use_banner", opened, on_screen=on_screen, value=value)


def test_it_says_what_is_open_and_offers_what_the_list_offers(opened: str) -> None:
    told = execute("describe_banner", opened)
    assert (told["snapshot"], told["dataset"]) == ("v2", "street")
    assert told["link"] == "street?snapshot=v2"
    assert [each["name"] for each in told["snapshots"]] == ["v2", "v 1"]
    assert [choice["value"] for choice in told["menu"]] == Panel(opened).menu(0)
    assert execute("describe_banner", "street") == {"snapshot": None}


def test_it_does_what_is_clicked(opened: str) -> None:
    assert use(opened, "back") == [("open_dataset", {"dataset": "street"})]
    assert use(opened, "open/v 1") == [("open_dataset", {"dataset": "street@v 1"})]
    [(operator, params)] = use(opened, "compare_previous/v 1/v2")
    assert operator == f"{PLUGIN}/show_comparison"
    assert params["versions"] == {"before": "v 1", "after": "v2", "dataset": "street"}
    [(operator, params)] = use(opened, "delete/v2")
    assert params["operator_uri"] == f"{PLUGIN}/delete_snapshot"
    assert use(opened, "pin/v2") == []
    info = fos.get_snapshot_info("street", "v2")
    assert info is not None
    assert info.is_pinned
    for value in ("nonsense", "", None):
        with pytest.raises(ExecutionError, match="The banner has no"):
            execute("use_banner", opened, value=value)


def test_what_is_on_screen_stays_as_far_as_it_exists(opened: str) -> None:
    dataset, snapshot = fo.load_dataset("street"), fo.load_dataset(opened)
    view = snapshot.match(F("ground_truth.detections").length() > 0)._serialize()
    filters = {"ground_truth.detections.label": {"values": ["cat"]}, "gone": {"values": [1]}}
    [(operator, kept)] = use(opened, "back", view=view, filters=filters)
    assert operator == f"{PLUGIN}/open_view"
    assert (kept["dataset"], kept["view"]) == ("street", view)
    assert list(kept["filters"]) == ["ground_truth.detections.label"]

    # A view that does not fit does not stay in part
    dataset.add_sample_field("new", fo.StringField)
    fields = dataset.limit(2).select_fields("new")._serialize()
    assert triggered("browse_snapshot", "street", on_screen={"view": fields}, name="v2") == [
        ("open_dataset", {"dataset": opened})
    ]

    # The App fails if the sample that is open is not there
    first = fo.load_dataset("street@v 1").first().id
    for sample, closes in ((first, True), (dataset.first().id, False)):
        asked = triggered("back_to_latest", "street@v 1", on_screen={"current_sample": sample})
        assert [name for name, _ in asked] == [
            *(["close_sample"] if closes else []),
            "open_dataset",
        ]
