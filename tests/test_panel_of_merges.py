"""Merges in the App: the banner, the page of a merge, and the operators behind them."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from support.counting import COMMANDS
from support.datasets import image_dataset
from support.operators import PLUGIN, execute, form, problems, triggered
from support.panel import Panel, happen

pytestmark = pytest.mark.usefixtures("installed_plugin")

STREET, NIGHT = "street", "street.night"

#: The most that a rendering of a merge's page sends: the panel's, and one conflict with its file.
RENDERING = 12


def label(name: str, number: int, value: str) -> None:
    sample = fo.load_dataset(name, reload=True).skip(number).first()
    sample["weather"].label = value
    sample.save()


@pytest.fixture
def street() -> fo.Dataset:
    """Three conflicts of two classes, and a clean change."""
    dataset = image_dataset(STREET, 6, persistent=True)
    dataset.set_values("weather.label", ["sun", "sun", "rain", "sun", "sun", "sun"])
    fos.create_branch(STREET, "night")
    for number in range(3):
        label(STREET, number, "fog")
        label(NIGHT, number, "snow")
    label(NIGHT, 4, "hail")
    return dataset


def asked(requests: list[dict[str, Any]], name: str) -> list[dict[str, Any]]:
    """Returns the parameters of what the App is asked to do."""
    uris = (name, f"{PLUGIN}/{name}")
    found = []
    for request in requests:
        if request["operator_uri"] in uris:
            found.append(request["params"])
        elif request["params"].get("operator_uri") in uris:
            found.append(request["params"]["params"])
    return found


def test_the_story_of_a_merge(street: fo.Dataset) -> None:
    assert Panel(STREET).choices("branch_0", "menu") == [f"merge/{NIGHT}"]
    ((given),) = asked(happen(STREET, "on_plan_merge", value=f"merge/{NIGHT}"), "plan_merge")
    assert given["branch"] == NIGHT
    assert asked(happen(NIGHT, "on_plan_merge", branch=NIGHT), "plan_merge")
    before = Panel(STREET).version
    merge = execute("plan_merge", street, branch=NIGHT)["merge"]["id"]
    banner = Panel(STREET)
    assert banner.version != before
    assert f"A merge of {NIGHT} into {STREET} is planned: 3 conflicts to decide." in banner.text()

    opened = {"merge": {"dataset": STREET, "id": None}}
    page = Panel(STREET, **opened)
    assert f"Merge {NIGHT} into {STREET}" in page.text()
    assert "~1 sample" in page.text()
    assert "3 of 3 open" in page.text()
    assert "Open conflict 1 of 3" in page.text()
    assert page.button("apply")["disabled"]  # type: ignore[index]
    assert page.button("use_edits") is None
    assert page.button("review") is not None

    ((review),) = asked(happen(STREET, "on_review_merge", merge=merge), "open_dataset")
    name = review["dataset"]
    # There, the page needs no state
    within = Panel(name)
    assert "The grid shows the samples in conflict." in within.text()
    assert within.button("use_edits") is not None
    wanted = {"kind": "label_class", "field": "weather", "label": "rain"}
    ((view),) = asked(happen(name, "on_show_conflicts", merge=merge, **wanted), "set_view")
    assert len(fo.DatasetView._build(fo.load_dataset(name), view["view"])) == 1
    some = Panel(name, merge_filter=wanted)
    assert "Open conflict 1 of 1" in some.text()
    values = [line.split(" (")[0] for line in some.text().split("\n")]
    assert {"rain", "fog", "snow"} <= set(values)

    happen(name, "on_take", merge=merge, take="theirs", **wanted)
    assert fos.get_merge(merge).open_conflicts == 2
    happen(name, "on_take", merge=merge, take="ours", decided=True, **wanted)
    (conflict,) = fos.list_conflicts(merge, label="rain")
    assert conflict.resolution == "ours"
    (first, second) = fos.list_conflicts(merge, resolved=False)
    happen(name, "on_take", merge=merge, take="theirs", conflicts=[first.id])
    assert [c.id for c in fos.list_conflicts(merge, resolved=False)] == [second.id]
    sample = fo.load_dataset(name)[second.sample_id]
    sample["weather"].label = "hail"
    sample.save()
    done = execute("use_review_edits", name)
    assert done["message"] == "1 conflict decided by edits, 0 open"

    ready = Panel(name)
    assert not ready.button("apply")["disabled"]  # type: ignore[index]
    ((given),) = asked(happen(name, "on_apply_merge", merge=merge), "apply_merge")
    said = form("apply_merge", name, in_dialog=True, **given)["change"]["view"]
    assert said["label"] == f"Merge '{NIGHT}' into '{STREET}'?"
    assert said["description"].split("\n") == [
        "- 1 sample changed",
        "- 3 conflicts as decided",
    ]
    assert dict(triggered("apply_merge", name))["open_dataset"] == {"dataset": STREET}
    assert fo.load_dataset(STREET, reload=True).values("weather.label")[:5] == [
        "snow",
        "hail",
        "fog",
        "sun",
        "hail",
    ]
    assert not fo.dataset_exists(name)
    after = Panel(STREET, **opened)
    assert after.button("undo")["label"] == "Undo merge 'merge of night'"  # type: ignore[index]
    assert form("undo_revert", STREET, in_dialog=True)
    happen(STREET, "on_undo", undo={"action": "merge", "name": "merge of night"})
    assert fo.load_dataset(STREET, reload=True).values("weather.label")[:2] == ["fog", "fog"]
    assert Panel(STREET).button("undo")["label"] == "Redo merge 'merge of night'"  # type: ignore[index]


def test_giving_a_merge_up(street: fo.Dataset) -> None:
    merge = fos.plan_merge(NIGHT, progress=False)
    name = merge.review().name
    assert asked(happen(name, "on_close_merge"), "open_dataset") == [{"dataset": STREET}]
    assert not asked(happen(STREET, "on_close_merge"), "open_dataset")
    assert asked(happen(name, "on_discard_merge", merge=merge.id), "discard_merge")
    assert "0 decisions" in form("discard_merge", name)["loss"]["view"]["description"]
    assert dict(triggered("discard_merge", name))["open_dataset"] == {"dataset": STREET}
    assert fos.get_merge(merge.id).state == "discarded"
    assert problems(form("discard_merge", STREET)) == ["No merge is planned; plan one first"]
    assert "planned" not in Panel(STREET).text()


def test_edits_of_what_is_not_in_conflict_are_no_success(street: fo.Dataset) -> None:
    name = fos.plan_merge(NIGHT, progress=False).review().name
    assert execute("use_review_edits", name)["message"] == (
        "Nothing was edited in the fields of the target"
    )
    sample = fo.load_dataset(name).first()
    sample["weather"].tags.append("seen")
    sample.save()
    done = execute("use_review_edits", name)
    assert not done["ok"]
    assert "Edits of 1 sample were not taken" in done["message"]


def test_who_may_not_decide_sees_the_page_and_no_more(
    street: fo.Dataset, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    merge = fos.plan_merge(NIGHT, progress=False)
    policy = tmp_path / "policy.yml"
    policy.write_text("datasets: {'street*': {'*': view}}")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_POLICY", str(policy))
    page = Panel(STREET, merge={"dataset": STREET, "id": merge.id})
    for name in ("apply", "discard", "review", "take_ours"):
        assert page.button(name)["disabled"], name  # type: ignore[index]


def test_a_page_costs_the_same_however_many_conflicts_there_are(street: fo.Dataset) -> None:
    name = fos.plan_merge(NIGHT, progress=False).review().name
    sent: list[list[str]] = []
    for state in ({}, {}, {"merge_number": 2}, {"merge_filter": {"kind": "label_class"}}):
        with COMMANDS.counted() as names:
            Panel(name, **state)
        sent.append(names)
    assert max(map(len, sent[1:])) <= RENDERING, sent
