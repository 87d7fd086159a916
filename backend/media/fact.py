"""What is known of a file's content, as ``kind:value``, or several of these with spaces between.

``sha256:…`` and ``md5:…`` prove content. Other kinds, such as ``etag:…`` and ``version:…``, are
others whenever the content is. ``at:…`` is where the content can be had, such as a commit, and
says nothing of it: the next commit has the same file.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from numbers import Integral

SHA256 = "sha256:"
MD5 = "md5:"
"""Known of files that DVC tracks."""

AT = "at"

_KIND = re.compile(r"[a-z0-9]+:")
_HASHES = {"sha256": re.compile(r"[0-9a-f]{64}"), "md5": re.compile(r"[0-9a-f]{32}")}
_CONTROL = re.compile(r"[\x00-\x1f\ud800-\udfff]")
"""Also what is no text that can be stored."""
_MOST_NUMBER = 2**62
"""Listings hold numbers of eight bytes, and what differs between them."""
_MOST_CHARACTERS = 1000


@dataclass(frozen=True)
class MediaFact:
    """What a system knows of a file without reading it."""

    value: str = ""
    """``sha256:…`` or ``md5:…`` in hexadecimal digits, which prove content; or anything else that
    is another one whenever the content is, as ``kind:value``, such as ``etag:…`` or
    ``version:…``; and, after a space, ``at:…``, which says where that content can be had."""
    size: int | None = None
    """In bytes; None if it is not known."""
    time: int = 0
    """When it was last written to, in nanoseconds since 1970; 0 if that is not known."""
    is_there: bool = True


def parts(value: str) -> dict[str, str]:
    """Returns the values of a fact, by their kinds.

    Args:
        value: the fact
    """
    found: dict[str, str] = {}
    kind = ""
    for word in value.split(" ") if value else ():
        if _KIND.match(word):
            kind, _, told = word.partition(":")
            found[kind] = told
        elif kind:
            found[kind] += f" {word}"
    return found


def compared(value: str) -> dict[str, str]:
    """Returns what a fact says of the content, by its kinds.

    Args:
        value: the fact
    """
    return {kind: told for kind, told in parts(value).items() if kind != AT}


def is_valid(value: str) -> bool:
    """Returns whether a text is a fact, whose hashes are hashes.

    Args:
        value: the text
    """
    if not value:
        return True
    if len(value) >= _MOST_CHARACTERS or _CONTROL.search(value) or not _KIND.match(value):
        return False
    told = parts(value)
    return all(_HASHES[kind].fullmatch(told[kind]) for kind in _HASHES if kind in told)


def can_be_noted(fact: MediaFact) -> bool:
    """Returns whether what a package of others tells is what it should be, for listings to hold.

    Args:
        fact: what it tells
    """
    if not fact.is_there:
        return True
    value: object = fact.value
    size: object = 0 if fact.size is None else fact.size
    return isinstance(value, str) and is_valid(value) and _fits(size, 0) and _fits(fact.time)


def _fits(number: object, least: int = -_MOST_NUMBER) -> bool:
    return isinstance(number, Integral) and least <= int(number) <= _MOST_NUMBER


def has_odd_hash(value: str) -> bool:
    """Returns whether a fact tells a SHA-256 that is none: copies are looked for by these.

    Args:
        value: the fact
    """
    return SHA256 in value and not _HASHES["sha256"].fullmatch(sha256_of(value))


def is_hash(value: str) -> bool:
    """Returns whether a fact proves content.

    An etag does not: the same content has another one when it was uploaded in other pieces.

    Args:
        value: the fact
    """
    return value.startswith((SHA256, MD5)) or f" {SHA256}" in value or f" {MD5}" in value


def sha256_of(value: str) -> str:
    """Returns the SHA-256 that a fact tells, in hexadecimal digits; nothing if it tells none.

    Args:
        value: the fact
    """
    if value.startswith(SHA256) and " " not in value:
        return value[len(SHA256) :]
    return parts(value).get("sha256", "") if SHA256 in value else ""


def hash_kind(value: str) -> str:
    """Returns the kind of hash that a fact tells, such as :data:`SHA256`.

    Args:
        value: a fact that proves content
    """
    return SHA256 if sha256_of(value) else MD5
