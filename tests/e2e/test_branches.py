"""Branches, used as a person uses them."""

from __future__ import annotations

import re
from collections.abc import Callable

import fiftyone as fo
import pytest
from playwright.sync_api import expect

import fiftyone_snapshots as fos
from support.browser import App

pytestmark = pytest.mark.e2e


def test_the_story_of_a_branch(dataset: fo.Dataset, open_app: Callable[..., App]) -> None:
    fos.create_snapshot(dataset, "labelled", "All digits, checked by two people")
    fos.create_branch(dataset, "relabel", description="Sevens with a bar are ones")
    app = open_app()
    app.open("digits")
    app.open_history()

    app.button("Create branch").click()
    app.dialog.get_by_role("textbox").first.fill("night")
    app.confirm("Create branch")
    row = app.page.get_by_role("group", name="Branch night")
    expect(row).to_contain_text("dataset digits.night")
    expect(app.panel.get_by_test_id("history-branches")).to_contain_text("Sevens with a bar")
    app.picture("branches")

    app.button("Open branch night").click()
    # FiftyOne closes the panels of a dataset that is left; this one goes along
    app.page.wait_for_url(re.compile(r"/datasets/digits\.night"))
    app.wait_for_samples()
    expect(app.panel).to_contain_text("This is branch night of digits")
    app.button("Open digits").click()
    app.page.wait_for_url(re.compile(r"/datasets/digits(\?|$)"))
    app.wait_for_samples()
    expect(row).to_be_visible()

    app.button("Delete branch night").click()
    expect(app.dialog).to_contain_text("Delete branch 'night' of 'digits'?")
    app.confirm("Delete branch")
    expect(row).to_have_count(0)
    app.button("Trash (1)").click()
    expect(app.panel).to_contain_text("Branch 'night'")
    assert not fo.dataset_exists("digits.night")
    app.button("Restore").click()
    expect(app.notice).to_contain_text("is back")
    app.button("Back to snapshots").click()
    expect(row).to_be_visible()
    assert fo.dataset_exists("digits.night")
