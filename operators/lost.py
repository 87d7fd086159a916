"""Datasets that have lost all their samples, and what they can go back to."""

from __future__ import annotations

from .. import management
from ..backend.access import Action
from ..backend.trash.trash import TrashKind
from .words import ago, bring_back_name, plural

UNDO = "(undo)"
"""Stands for the last discarded state among the names of snapshots, and with an id for another."""


def is_lost(dataset: str) -> bool:
    """Returns whether a dataset has lost all samples, and whoever asks can bring some back.

    Args:
        dataset: the name of the dataset

    Returns:
        True/False
    """
    return (
        management.count_documents(dataset) == 0
        and bool(ways_back(dataset))
        and management.why_not(Action.REVERT, dataset) is None
    )


def ways_back(dataset: str) -> dict[str, str]:
    """Returns the versions that a dataset can go back to, newest first, and what to say of them.

    Args:
        dataset: the name of the dataset

    Returns:
        the names of snapshots that have samples, and what stands for discarded states
    """
    choices = {
        entry.name: f"Snapshot '{entry.name}': {plural(entry.sample_count, 'sample')}, "
        f"{ago(entry.created_at)}"
        for entry in management.get_history(dataset).entries
        if entry.sample_count and entry.archive is None
    }
    states = [item for item in management.list_trash(dataset) if item.kind is TrashKind.HEAD]
    for state in reversed(states):
        is_last = state is states[-1]
        key = UNDO if is_last else f"{UNDO} {state.id}"
        choices[key] = bring_back_name(state, is_last)
    return choices
