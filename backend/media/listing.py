"""What is known of the files of a version: a fingerprint of each, in columns, sorted by path.

Columns because there may be a million files: of a file there are some ten bytes once compressed.
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from .fact import has_odd_hash, is_hash
from .front_coding import inflate, pack, unpack

_SIZES = struct.Struct("<7q")
_LEVEL = 6


class FileState(IntEnum):
    """What was found under a path."""

    GONE = 0
    """In a difference: no document refers to it any more."""
    FILE = 1
    MISSING = 2
    ELSEWHERE = 3
    """It is none of this machine's file system, such as ``s3://…``, or has no folder it begins
    in."""
    UNREADABLE = 4
    """Somebody may not look there, or the disk fails: whether there is a file cannot be told."""
    NO_FILE = 5
    """Something else, such as a folder."""


class Fingerprint(NamedTuple):
    """What is known of one file."""

    state: FileState
    size: int = 0
    time: int = 0
    """Of its last modification, in nanoseconds."""
    inode: int = 0
    """As a signed number."""
    fact: str = ""
    """What was found out besides, see :mod:`.fact`."""


GONE = Fingerprint(FileState.GONE)

_STATES = frozenset(map(int, FileState))


@dataclass(frozen=True, eq=False)
class Listing:
    """Fingerprints of files, sorted by path."""

    paths: list[str]
    states: npt.NDArray[np.uint8]
    sizes: npt.NDArray[np.int64]
    times: npt.NDArray[np.int64]
    inodes: npt.NDArray[np.int64]
    facts: list[str]

    def __len__(self) -> int:
        return len(self.paths)

    @classmethod
    def of(cls, found: Iterable[tuple[str, Fingerprint]]) -> Listing:
        """Makes a listing.

        Args:
            found: paths, sorted and each once, and what is known of them

        Returns:
            the listing
        """
        paths: list[str] = []
        rows: list[Fingerprint] = []
        for path, fingerprint in found:
            paths.append(path)
            rows.append(fingerprint)
        states, sizes, times, inodes, facts = zip(*rows, strict=True) if rows else ((),) * 5
        return cls(
            paths,
            # Not by numpy, which takes its time for enums
            np.frombuffer(bytes(states), np.uint8),
            np.array(sizes, np.int64),
            np.array(times, np.int64),
            np.array(inodes, np.int64),
            list(facts),
        )

    @classmethod
    def empty(cls) -> Listing:
        """Returns the listing of no files."""
        return cls.of(())

    @classmethod
    def joined(cls, listings: Iterable[Listing]) -> Listing:
        """Returns the listing of the files of several, one after the other."""
        parts = [cls.empty(), *listings]
        return cls(
            [path for part in parts for path in part.paths],
            np.concatenate([part.states for part in parts]),
            np.concatenate([part.sizes for part in parts]),
            np.concatenate([part.times for part in parts]),
            np.concatenate([part.inodes for part in parts]),
            [fact for part in parts for fact in part.facts],
        )

    def knowing(self, found: Mapping[int, Fingerprint]) -> Listing:
        """Returns this listing with something else known of some files.

        Args:
            found: what is known, by the place of the file
        """
        states, sizes, times, inodes, facts = (
            *(each.copy() for each in (self.states, self.sizes, self.times, self.inodes)),
            self.facts.copy(),
        )
        for place, each in found.items():
            states[place], sizes[place], times[place], inodes[place], facts[place] = each
        return Listing(self.paths, states, sizes, times, inodes, facts)

    def of_elsewhere(self) -> Listing:
        """Returns this listing without what tells a file of this machine by."""
        return replace(self, inodes=np.zeros_like(self.inodes))

    def __getitem__(self, place: int) -> Fingerprint:
        return Fingerprint(
            FileState(int(self.states[place])),
            int(self.sizes[place]),
            int(self.times[place]),
            int(self.inodes[place]),
            self.facts[place],
        )

    def items(self) -> Iterator[tuple[str, Fingerprint]]:
        """Yields all paths, with what is known of each."""
        columns = (self.states, self.sizes, self.times, self.inodes)
        rows = zip(*(column.tolist() for column in columns), self.facts, strict=True)
        for path, (state, *others) in zip(self.paths, rows, strict=True):
            yield path, Fingerprint(FileState(state), *others)

    def called(self, places: Mapping[str, str]) -> Listing:
        """Returns what this listing says of files, under other names.

        Args:
            places: the path of each file in this listing, by its other name, sorted by that
        """
        at = self.places()
        return Listing.of((name, self[at[path]]) for name, path in places.items())

    def places(self) -> dict[str, int]:
        """Returns where each path is."""
        return {path: place for place, path in enumerate(self.paths)}

    def rows(self, places: npt.NDArray[Any]) -> Listing:
        """Returns what this listing says of some of its files.

        Args:
            places: their places, in order
        """
        chosen = places.tolist()
        return Listing(
            [self.paths[place] for place in chosen],
            self.states[places],
            self.sizes[places],
            self.times[places],
            self.inodes[places],
            [self.facts[place] for place in chosen],
        )

    def difference(self, newer: Listing) -> Listing:
        """Returns what must be told of a newer listing to those who know this one.

        Args:
            newer: the other listing

        Returns:
            what :meth:`updated` takes
        """
        ours, theirs = aligned(self, newer)
        is_other = self.differing(newer, ours, theirs)
        added = np.ones(len(newer), bool)
        added[theirs] = False
        told = newer.rows(np.sort(np.concatenate([np.flatnonzero(added), theirs[is_other]])))
        left = np.ones(len(self), bool)
        left[ours] = False
        gone = [(self.paths[place], GONE) for place in np.flatnonzero(left).tolist()]
        return Listing.of(sorted([*told.items(), *gone])) if gone else told

    def differing(
        self, newer: Listing, ours: npt.NDArray[Any], theirs: npt.NDArray[Any]
    ) -> npt.NDArray[np.bool_]:
        """Returns whether anything is known otherwise of files that two listings have in common.

        Args:
            newer: the other listing
            ours: the places of the files in this one
            theirs: their places in the other one

        Returns:
            an array of True/False
        """
        found = np.zeros(len(ours), bool)
        for name in ("states", "sizes", "times", "inodes"):
            found |= getattr(self, name)[ours] != getattr(newer, name)[theirs]
        if self.facts != newer.facts:
            pairs = zip(ours.tolist(), theirs.tolist(), strict=True)
            other = (self.facts[was] != newer.facts[is_] for was, is_ in pairs)
            found |= np.fromiter(other, bool, len(ours))
        return found

    def updated(self, difference: Listing) -> Listing:
        """Returns the listing of which :meth:`difference` tells."""
        if not len(difference):
            return self
        found = dict(self.items())
        found.update(difference.items())
        return Listing.of(
            item for item in sorted(found.items()) if item[1].state is not FileState.GONE
        )

    def counts(self) -> dict[str, int]:
        """Returns how many files are in each state, and have a hash, and their bytes."""
        states = np.bincount(self.states, minlength=len(FileState)).tolist()
        named = {state.name.lower(): states[state] for state in FileState if state}
        return {
            **named,
            "files": len(self),
            "hashed": sum(map(is_hash, self.facts)),
            "size_bytes": int(self.sizes.sum()),
        }

    def to_bytes(self) -> bytes:
        """Returns the listing as :meth:`from_bytes` reads it."""
        facts = "\n".join(self.facts).encode() if any(self.facts) else b""
        columns = [
            *pack(self.paths),
            zlib.compress(self.states.tobytes(), _LEVEL),
            *(
                zlib.compress(_differences(column), _LEVEL)
                for column in (self.sizes, self.times, self.inodes)
            ),
            zlib.compress(facts, _LEVEL),
        ]
        return b"".join([_SIZES.pack(*map(len, columns)), *columns])

    @classmethod
    def from_bytes(cls, data: bytes) -> Listing:
        """Reads what :meth:`to_bytes` wrote.

        Args:
            data: the bytes

        Raises:
            ValueError: if they are something else
        """
        columns, start = [], _SIZES.size
        try:
            for size in _SIZES.unpack_from(data):
                columns.append(data[start : start + size])
                start += size
            places, names, states, *numbers, facts = columns
            paths = unpack(places, names)
            told = inflate(facts).decode()
            sizes, times, inodes = (_undifferenced(inflate(each)) for each in numbers)
            listing = cls(
                paths,
                np.frombuffer(inflate(states), np.uint8),
                sizes,
                times,
                inodes,
                told.split("\n") if told else [""] * len(paths),
            )
        except (struct.error, zlib.error, UnicodeDecodeError, IndexError) as error:
            raise ValueError(str(error)) from error
        told_of = (listing.states, listing.sizes, listing.times, listing.inodes, listing.facts)
        if {len(column) for column in told_of} - {len(paths)}:
            raise ValueError("its columns differ in length")
        if not _STATES.issuperset(np.unique(listing.states).tolist()):
            raise ValueError("it tells of a state that there is not")
        # Copies are looked for by these, so they must not be paths
        for fact in listing.facts:
            if has_odd_hash(fact):
                raise ValueError(f"{fact[:80]!r} is no hash")
        return listing


def aligned(older: Listing, newer: Listing) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
    """Returns where the paths that two listings have in common are in each of them.

    Args:
        older: a listing
        newer: another one

    Returns:
        places in both
    """
    if older.paths == newer.paths:
        every = np.arange(len(older))
        return every, every
    known = older.places()
    pairs = [(known[path], place) for place, path in enumerate(newer.paths) if path in known]
    found = np.array(pairs, np.int64).reshape(-1, 2)
    return found[:, 0], found[:, 1]


def _differences(column: npt.NDArray[np.int64]) -> bytes:
    """Returns numbers as differences, the bytes of the same weight together: so they compress."""
    steps = np.diff(column, prepend=np.int64(0))
    folded = (steps << 1) ^ (steps >> 63)
    return folded.astype("<i8").view(np.uint8).reshape(-1, 8).T.tobytes()


def _undifferenced(data: bytes) -> npt.NDArray[np.int64]:
    weights = np.frombuffer(data, np.uint8).reshape(8, -1)
    folded = np.ascontiguousarray(weights.T).view("<u8").reshape(-1)
    steps = (folded >> np.uint64(1)).astype(np.int64) ^ -(folded & np.uint64(1)).astype(np.int64)
    found: npt.NDArray[np.int64] = np.cumsum(steps, dtype=np.int64)
    return found
