"""A merge, used as people use it: two people label, a third one brings their work together."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import fiftyone as fo
import pytest
from playwright.sync_api import expect

import fiftyone_snapshots as fos
from support.browser import App
from support.media import street_dataset

pytestmark = pytest.mark.e2e

STREET, ANNA, BEN = "street", "street.anna", "street.ben"


def edit(name: str, number: int, place: int, /, **values: object) -> None:
    """Changes a label, as somebody does who works on a dataset."""
    sample = fo.load_dataset(name, reload=True).skip(number).first()
    for key, value in values.items():
        sample["ground_truth"].detections[place][key] = value
    sample.save()


def move(name: str, number: int, place: int, right: float, down: float) -> None:
    x, y, width, height = box(name, number, place)
    edit(name, number, place, bounding_box=[x + right, y + down, width, height])


def classes(name: str) -> list[list[str]]:
    found = fo.load_dataset(name, reload=True).values("ground_truth.detections.label")
    return [list(each) for each in found]


def box(name: str, number: int, place: int) -> list[float]:
    sample = fo.load_dataset(name, reload=True).skip(number).first()
    found: list[float] = sample["ground_truth"].detections[place].bounding_box
    return found


@pytest.fixture
def street(tmp_path: Path) -> fo.Dataset:
    """A street with two branches: Anna's work is merged, Ben's meets it."""
    dataset = street_dataset(STREET, tmp_path)
    fos.create_snapshot(dataset, "labelled", "As the first pass left it")
    fos.create_branch(dataset, "anna", description="Vans are trucks from now on")
    fos.create_branch(dataset, "ben", description="Boxes redrawn to the pixel")
    for number in range(4):
        edit(ANNA, number, 0, label="truck")
        edit(BEN, number, 0, label="van")
    for number in (2, 3, 5):
        move(ANNA, number, 1, -0.03, -0.04)
        move(BEN, number, 1, 0.05, 0.06)
    for number in range(6, 10):
        edit(ANNA, number, 0, occluded=True)
        edit(BEN, number, 1, label="tram")
    fos.apply_merge(fos.plan_merge(ANNA, progress=False))
    return dataset


@pytest.mark.parametrize("theme", ["dark", "light"])
def test_the_story_of_a_merge(
    street: fo.Dataset, open_app: Callable[..., App], theme: str
) -> None:
    suffix = "" if theme == "dark" else "-light"
    app = open_app(size=(1500, 950), theme=theme)
    app.open(STREET)
    app.open_history()

    # The lead plans
    app.button("More for branch ben").click()
    app.page.get_by_role("menuitem", name="Merge into street").click()
    app.confirm("Plan merge")
    page = app.page.get_by_test_id("merge-page")
    expect(page).to_contain_text("Merge street.ben into street")
    expect(app.panel.get_by_test_id("merge-conflicts")).to_contain_text("7 of 7 open")
    expect(app.button("Apply merge")).to_be_disabled()

    # looks at the samples, both sides over each other
    app.button("Review samples").click()
    app.page.wait_for_url(re.compile(r"/datasets/street\.merge-\w+"))
    app.wait_for_samples()
    # Where a machine is slow, the App's script does not bring it back by itself
    app.open_history()
    expect(app.panel.get_by_test_id("merge-review")).to_be_visible()
    tiles = app.page.locator("[data-cy=fo-grid] [data-cy=looker]")
    expect(tiles).to_have_count(5)
    app.picture(f"merge{suffix}")
    app.button("Show Different places · ground_truth · bus").click()
    expect(tiles).to_have_count(3)
    app.button("Open this sample").click()
    modal = app.page.locator("[data-cy=modal]")
    expect(modal).to_contain_text("ground_truth_theirs")
    app.operator("close_sample")
    expect(modal).to_have_count(0)

    # decides one kind by a click
    app.button("Take theirs for Different classes · ground_truth · car").click()
    expect(app.panel.get_by_test_id("merge-conflicts")).to_contain_text("3 of 7 open")
    # and the places by hand, here as the App's own annotation does it
    (review,) = [
        name
        for name in fo.core.odm.get_db_conn()["datasets"].distinct("name")
        if name.startswith("street.merge-")
    ]
    for number in (2, 3, 4):
        edit(review, number, 1, bounding_box=[0.1, 0.1, 0.2, 0.2])
    app.button("Use my edits").click()
    expect(app.notice).to_contain_text("3 conflicts decided by edits, 0 open")
    expect(app.button("Apply merge")).to_be_enabled()

    # applies
    app.button("Apply merge").click()
    expect(app.dialog).to_contain_text("7 conflicts as decided")
    app.confirm("Merge")
    app.page.wait_for_url(re.compile(r"/datasets/street(\?|$)"))
    app.wait_for_samples()
    app.open_history()
    app.row("merge of ben").wait_for()
    assert [labels[0] for labels in classes(STREET)[:4]] == ["van"] * 4
    assert box(STREET, 2, 1) == [0.1, 0.1, 0.2, 0.2]
    assert not fo.dataset_exists(review)

    # and undoes
    app.button("Undo merge 'merge of ben'").click()
    app.confirm("Undo merge 'merge of ben'")
    expect(app.row("merge of ben")).to_have_count(0)
    assert [labels[0] for labels in classes(STREET)[:4]] == ["truck"] * 4
