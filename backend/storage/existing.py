"""Which collections there are: whoever holds a dataset's lease asks the server once."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from bson import ObjectId

from ..errors import DamagedSnapshotError
from ..mongo import fence

_KEPT = "existing"


def existing(
    dataset_id: ObjectId, names: Iterable[str], look: Callable[[], Collection[str]]
) -> set[str]:
    """Returns those of some collections that there are.

    Args:
        dataset_id: the dataset whose lease keeps others from dropping them
        names: their names
        look: lists the collections that there are

    Returns:
        the names of those that exist
    """
    wanted, held = set(names), fence.current()
    if held is None or held.dataset_id != dataset_id:
        return wanted & set(look())
    if not wanted <= held.kept.get(_KEPT, set()):
        held.kept[_KEPT] = set(look())
    found: set[str] = held.kept[_KEPT]
    return wanted & found


def damaged(snapshot_name: str, parts: Iterable[str]) -> DamagedSnapshotError:
    """Returns an error that says which parts of a snapshot there are no collections of."""
    return DamagedSnapshotError(
        f"Snapshot '{snapshot_name}' is damaged: its {', '.join(parts)} are gone from the "
        "database. Restore them from a backup of MongoDB, or delete the snapshot."
    )


def forget() -> None:
    """Has the server asked again, because some have been dropped."""
    fence.forget(_KEPT)
