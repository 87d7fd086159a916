"""What a snapshot may be called."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

from .errors import InvalidNameError

MAX_NAME_LENGTH = 255
"""Characters; leaves room for the dataset's name in ``<dataset>@<snapshot>``."""

MAX_TAG_LENGTH = 100
"""Characters; a tag is a word or two."""

_SEPARATORS = frozenset("+_.-")


def validate(name: object) -> str:
    """Checks that a snapshot may have this name.

    Args:
        name: what the caller gave

    Returns:
        the name, unchanged

    Raises:
        InvalidNameError: if it is not a usable name
    """
    if not isinstance(name, str):
        raise InvalidNameError(
            f"A snapshot's name must be a string, not {type(name).__name__}: {name!r}"
        )
    if not name.strip():
        raise InvalidNameError("A snapshot's name must not be empty or blank")
    if name != name.strip():
        raise InvalidNameError(f"Snapshot name {name!r} begins or ends with a space: remove it")
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidNameError(
            f"Snapshot name {name[:20]!r}... has {len(name)} characters; "
            f"at most {MAX_NAME_LENGTH} are allowed"
        )
    # A slash would break the App's /datasets/<name> addresses
    if "/" in name:
        raise InvalidNameError(f"Snapshot name {name!r} must not contain '/'")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise InvalidNameError(f"Snapshot name {name!r} contains a control character")
    if not slug(name):
        raise InvalidNameError(f"Snapshot name {name!r} needs at least one letter or digit")
    return name


def validate_tags(tags: object) -> tuple[str, ...]:
    """Checks that a snapshot may have these tags.

    Args:
        tags: what the caller gave: a tag or several, or None for none

    Returns:
        the tags, each once, in their order

    Raises:
        InvalidNameError: if one of them is not a usable tag
    """
    if tags is None:
        return ()
    if isinstance(tags, str):
        return (_validate_tag(tags),)
    if not isinstance(tags, Iterable) or isinstance(tags, (bytes, dict)):
        raise InvalidNameError(
            f"Tags must be a string or several, not {type(tags).__name__}: {tags!r}"
        )
    return tuple(dict.fromkeys(_validate_tag(tag) for tag in tags))


def _validate_tag(tag: object) -> str:
    if not isinstance(tag, str):
        raise InvalidNameError(f"A tag must be a string, not {type(tag).__name__}: {tag!r}")
    if not tag or tag != tag.strip():
        raise InvalidNameError(f"Tag {tag!r} is empty, or begins or ends with a space")
    if len(tag) > MAX_TAG_LENGTH:
        raise InvalidNameError(
            f"Tag {tag[:20]!r}... has {len(tag)} characters; at most {MAX_TAG_LENGTH} are allowed"
        )
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in tag):
        raise InvalidNameError(f"Tag {tag!r} contains a control character")
    return tag


def folded(text: str) -> str:
    """Returns the form of a text in which it is searched: without case, in any language.

    Args:
        text: a text

    Returns:
        the text in which what reads the same is the same
    """
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def slug(name: str) -> str:
    """Returns the form of a name that is used in addresses and to tell names apart.

    The rules are those of ``fiftyone.core.utils.to_slug()``, except that letters and digits of
    all languages are kept: FiftyOne drops them, which would make all Chinese names collide.

    Args:
        name: a snapshot's name

    Returns:
        the slug, empty if nothing of the name is left
    """
    folded = unicodedata.normalize("NFKC", name).lower()
    pieces: list[str] = []
    for character in folded:
        if character.isalnum() or unicodedata.category(character).startswith("M"):
            pieces.append(character)
        elif (character.isspace() or character in _SEPARATORS) and pieces and pieces[-1] != "-":
            pieces.append("-")
    return "".join(pieces).strip("-")
