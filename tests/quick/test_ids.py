"""Looking ids up in sorted arrays of ids."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fiftyone_snapshots.backend.rawbson.ids import DTYPE, Keys, positions

#: Few enough to meet, many enough for several runs; zeros at the end, which numpy strips
_NUMBERS = st.integers(0, 120).map(lambda number: number * 256)


def _keys(numbers: list[int]) -> Keys:
    return np.array([number.to_bytes(12, "big") for number in numbers], DTYPE)


@given(st.sets(_NUMBERS), st.lists(_NUMBERS))
def test_every_key_is_found_where_it_is_and_no_other(there: set[int], wanted: list[int]) -> None:
    keys = _keys(sorted(there))

    places, known = positions(keys, _keys(wanted))

    assert known.tolist() == [number in there for number in wanted]
    assert [sorted(there)[place] for place in places[known]] == [n for n in wanted if n in there]


@pytest.mark.parametrize("step", [1, 2, 3, 1000])
def test_runs_are_found_whatever_was_added_and_deleted_between_them(step: int) -> None:
    numbers = np.arange(5000)
    there, wanted = np.delete(numbers, numbers[::step]), np.delete(numbers, numbers[1::step])

    places, known = positions(_keys(there.tolist()), _keys(wanted.tolist()))

    assert np.array_equal(known, np.isin(wanted, there))
    assert np.array_equal(there[places[known]], wanted[known])
