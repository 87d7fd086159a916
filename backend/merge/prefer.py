"""Deciding conflicts of some kinds or fields before they are met."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from ..errors import InvalidArgumentError, InvalidRequestError
from .conflicts import TAKES, Conflict, ConflictKind, Resolution, Take

_SIDES = {Take.OURS.value: Take.OURS, Take.THEIRS.value: Take.THEIRS}
_KINDS = {kind.value: kind for kind in ConflictKind}


@dataclass(frozen=True)
class Preference:
    """Which side is preferred where both have changed the same."""

    side: Take | None = None
    """Everywhere."""
    kinds: Mapping[ConflictKind, Take] = field(default_factory=dict)
    fields: Mapping[str, Take] = field(default_factory=dict)

    @classmethod
    def of(cls, given: object) -> Preference:
        """Reads what a caller gives.

        Args:
            given: None, ``"ours"``, ``"theirs"``, or a dict of kinds and fields to these

        Returns:
            the preference

        Raises:
            InvalidArgumentError: if it is something else
        """
        if given is None:
            return cls()
        if isinstance(given, str):
            return cls(_side(given))
        if not isinstance(given, Mapping):
            raise _wrong(given)
        kinds, fields = {}, {}
        for name, side in given.items():
            if not isinstance(name, str):
                raise _wrong(name)
            if name in _KINDS:
                kinds[_KINDS[name]] = _side(side)
            else:
                fields[str(name)] = _side(side)
        return cls(None, kinds, fields)

    def check(self, known: Collection[str]) -> None:
        """Refuses fields that nobody has.

        Args:
            known: the fields of both sides and their base, those of frames with the prefix
                ``frames.``, and what their datasets say of themselves

        Raises:
            InvalidRequestError: if there is one
        """
        for name in self.fields:
            if not any(f"{name}.".startswith(f"{each}.") for each in (*known, "frames")):
                raise InvalidRequestError(
                    f"prefer: neither side has a field '{name}', and no kind of conflict is "
                    "called so"
                )

    def decide(self, conflict: Conflict) -> Resolution | None:
        """Returns how a conflict is decided, if it is."""
        if Take.OURS not in TAKES[conflict.kind]:
            return None
        side = self.kinds.get(conflict.kind, self.side)
        for name, preferred in self.fields.items():
            if conflict.path == name or conflict.path.startswith(f"{name}."):
                side = preferred
        return None if side is None else Resolution(side)


def _side(given: object) -> Take:
    if isinstance(given, str) and given in _SIDES:
        return _SIDES[given]
    raise _wrong(given)


def _wrong(given: object) -> InvalidArgumentError:
    shown = repr(given)[:80]
    return InvalidArgumentError(
        f"prefer must be 'ours', 'theirs', or a dict of kinds and fields to these, not {shown}"
    )
