"""Many ObjectIds in little memory: twelve bytes each, where a list takes more than a hundred."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, overload

import numpy as np
import numpy.typing as npt
from bson import ObjectId

ID_BYTES = 12

Keys = npt.NDArray[np.bytes_]
"""Ids as an array of bytes, which numpy can sort and search."""

DTYPE = np.dtype(f"S{ID_BYTES}")

_RUN = 16
"""So many keys that are wanted one after the other are taken to lie one after the other."""


class Ids(Sequence[ObjectId]):
    """A read-only list of ids.

    Args:
        keys: the ids as :data:`Keys`
    """

    __slots__ = ("keys",)

    def __init__(self, keys: Keys | None = None) -> None:
        self.keys: Keys = np.empty(0, DTYPE) if keys is None else keys

    @classmethod
    def of(cls, ids: Iterable[ObjectId]) -> Ids:
        """Makes a list of ids, in the order given."""
        return cls(np.frombuffer(b"".join(id_.binary for id_ in ids), DTYPE))

    def __len__(self) -> int:
        return len(self.keys)

    def __iter__(self) -> Iterator[ObjectId]:
        return map(ObjectId, self.binaries())

    @overload
    def __getitem__(self, index: int) -> ObjectId: ...

    @overload
    def __getitem__(self, index: slice) -> list[ObjectId]: ...

    def __getitem__(self, index: int | slice) -> ObjectId | list[ObjectId]:
        if isinstance(index, slice):
            return list(Ids(self.keys[index]))
        return ObjectId(self.keys[index : index + 1 or None].tobytes())

    def __contains__(self, id_: object) -> bool:
        return isinstance(id_, ObjectId) and bool((self.keys == np.bytes_(id_.binary)).any())

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Ids):
            return np.array_equal(self.keys, other.keys)
        if isinstance(other, (list, tuple)):
            return list(self) == list(other)
        return NotImplemented

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        shown = ", ".join(str(id_) for id_ in self[:3])
        return f"<{len(self)} ids{': ' + shown if shown else ''}{' ...' if len(self) > 3 else ''}>"

    def binaries(self) -> Iterator[bytes]:
        """Yields the ids as bytes; what numpy gives lacks zeros at the end."""
        data = self.keys.tobytes()
        for start in range(0, len(data), ID_BYTES):
            yield data[start : start + ID_BYTES]

    def strings(self) -> list[str]:
        """Returns the ids as FiftyOne writes them."""
        return [str(id_) for id_ in self]


def positions(
    keys: npt.NDArray[Any], wanted: npt.NDArray[Any]
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.bool_]]:
    """Looks keys up in a sorted array of keys.

    Two versions of a dataset have long runs of ids in common. So it is only searched where each
    few of the wanted keys begin; what does not follow one upon the other from there is searched
    for by itself. That takes a fifth of searching for all.

    Args:
        keys: sorted keys, or other things that are sorted
        wanted: what to find, in any order

    Returns:
        a place for each wanted key, and whether it is really there
    """
    if not len(keys):
        return np.zeros(len(wanted), np.intp), np.zeros(len(wanted), bool)
    last = len(keys) - 1
    beginnings = np.searchsorted(keys, wanted[::_RUN])
    places = (beginnings[:, np.newaxis] + np.arange(_RUN)).ravel()[: len(wanted)]
    np.minimum(places, last, out=places)
    known: npt.NDArray[np.bool_] = keys[places] == wanted
    missed = np.flatnonzero(~known)
    places[missed] = np.minimum(np.searchsorted(keys, wanted[missed]), last)
    known[missed] = keys[places[missed]] == wanted[missed]
    return places, known


def common(keys: Keys, wanted: Keys) -> Keys:
    """Returns those of some keys that are in a sorted array of keys as well."""
    return wanted[positions(keys, wanted)[1]]


def lacking(keys: Keys, wanted: Keys) -> Keys:
    """Returns those of some keys that are not in a sorted array of keys."""
    return wanted[~positions(keys, wanted)[1]]


def distinct(*several: Keys) -> Keys:
    """Returns the keys of several arrays, sorted, each of them once.

    What numpy has for that takes ten times as long, since it hashes strings one by one.
    """
    keys = np.sort(np.concatenate(several))
    return keys[np.append(True, keys[1:] != keys[:-1])[: len(keys)]]
