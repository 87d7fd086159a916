"""zstd, as Python has it since 3.14; before, the package backports.zstd has the same code."""

from __future__ import annotations

import importlib
import sys
from functools import cache
from typing import Any

from ..errors import InvalidSettingError


class SpoiltError(Exception):
    """What was to be decompressed is not what was compressed."""


# Where zstd still keeps up with the server; level 10 takes four times as long for 6%
_LEVEL = 3


def compress(data: bytes) -> bytes:
    """Compresses a piece, as a zstd file of its own.

    Args:
        data: the piece

    Returns:
        the file

    Raises:
        InvalidSettingError: if the package is missing
    """
    zstd = _zstd()
    parameter = zstd.CompressionParameter
    # So that `zstd --test`, and whoever reads one piece only, notices damage as well
    options = {parameter.compression_level: _LEVEL, parameter.checksum_flag: 1}
    compressed: bytes = zstd.compress(data, options=options)
    return compressed


def decompress(data: bytes, limit: int) -> bytes:
    """Decompresses a piece.

    Args:
        data: the file
        limit: how many bytes it may have

    Returns:
        the piece

    Raises:
        SpoiltError: if it is no such file, was altered, or has more bytes
        InvalidSettingError: if the package is missing
    """
    zstd = _zstd()
    decompressor = zstd.ZstdDecompressor()
    try:
        piece: bytes = decompressor.decompress(data, limit)
    except zstd.ZstdError as error:
        raise SpoiltError(str(error)) from error
    if not decompressor.eof or decompressor.unused_data:
        raise SpoiltError("it does not end where it should")
    return piece


@cache
def _zstd() -> Any:
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    try:
        return importlib.import_module(name)
    except ImportError as error:
        # Most FiftyOnes bring it; and all but archives works without it
        raise InvalidSettingError(
            "Archives need the package backports.zstd, which is not installed. Install it with: "
            "pip install backports.zstd"
        ) from error
