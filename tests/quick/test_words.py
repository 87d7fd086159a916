"""One name for one thing, in the panel, its activity, operators, messages and the command line."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

from fiftyone_snapshots.backend.actions import Action
from fiftyone_snapshots.cli.table import COMMANDS
from fiftyone_snapshots.operators import OPERATORS
from support.environment import ROOT

NOT_CALLED_SO = {
    "a rollback": re.compile(r"\brevert(s|ed|ing)?\b", re.IGNORECASE),
    "the current dataset": re.compile(r"\bHEAD\b|\bLatest\b|\blatest version\b"),
}

NAMES = re.compile(r"\w+\(\)|\w*[_/-]\w*|fiftyone-snapshots [\w-]+|'revert'")
"""Names of functions, operators and commands, which stay."""

ALLOWED = {
    "another one; by default HEAD, the current dataset",  # what the command takes
    "what was done, such as revert",  # the log's name of it
    "HEAD",  # the name of a value
}


def _documentation(tree: ast.AST) -> set[int]:
    return {
        id(each.value)
        for node in ast.walk(tree)
        if isinstance(getattr(node, "body", None), list)
        for each in node.body  # type: ignore[attr-defined]
        if isinstance(each, ast.Expr)
    }


@cache
def _sentences(path: Path) -> tuple[str, ...]:
    """Returns what a module says: its texts of more than one word."""
    return tuple(_said(path))


def _said(path: Path) -> Iterator[str]:
    tree = ast.parse(path.read_text())
    skipped = _documentation(tree)
    for node in ast.walk(tree):
        text = node.value if isinstance(node, ast.Constant) else None
        # A label of one word begins with a capital; a key does not
        is_said = isinstance(text, str) and (" " in text or text[:1].isupper())
        if isinstance(text, str) and is_said and id(node) not in skipped:
            yield text


MODULES = sorted(
    path
    for room in ("backend", "operators", "panels", "cli", "management")
    for path in (ROOT / room).rglob("*.py")
)


def test_the_words_are_looked_for_in_what_is_said() -> None:
    said = {text for path in MODULES for text in _sentences(path)}
    assert "Undo rollback" in said
    assert any("was rolled back since samples were restored" in text for text in said)


@pytest.mark.parametrize("wanted", NOT_CALLED_SO)
def test_messages_have_one_name_for_one_thing(wanted: str) -> None:
    rooms = ("operators", "panels", "cli") if wanted != "a rollback" else ()
    found = [
        f"{path.relative_to(ROOT)}: {text}"
        for path in MODULES
        if not rooms or path.relative_to(ROOT).parts[0] in rooms
        for text in _sentences(path)
        if NOT_CALLED_SO[wanted].search(NAMES.sub("", text)) and text not in ALLOWED
    ]
    assert not found


@pytest.mark.parametrize("wanted", NOT_CALLED_SO)
def test_labels_and_help_have_one_name_for_one_thing(wanted: str) -> None:
    said = [each.LABEL for each in OPERATORS] + [each.DESCRIPTION for each in OPERATORS]
    said += [text for each in Action for text in (each.row.label, each.row.words, each.row.doing)]
    said += [command.help for command in COMMANDS]
    assert not [text for text in said if NOT_CALLED_SO[wanted].search(text)]


@pytest.mark.parametrize("wanted", NOT_CALLED_SO)
def test_the_script_has_one_name_for_one_thing(wanted: str) -> None:
    said = [
        "".join(each)
        for path in (ROOT / "js").glob("*.js")
        for each in re.findall(r'"([^"\n]* [^"\n]*)"|`([^`]* [^`]*)`', path.read_text())
    ]
    assert said
    assert not [text for text in said if NOT_CALLED_SO[wanted].search(text)]


@pytest.mark.parametrize("wanted", NOT_CALLED_SO)
def test_the_page_about_the_app_has_one_name_for_one_thing(wanted: str) -> None:
    page = (ROOT / "docs" / "app.md").read_text()
    code = r"```.*?```|`` ` ``|`[^`\n]*`|\]\([^)]*\)"
    text = re.sub(code, "", page, flags=re.DOTALL)
    assert "Undo rollback" in text
    assert "current dataset" in text
    assert not NOT_CALLED_SO[wanted].search(text)
