"""Settings, read from the environment each time they are needed."""

from __future__ import annotations

import os
from dataclasses import dataclass
from enum import Enum

from .errors import InvalidRequestError, InvalidSettingError

_PREFIX = "FIFTYONE_SNAPSHOTS_"

_BOOLEANS = {"true": True, "1": True, "yes": True, "false": False, "0": False, "no": False}

NO_LIMIT = -1
"""A limit of this value is no limit."""

_CENTURY_DAYS = 36_500
"""Longer than anybody keeps anything; times that are much longer have no date."""

_CENTURY_SECONDS = _CENTURY_DAYS * 24 * 3600


class UndoMode(str, Enum):
    """Whether operators of anybody, and calls that change much, are made undoable."""

    OFF = "off"
    ON = "on"
    AUTO = "auto"
    """If it takes little time and space."""


class MediaLevel(str, Enum):
    """How much is found out of the media files of a snapshot."""

    NONE = "none"
    STAT = "stat"
    """The size of each, and when it was last written to."""
    REMOTE = "remote"
    """Of files in object stores as well, and their etags and versions."""
    HASH = "hash"
    """A hash of the content, for which a file is read unless the same one was read before."""
    COPY = "copy"
    """The content as well, which is copied to the store of media unless it is there."""

    __str__ = str.__str__

    @classmethod
    def named(cls, value: str) -> MediaLevel:
        """Finds a level.

        Args:
            value: its name

        Returns:
            the level

        Raises:
            InvalidRequestError: if there is none of that name
        """
        for level in cls:
            if level.value == value.strip().lower():
                return level
        known = ", ".join(f"'{level}'" for level in cls)
        raise InvalidRequestError(f"There is no level {value[:40]!r} of media; there are: {known}")


@dataclass(frozen=True)
class Settings:
    """What the environment asks for."""

    max_in_db: int
    """Snapshots allowed in the whole database, archived ones apart; -1 for no limit."""

    max_per_dataset: int
    """Snapshots allowed per dataset, archived ones apart; -1 for no limit."""

    backend: str
    """Name of the backend that new snapshots are stored with."""

    cache_max: int
    """Older snapshots of a dataset that the delta backend holds ready once they were loaded."""

    trash_days: int
    """Days that discarded states can be brought back; 0 turns the trash off."""

    lock_wait_seconds: int
    """Seconds to wait for another operation on the same dataset before giving up."""

    archive_path: str | None
    """Folder or URL in which archives are kept; None turns archives off."""

    remote: str | None
    """Folder or URL that operators push to and pull from; None for what was used last."""

    min_last_loaded_seconds: int
    """Seconds since its last load after which a snapshot may be archived automatically."""

    auto_unarchive: bool
    """Whether using an archived snapshot brings it back."""

    undo: UndoMode | None
    """Whether what changes much is made undoable where a dataset does not say so itself; None if
    nothing is said here either."""

    undo_seconds: int
    """What that may take, if it is done only where it takes little."""

    undo_samples: int
    """Calls that touch no more samples than that are not made undoable."""

    safety_keep: int
    """The newest operations of a dataset that stay undoable."""

    safety_hours: int
    """Hours of each of which the newest safety snapshot is kept."""

    safety_days: int
    """Days of each of which the newest safety snapshot is kept."""

    safety_weeks: int
    """Weeks of each of which the newest safety snapshot is kept."""

    media: MediaLevel
    """What is found out of the media of a new snapshot, if whoever creates it does not say. At
    :attr:`MediaLevel.STAT` nobody waits for that."""

    media_store: str | None
    """Folder in which copies of media files are kept; None if none are."""

    @classmethod
    def load(cls) -> Settings:
        """Reads the settings.

        Returns:
            the settings

        Raises:
            InvalidSettingError: if a variable holds an unusable value
        """
        return cls(
            max_in_db=_integer("MAX_IN_DB", default=100, minimum=NO_LIMIT),
            max_per_dataset=_integer("MAX_PER_DATASET", default=20, minimum=NO_LIMIT),
            backend=_text("BACKEND", default="duplication"),
            cache_max=_integer("CACHE_MAX", default=3, minimum=0),
            trash_days=_integer("TRASH_DAYS", default=7, minimum=0, maximum=_CENTURY_DAYS),
            lock_wait_seconds=_integer("LOCK_WAIT_SEC", 30, minimum=0, maximum=_CENTURY_SECONDS),
            archive_path=_text("ARCHIVE_PATH", default="") or None,
            remote=_text("REMOTE", default="") or None,
            min_last_loaded_seconds=_integer(
                "MIN_LAST_LOADED_SEC", 86400, minimum=0, maximum=_CENTURY_SECONDS
            ),
            auto_unarchive=_boolean("AUTO_UNARCHIVE", default=False),
            undo=_undo_mode(),
            undo_seconds=_integer("UNDO_SECONDS", 5, minimum=0, maximum=_CENTURY_SECONDS),
            undo_samples=_integer("UNDO_SAMPLES", default=100, minimum=0),
            safety_keep=_integer("SAFETY_KEEP", default=10, minimum=1),
            safety_hours=_integer("SAFETY_HOURS", default=3, minimum=0),
            safety_days=_integer("SAFETY_DAYS", default=3, minimum=0),
            safety_weeks=_integer("SAFETY_WEEKS", default=2, minimum=0),
            media=_media_level(),
            media_store=_text("MEDIA_STORE", default="") or None,
        )


def variable(setting: str) -> str:
    """Returns the name of the environment variable behind a setting.

    Args:
        setting: the attribute of :class:`Settings`, or another name of this package

    Returns:
        the variable's name
    """
    return _PREFIX + setting.upper()


def _text(name: str, default: str) -> str:
    return os.environ.get(_PREFIX + name, "").strip() or default


def _boolean(name: str, default: bool) -> bool:
    text = _text(name, str(default))
    if text.lower() not in _BOOLEANS:
        raise InvalidSettingError(
            f"{_PREFIX}{name} is {text!r}, but must be true or false. Correct it or unset it "
            f"(default: {str(default).lower()})."
        )
    return _BOOLEANS[text.lower()]


def _undo_mode() -> UndoMode | None:
    text = _text("UNDO", default="")
    known = [mode.value for mode in UndoMode]
    if text and text.lower() not in known:
        raise InvalidSettingError(
            f"{_PREFIX}UNDO is {text[:40]!r}, but must be one of {', '.join(known)}. Correct it "
            "or unset it (default: what each dataset says)."
        )
    return UndoMode(text.lower()) if text else None


def _media_level() -> MediaLevel:
    text = _text("MEDIA", default=MediaLevel.STAT)
    try:
        return MediaLevel.named(text)
    except InvalidRequestError as error:
        raise InvalidSettingError(
            f"{_PREFIX}MEDIA: {error}. Correct it or unset it (default: stat)."
        ) from error


def _integer(name: str, default: int, minimum: int, maximum: int | None = None) -> int:
    text = _text(name, str(default))
    try:
        value = int(text)
    except ValueError:
        value = minimum - 1
    if value < minimum or (maximum is not None and value > maximum):
        meaning = " (-1 for no limit)" if minimum == NO_LIMIT else ""
        bounds = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum}"
        raise InvalidSettingError(
            f"{_PREFIX}{name} is {text[:40]!r}, but must be a whole number {bounds}{meaning}. "
            f"Correct it or unset it (default: {default})."
        )
    return value
