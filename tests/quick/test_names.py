"""What snapshots and tags may be called."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiftyone_snapshots.backend.catalog import names
from fiftyone_snapshots.backend.errors import InvalidNameError


@pytest.mark.parametrize("name", ["v1", "März 2026", "狐", "v1.2_final", "a@b", "🦊 v1"])
def test_names_in_any_language_are_taken_as_they_are(name: str) -> None:
    assert names.validate(name) == name


@pytest.mark.parametrize(
    ("name", "complaint"),
    [
        ("", "blank"),
        (" v1", "space"),
        ("a/b", "'/'"),
        ("a\nb", "control character"),
        ("---", "letter or digit"),
        ("x" * 256, "at most 255"),
        (5, "must be a string"),
        ({"$ne": ""}, "must be a string"),
    ],
)
def test_what_is_no_name_is_refused_with_the_reason(name: object, complaint: str) -> None:
    with pytest.raises(InvalidNameError, match=complaint):
        names.validate(name)


@given(st.text())
def test_a_slug_is_its_own_slug(name: str) -> None:
    slug = names.slug(name)
    assert names.slug(slug) == slug


@given(st.text(min_size=1))
def test_every_name_that_is_accepted_has_a_slug(name: str) -> None:
    try:
        accepted = names.validate(name)
    except InvalidNameError:
        return
    assert names.slug(accepted)


def test_tags_are_kept_once_each_in_their_order() -> None:
    assert names.validate_tags(["gold", "test", "gold"]) == ("gold", "test")
    assert names.validate_tags("gold") == ("gold",)
    assert names.validate_tags(None) == ()


@pytest.mark.parametrize("tags", [5, b"gold", {"gold": 1}, ["gold", 5], [""], [" gold"]])
def test_what_is_no_tag_is_refused(tags: object) -> None:
    with pytest.raises(InvalidNameError):
        names.validate_tags(tags)


def test_texts_are_searched_without_case_in_any_language() -> None:
    assert names.folded("STRASSE") == names.folded("straße")
    assert names.folded("Ⅳ") == names.folded("iv")
