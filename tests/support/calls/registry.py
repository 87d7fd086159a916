"""The table itself: what a call is, and how the modules beside this one enter theirs.

A ``Call`` is one way of calling one public member of FiftyOne. A ``Subject`` says on which
object a member is called and how that object is got from a dataset. ``on(subject, ...)``
enters the same function for several subjects:

    @on(DATASET, VIEW).writes("tag_samples")
    def _(collection: fo.Dataset) -> None:
        collection.tag_samples("new")
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import importlib.util
import shutil
from collections.abc import Callable, Iterator
from typing import Any

import fiftyone as fo


class Effect(enum.Enum):
    """What a call does to the dataset it is made on.

    ``READ`` leaves that dataset as it was; it may make another one (a clone, the patches of
    a patches view). ``WRITE`` changes it, or anything in the database that belongs to it.
    """

    READ = "read"
    WRITE = "write"


class Media(enum.Enum):
    """The kinds of dataset that ``fixtures.build`` makes."""

    IMAGE = "image"
    VIDEO = "video"
    GROUP = "group"


IMAGE = frozenset({Media.IMAGE})
VIDEO = frozenset({Media.VIDEO})
GROUP = frozenset({Media.GROUP})
ALL = IMAGE | VIDEO | GROUP

BOOKKEEPING = "writes bookkeeping to its source"
"""The note of readers that leave a trace: users must be able to do them on a snapshot."""

STAMP = frozenset({"last_modified_at"})
"""The usual trace."""


@dataclasses.dataclass(frozen=True)
class Call:
    """One way of calling one public member.

    Attributes:
        member: ``Owner.name``, for a property's setter ``Owner.name.setter``, for a function
            its module and name
        variant: what tells this call from others of the same member
        effect: whether the dataset it gets is changed
        media: the kinds of dataset it can be made on
        run: makes the call; gets a dataset that ``fixtures.build`` made, or a copy of one
        comparable: whether ``plain(run(dataset))`` must be equal on equal datasets
        leaves: keys that a reading call may change in the dataset's documents all the same,
            besides those that loading it changes (``sandbox.LOADED``)
        note: what a reader of the table has to know about this call
        cannot_run: why it fails on an ordinary dataset in this environment, if it does
    """

    member: str
    variant: str
    effect: Effect
    media: frozenset[Media]
    run: Callable[[fo.Dataset], object]
    comparable: bool
    leaves: frozenset[str]
    note: str
    cannot_run: str

    def __str__(self) -> str:
        return f"{self.member}({self.variant})" if self.variant else self.member


@dataclasses.dataclass(frozen=True)
class Subject:
    """What members are called on.

    Attributes:
        owner: the class, as named in ``Call.member``
        get: gets the object from a dataset
        media: the kinds of dataset it can be got from
        kind: tells apart subjects of one class
        usual: the kinds it is got from for calls that do not ask for others, to save time
    """

    owner: str
    get: Callable[[fo.Dataset], Any]
    media: frozenset[Media] = ALL
    kind: str = ""
    usual: frozenset[Media] = ALL


Function = Callable[[Any], object]
_calls: dict[tuple[str, str], Call] = {}


class Entry:
    """Enters functions into the table for some subjects."""

    def __init__(self, *subjects: Subject) -> None:
        self._subjects = subjects

    def reads(
        self,
        name: str,
        variant: str = "",
        *,
        media: frozenset[Media] | None = None,
        comparable: bool = True,
        leaves: frozenset[str] = frozenset(),
        note: str = "",
        cannot_run: str = "",
    ) -> Callable[[Function], Function]:
        """A decorator that enters a function as a reading call."""
        if leaves and not note:
            note = BOOKKEEPING
        call = _Unbound(Effect.READ, name, variant, media, comparable, leaves, note, cannot_run)
        return self._enter(call)

    def writes(
        self,
        name: str,
        variant: str = "",
        *,
        media: frozenset[Media] | None = None,
        note: str = "",
        cannot_run: str = "",
    ) -> Callable[[Function], Function]:
        """A decorator that enters a function as a writing call."""
        call = _Unbound(Effect.WRITE, name, variant, media, False, frozenset(), note, cannot_run)
        return self._enter(call)

    def _enter(self, call: _Unbound) -> Callable[[Function], Function]:
        def enter(function: Function) -> Function:
            for subject in self._subjects:
                media = subject.usual if call.media is None else call.media
                if media & subject.media:
                    _add(call.bind(function, subject, media & subject.media))
            return function

        return enter


@dataclasses.dataclass(frozen=True)
class _Unbound:
    """A call without its subject."""

    effect: Effect
    name: str
    variant: str
    media: frozenset[Media] | None
    comparable: bool
    leaves: frozenset[str]
    note: str
    cannot_run: str

    def bind(self, function: Function, subject: Subject, media: frozenset[Media]) -> Call:
        return Call(
            member=f"{subject.owner}.{self.name}",
            variant=": ".join(part for part in (subject.kind, self.variant) if part),
            effect=self.effect,
            media=media,
            run=lambda dataset: function(subject.get(dataset)),
            comparable=self.comparable,
            leaves=self.leaves,
            note=self.note,
            cannot_run=self.cannot_run,
        )


def on(*subjects: Subject) -> Entry:
    """Starts an entry for functions that take any of these subjects."""
    return Entry(*subjects)


def calls(effect: Effect | None = None, media: Media | None = None) -> Iterator[Call]:
    """The calls of the table, in the order they were entered."""
    for call in _calls.values():
        if effect in (None, call.effect) and (media is None or media in call.media):
            yield call


def missing(needed: str) -> str:
    """Why a call cannot run, if a module or a program is not installed."""
    with contextlib.suppress(ModuleNotFoundError):  # of its parent
        if importlib.util.find_spec(needed) is not None:
            return ""
    if shutil.which(needed) is not None:
        return ""
    return f"needs {needed}"


def _add(call: Call) -> None:
    key = (call.member, call.variant)
    if key in _calls:
        raise ValueError(f"the table has two calls {call}")
    _calls[key] = call
