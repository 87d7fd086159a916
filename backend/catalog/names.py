"""What a snapshot may be called."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Iterable, Sequence

from bson import ObjectId

from ..errors import InvalidNameError

MAX_NAME_LENGTH = 255
"""Characters; leaves room for the dataset's name in ``<dataset>@<snapshot>``."""

MAX_TAG_LENGTH = 100
"""Characters; a tag is a word or two."""

HEAD = "HEAD"
"""Names the editable state of a dataset where a version is named; no snapshot may be called so."""

_SHOWN = 10
"""Known names that are told to whoever gave an unknown one."""

_SEPARATORS = frozenset("+_.-")


_SAFETY = re.compile(r"safety-[0-9a-f]{24}")
"""What the names of snapshots look like in addresses that nobody has asked for by name."""


def safety(snapshot_id: ObjectId) -> str:
    """Returns the name of a snapshot that nobody has asked for by name."""
    return f"safety-{snapshot_id}"


def is_head(name: str) -> bool:
    """Returns whether a name stands for the dataset itself, as ``HEAD`` does in any case."""
    return name.casefold() == HEAD.casefold()


def validate(name: object, *, reserved: bool = True, what: str = "snapshot") -> str:
    """Checks that a snapshot, or a branch, may have this name.

    Args:
        name: what the caller gave
        reserved (True): whether to refuse ``HEAD``, and names that look like those of safety
            snapshots, which snapshots of earlier versions of this package may be called
        what ("snapshot"): what is to be called so, for the error

    Returns:
        the name, unchanged

    Raises:
        InvalidNameError: if it is not a usable name
    """
    named = f"{what.capitalize()} name"
    if not isinstance(name, str):
        raise InvalidNameError(
            f"A {what}'s name must be a string, not {type(name).__name__}: {name!r}"
        )
    if not name.strip():
        raise InvalidNameError(f"A {what}'s name must not be empty or blank")
    if name != name.strip():
        raise InvalidNameError(f"{named} {name!r} begins or ends with a space: remove it")
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidNameError(
            f"{named} {name[:20]!r}... has {len(name)} characters; "
            f"at most {MAX_NAME_LENGTH} are allowed"
        )
    # A slash would break the App's /datasets/<name> addresses
    if "/" in name:
        raise InvalidNameError(f"{named} {name!r} must not contain '/'")
    if any(unicodedata.category(character) in ("Cc", "Cs") for character in name):
        raise InvalidNameError(f"{named} {name!r} contains a control character")
    if reserved and slug(name) == slug(HEAD):
        raise InvalidNameError(
            f"{named} {name!r} is reserved: {HEAD} stands for the dataset as it is now"
        )
    if reserved and _SAFETY.fullmatch(slug(name)):
        raise InvalidNameError(
            f"{named} {name!r} is reserved: safety snapshots, which are made before and after "
            "operations, are called so"
        )
    if not slug(name):
        raise InvalidNameError(f"{named} {name!r} needs at least one letter or digit")
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


def unknown(what: str, name: str, known: Sequence[str], *, are: str = "it has") -> str:
    """Says that there is nothing of a name, and what there is.

    Args:
        what: the beginning of the sentence, such as ``Dataset 'digits' has no snapshot``
        name: the name that is unknown
        known: all names that are known, the best last
        are ("it has"): what to say before them

    Returns:
        a sentence without an end
    """
    text = f"{what} '{name}'"
    shown = list(known)[-_SHOWN:]
    if shown:
        more = f" and {len(known) - _SHOWN} more" if len(known) > _SHOWN else ""
        text += f"; {are}: {', '.join(shown)}{more}"
    if close := difflib.get_close_matches(name, known, 1):
        text += f". Did you mean '{close[0]}'?"
    return text


def no_snapshot(dataset: str, name: str, known: Sequence[str]) -> str:
    """Says that a dataset has no snapshot of a name, and which it has.

    Args:
        dataset: the dataset's name
        name: the name that is unknown
        known: the names of its snapshots, the newest last

    Returns:
        a sentence without an end
    """
    if is_head(name) and name not in known:
        return f"{HEAD} is dataset '{dataset}' itself, as it is now, and no snapshot"
    said = unknown(f"Dataset '{dataset}' has no snapshot", name, known)
    return said if known else f"{said}; it has no snapshots"


def taken(name: str, by: str) -> str:
    """Says that a name is taken.

    Args:
        name: a valid name
        by: the name of the snapshot that has it, or whose slug is the same

    Returns:
        a sentence without an end
    """
    if by == name:
        return f"A snapshot named '{name}' already exists; choose another name, or delete it first"
    return (
        f"Snapshot name '{name}' is not available: in addresses it reads '{slug(name)}', as does "
        f"that of snapshot '{by}'"
    )


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
