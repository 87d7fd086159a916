"""What can be done is in one table, from which its names everywhere follow."""

from __future__ import annotations

import re

import pytest

from fiftyone_snapshots.backend.actions import Action
from fiftyone_snapshots.backend.operations import journal
from fiftyone_snapshots.cli.table import COMMANDS
from fiftyone_snapshots.operators import OPERATORS
from support.environment import ROOT

BY_ITSELF = {Action.EXPIRE, Action.PURGE, Action.BEGIN_OPERATION, Action.END_OPERATION}
"""What nobody asks for, or only by a block of code."""


def test_every_action_with_an_operator_has_one_of_the_tables_name_and_label() -> None:
    found = {operator.NAME: (operator.ACTION, operator.LABEL) for operator in OPERATORS}
    for action in Action:
        if action.row.operator:
            assert found[action.row.operator] == (action, action.row.label)


def test_no_two_operators_have_the_same_name() -> None:
    assert len({operator.NAME for operator in OPERATORS}) == len(OPERATORS)
    assert all(operator.NAME and operator.LABEL for operator in OPERATORS)


def test_every_action_has_a_command() -> None:
    commands = {command.name for command in COMMANDS}
    assert {action.command for action in set(Action) - BY_ITSELF} <= commands


@pytest.mark.parametrize("verb", sorted(journal._recoveries))
def test_what_takes_its_time_says_what_it_is_doing(verb: Action) -> None:
    assert verb.row.doing


def test_every_command_is_in_the_documentation() -> None:
    page = (ROOT / "docs" / "command-line.md").read_text()
    told = page[page.index("## All commands") :]
    assert not [each.name for each in COMMANDS if not re.search(rf"`{each.name}[ `]", told)]


def test_the_table_of_permissions_has_every_action() -> None:
    text = (ROOT / "docs" / "permissions.md").read_text()
    words = {"calculate": "compare", "diff": "compare", "undo_revert": "undo", "unpin": "pin"}
    words |= {
        "tag": "tag a snapshot",
        "read_log": "read the audit log",
        "export_log": "export the audit log",
    }
    rows = re.findall(r"^\| (.*) \| (Can \w+) \|$", text, re.MULTILINE)
    for action in Action:
        if action in (Action.EXPIRE, Action.PURGE):
            continue  # nobody asks for these
        word = words.get(
            action.value, action.value.replace("_", " ").replace("empty", "empty the")
        )
        (needed,) = [level for row, level in rows if re.search(rf"(^|, ){word}(,|$)", row)]
        assert needed == action.level.label, action
