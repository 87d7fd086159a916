"""Sorted paths in few bytes: of each, only what differs from the one before."""

from __future__ import annotations

import zlib

import numpy as np

_LEVEL = 6
_ROWS = 20_000
"""Paths that are compared at once."""
_MOST_BYTES = 2**30
_MOST_UNPACKED = 2**32
"""Bytes of all paths together: those of some tens of millions of files."""
_LONGEST = 2000
"""Bytes of a path that are compared with the one before; there is no end to what a text can be."""


def pack(paths: list[str]) -> tuple[bytes, bytes]:
    """Packs texts.

    Args:
        paths: texts, sorted

    Returns:
        what :func:`unpack` takes
    """
    encoded = [path.encode("utf-8", "surrogatepass") for path in paths]
    shared = np.zeros(len(encoded), np.uint32)
    for start in range(1, len(encoded), _ROWS):
        rows = encoded[start - 1 : start + _ROWS]
        width = min(max(map(len, rows)), _LONGEST)
        if not width:
            continue
        table = np.array([row[:width] for row in rows], f"S{width}")
        characters = table.view(np.uint8).reshape(len(rows), width)
        is_same = characters[1:] == characters[:-1]
        # Beyond the end of both there are zeros, which are no part of either
        lengths = np.array([min(len(row), width) for row in rows])
        common = np.where(is_same.all(axis=1), width, is_same.argmin(axis=1))
        shortest = np.minimum(lengths[1:], lengths[:-1])
        shared[start : start + len(rows) - 1] = np.minimum(common, shortest)
    kept = shared.tolist()
    rest = [path[count:] for path, count in zip(encoded, kept, strict=True)]
    counts = np.stack([shared, np.array([len(each) for each in rest], np.uint32)])
    return zlib.compress(counts.astype("<u4").tobytes(), _LEVEL), zlib.compress(
        b"".join(rest), _LEVEL
    )


def unpack(counts: bytes, rest: bytes) -> list[str]:
    """Unpacks what :func:`pack` returned.

    Args:
        counts: the first
        rest: the second

    Returns:
        the texts

    Raises:
        ValueError: if that is something else
    """
    columns = np.frombuffer(inflate(counts), "<u4").reshape(2, -1)
    text = inflate(rest)
    in_common, own = (int(total) for total in columns.sum(axis=1, dtype=np.uint64))
    if own != len(text):
        raise ValueError("the paths do not add up")
    # What has few bytes and unpacks to more than that wants our memory
    if in_common + own > _MOST_UNPACKED or (len(columns[0]) and columns[0].max() > _LONGEST):
        raise ValueError("the paths are longer than any")
    shared, lengths = columns.tolist()
    found: list[str] = []
    before, start = b"", 0
    for same, length in zip(shared, lengths, strict=True):
        before = before[:same] + text[start : start + length]
        start += length
        found.append(before.decode("utf-8", "surrogatepass"))
    return found


def inflate(data: bytes) -> bytes:
    """Decompresses bytes that others may have compressed.

    Args:
        data: the bytes

    Raises:
        ValueError: if they are something else, or become more than anybody has files for
    """
    inflating = zlib.decompressobj()
    try:
        found = inflating.decompress(data, _MOST_BYTES)
    except zlib.error as error:
        raise ValueError(str(error)) from error
    if not inflating.eof:
        raise ValueError("it does not end where it should")
    return found
