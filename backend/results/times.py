"""Times: they are shown in FiftyOne's zone, and always with it.

FiftyOne gives times of UTC without saying so, unless ``fiftyone.config.timezone`` names a zone:
then they are times of that, and say so.
"""

from __future__ import annotations

from datetime import date, datetime, time, timezone, tzinfo
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:  # help and completion of the command line must not wait for it
    from pymongo.database import Database


def zone(database: Database[Any]) -> tzinfo:
    """Returns the zone in which FiftyOne gives times.

    Args:
        database: FiftyOne's database

    Returns:
        that of ``fiftyone.config.timezone``, or else UTC
    """
    return database.codec_options.tzinfo or timezone.utc


def zoned(moment: datetime) -> datetime:
    """Returns a time that says its zone; one that does not is one of UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def begin(day: date, where: tzinfo) -> datetime:
    """Returns the moment at which a day begins in a zone."""
    return at(datetime.combine(day, time()), where)


def at(clock: datetime, where: tzinfo) -> datetime:
    """Returns the moment at which clocks of a zone show a time.

    Args:
        clock: what they show; with a zone of its own, it stays what it is
        where: the zone

    Returns:
        the moment, with its zone
    """
    if clock.tzinfo:
        return clock
    # The zones of pytz, which FiftyOne takes, are not to be set: they change with the season
    localize = getattr(where, "localize", None)
    found: datetime = localize(clock) if localize else clock.replace(tzinfo=where)
    return found


def shown(moment: datetime, *, seconds: bool = False) -> str:
    """Returns a time for people: ``2026-03-01 10:00 UTC``."""
    pattern = "%Y-%m-%d %H:%M:%S %Z" if seconds else "%Y-%m-%d %H:%M %Z"
    return zoned(moment).strftime(pattern)
