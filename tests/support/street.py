"""A dataset with a branch, in both of which somebody relabels samples, also as an operation."""

from __future__ import annotations

from typing import Any

import fiftyone as fo

import fiftyone_snapshots as fos

from .datasets import image_dataset

STREET, NIGHT = "street", "street.night"


def street_with_branch(samples: int) -> fo.Dataset:
    """Makes both.

    Args:
        samples: how many samples they have

    Returns:
        the dataset
    """
    made = image_dataset(STREET, samples, persistent=True)
    fos.create_branch(STREET, "night")
    label(STREET, 0, "ours")
    label(NIGHT, 1, "theirs")
    return made


def label(name: str, number: int, value: str) -> None:
    """Relabels a sample, by its place."""
    dataset = fo.load_dataset(name, reload=True)
    sample = dataset.skip(number).first()
    sample["weather"].label = value
    sample.save()


def weather(name: str = STREET) -> list[str]:
    """Returns what all samples are labelled."""
    found: list[str] = fo.load_dataset(name, reload=True).values("weather.label")
    return found


def operation(what: str, *numbers: int) -> fos.UndoableOperation:
    """Relabels some samples, as an operation that can be undone."""
    with fos.undoable(STREET, what) as block:
        for number in numbers:
            label(STREET, number, what)
    assert block.operation is not None
    return block.operation


def plan(**options: Any) -> fos.MergePlan:
    """Plans to merge the branch."""
    return fos.plan_merge(NIGHT, progress=False, **options)
