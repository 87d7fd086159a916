"""The table of FiftyOne's calls is complete, its calls run, and do what the table says.

The first two tests try FiftyOne and not us. They run when FiftyOne or the table has changed since
they were last noted to hold (``make note-fiftyone``), and in ``make test-long``.
"""

from __future__ import annotations

import inspect
from typing import TYPE_CHECKING

import fiftyone as fo
import pytest

from support.calls import Call, Effect, Media, calls
from support.calls.fixtures import build
from support.calls.functions import CANNOT_RUN, READ_ONLY, SAME_AS, takes_samples
from support.calls.plain import plain
from support.calls.sandbox import LOADED, Sandbox
from support.calls.subjects import OWNERS

if TYPE_CHECKING:
    from collections.abc import Iterator

TABLE = {call.member for call in calls()}

#: Dunders that say how an object is built or stored, not what it does.
UNCALLED = {
    *("__dict__", "__doc__", "__getattribute__", "__hash__", "__init__", "__module__"),
    *("__slots__", "__weakref__", "__firstlineno__", "__static_attributes__"),
}


@pytest.fixture(scope="module", autouse=True)
def clean_database() -> Iterator[None]:
    """In place of cleaning after each test: all tests here use the same datasets."""
    yield
    for name in fo.list_datasets():
        fo.delete_dataset(name)


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Sandbox:
    """A dataset of each kind of media, and its twin."""
    folder = tmp_path_factory.mktemp("media")
    for media in Media:
        build(media, media.value, folder / media.value).clone(_twin(media))
    return Sandbox()


def _twin(media: Media) -> str:
    return f"{media.value}-twin"


def _runnable(effect: Effect) -> list[object]:
    return [
        pytest.param(call, media, id=f"{call}-{media.value}")
        for media in Media
        for call in calls(effect, media)
        if not call.cannot_run
    ]


@pytest.mark.fiftyone
@pytest.mark.parametrize(("call", "media"), _runnable(Effect.WRITE))
def test_a_writing_call_changes_the_dataset(sandbox: Sandbox, call: Call, media: Media) -> None:
    try:
        call.run(sandbox.dataset(media.value))
        changes = sandbox.changes_of(media.value)
    finally:
        sandbox.restore()

    assert any(change.is_more_than(LOADED) for change in changes)


@pytest.mark.fiftyone
@pytest.mark.parametrize(("call", "media"), _runnable(Effect.READ))
def test_a_reading_call_leaves_the_dataset_alone(
    sandbox: Sandbox, call: Call, media: Media
) -> None:
    try:
        result = plain(call.run(sandbox.dataset(media.value)))
        if call.comparable:
            assert result == plain(call.run(sandbox.dataset(_twin(media))))
        changes = sandbox.changes_of(media.value)
    finally:
        sandbox.restore()

    assert not [change for change in changes if change.is_more_than(LOADED | call.leaves)]


@pytest.mark.parametrize("owner", OWNERS)
def test_every_public_member_is_in_the_table(owner: str) -> None:
    assert not [name for name in _members(OWNERS[owner]) if not _is_known(OWNERS[owner], name)]


def test_every_function_that_takes_samples_is_in_the_table() -> None:
    known = {*TABLE, *SAME_AS, *READ_ONLY, *CANNOT_RUN}
    assert not sorted(set(takes_samples()) - known)
    assert TABLE.issuperset(SAME_AS.values())


def _members(owner: type) -> Iterator[str]:
    """The names of the public members of a class, and of its properties' setters."""
    for name in dir(owner):
        dunder = name.startswith("__")
        if dunder and (name in UNCALLED or _defined_by(owner, name) is object):
            continue
        if name.startswith("_") and not dunder:
            continue
        yield name
        member = inspect.getattr_static(owner, name)
        if isinstance(member, property) and member.fset is not None:
            yield f"{name}.setter"


def _defined_by(owner: type, name: str) -> type:
    return next(base for base in owner.__mro__ if name in vars(base))


def _is_known(owner: type, name: str) -> bool:
    """Whether the table has this member, of this class or of one that shares it."""
    attribute = name.removesuffix(".setter")
    return any(
        f"{other}.{name}" in TABLE
        for other, other_class in OWNERS.items()
        if hasattr(other_class, attribute)
        and inspect.getattr_static(other_class, attribute)
        is inspect.getattr_static(owner, attribute)
    )
