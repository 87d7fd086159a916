"""What having the package costs on ordinary datasets."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Iterator

import fiftyone as fo

from fiftyone_snapshots.backend.guard import hooks
from fiftyone_snapshots.management import load_snapshot

from .data import image_dataset
from .harness import Row, Step, compare

_BAR = 1.03
_REPEATS = 15
_ENOUGH = 20_000


def rows(samples: int) -> Iterator[Row]:
    """Measures everyday calls with and without the hooks.

    Args:
        samples: the size of the dataset; what is measured does not depend on it, so no more than
            20,000 are used

    Returns:
        an iterator over the rows
    """
    samples = min(samples, _ENOUGH)
    dataset = image_dataset("bench", samples)
    installed = _Hooks()
    calls: dict[str, Callable[[], object]] = {
        "iter_samples": lambda: sum(1 for _ in dataset.limit(2000).iter_samples()),
        "set_values": lambda: dataset.set_values("uniqueness", [0.5] * samples),
        "values": lambda: dataset.values(["id", "uniqueness", "ground_truth.detections.label"]),
        "tag_samples": lambda: (dataset.tag_samples("new"), dataset.untag_samples("new")),
    }
    for name, call in calls.items():
        call()
        yield compare(
            name,
            f"{samples:,} samples",
            Step(call),
            "without the package",
            Step(call, before=installed.remove, after=installed.put_back),
            bar=_BAR,
            repeats=_REPEATS,
        )
    fo.delete_dataset("bench")


class _Hooks:
    """The hooks of this process, to be taken out and put back."""

    def __init__(self) -> None:
        table = hooks.table(load_snapshot)
        self._installed = [(hook, inspect.getattr_static(hook.owner, hook.name)) for hook in table]

    def remove(self) -> None:
        for hook, found in self._installed:
            is_method = isinstance(found, classmethod)
            original = getattr(found.__func__ if is_method else found, hooks.ORIGINAL)
            setattr(hook.owner, hook.name, classmethod(original) if is_method else original)

    def put_back(self) -> None:
        for hook, found in self._installed:
            setattr(hook.owner, hook.name, found)
