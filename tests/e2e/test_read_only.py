"""What people can still do, and not do, while a snapshot is open."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

import fiftyone as fo
import pytest
from playwright.sync_api import expect

import fiftyone_snapshots as fos
from support.browser import App
from support.media import digits_dataset

pytestmark = pytest.mark.e2e


@pytest.fixture
def opened(dataset: fo.Dataset, app: App) -> str:
    """A snapshot that is open in the App."""
    fos.create_snapshot(dataset, "v1")
    name = fos.load_snapshot(dataset, "v1").name
    # A server that has the plugin's folder alone knows snapshots from its first page on
    app.open(dataset.name)
    app.open(name)
    # Once the App's controls are off, the page has come up
    expect(app.add_group).to_have_count(0)
    return str(name)


def test_tagging_is_off_and_refused(dataset: fo.Dataset, opened: str, app: App) -> None:
    app.page.locator("[data-cy=action-tag-sample-labels]").hover()
    expect(app.page.get_by_text("This is a snapshot: read-only").first).to_be_visible()
    request = {
        "dataset": opened,
        "view": [],
        "sample_ids": [],
        "labels": [],
        "target_labels": False,
        "active_label_fields": [],
        "changes": {"forged": True},
        "modal": False,
        "filters": {},
    }
    answer = app.page.request.post(f"{app.url}/tag", data=request)
    assert not answer.ok
    assert "read-only" in answer.text()
    assert "forged" not in fos.load_snapshot(dataset, "v1").count_sample_tags()


def ask_to_delete(app: App, sample: str) -> None:
    """Selects a sample, and opens the dialog that deletes what is selected.

    A page that is still coming up forgets what was selected.
    """
    for _ in range(10):
        app.operator("set_selected_samples", samples=[sample])
        with suppress(AssertionError):
            selected = app.page.locator("[data-cy=action-manage-selected]")
            expect(selected).to_contain_text("1", timeout=3000)
        app.page.keyboard.press("`")
        app.page.get_by_placeholder("Search operations by name").fill("delete selected samples")
        app.page.get_by_text("Delete selected samples", exact=True).click()
        expect(app.dialog).to_contain_text(re.compile("You must select|selected sample"))
        if "You must select" not in app.dialog.inner_text():
            return
        app.dialog.get_by_role("button", name="Cancel").click()
        expect(app.dialog).to_have_count(0)
    raise AssertionError("The App forgets what is selected")


def test_what_cannot_be_turned_off_says_why_it_is_refused(opened: str, app: App) -> None:
    sample = fo.load_dataset(opened).first().id
    ask_to_delete(app, sample)
    app.confirm("Execute")
    refusal = "Snapshot 'v1' of dataset 'digits' is read-only"
    expect(app.page.get_by_text(refusal).first).to_be_visible()
    app.picture("refused")
    said = app.dialog.get_by_text("Error occurred during operator execution")
    expect(said).to_contain_text(refusal)
    expect(said).to_contain_text("Edit the dataset itself, fiftyone.load_dataset('digits')")
    said.click()
    expect(app.dialog).not_to_contain_text("Traceback")
    assert len(fo.load_dataset(opened)) == 40


def test_editing_is_on_again_in_another_dataset(opened: str, app: App, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    digits_dataset("other", tmp_path / "other", count=5)
    expect(app.add_group).to_have_count(0)
    app.operator("open_dataset", dataset="other")
    expect(app.page.get_by_text("5 samples", exact=True).first).to_be_visible()
    expect(app.add_group).to_have_count(1)
    app.operator("open_dataset", dataset=opened)
    expect(app.page.get_by_text("40 samples", exact=True).first).to_be_visible()
    expect(app.add_group).to_have_count(0)
    app.page.reload()
    app.wait_for_samples()
    expect(app.add_group).to_have_count(0)
    app.operator("open_dataset", dataset="digits")
    expect(app.add_group).to_have_count(1)
