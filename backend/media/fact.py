"""What a system knows of a file without reading it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class MediaFact:
    """What a system knows of a file without reading it."""

    value: str = ""
    """``sha256:…`` or ``md5:…`` in hexadecimal digits, which prove content; or anything else that
    is another one whenever the content is, as ``kind:value``, such as ``etag:…`` or
    ``version:…``."""
    size: int | None = None
    """In bytes; None if it is not known."""
    time: int = 0
    """When it was last written to, in nanoseconds since 1970; 0 if that is not known."""
    is_there: bool = True
