"""What is known of files, as it is stored, and as it comes from elsewhere."""

from __future__ import annotations

import zlib
from base64 import b64encode
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.media import carried, front_coding
from fiftyone_snapshots.backend.media.listing import FileState, Fingerprint, Listing


def test_archives_of_others_are_not_trusted() -> None:
    listing = Listing.of(
        [("/a", Fingerprint(FileState.FILE, 3, 4, -5, f"sha256:{0:064}")), ("/ab", _MISSING)]
    )
    data = listing.to_bytes()
    again = Listing.from_bytes(data)
    assert list(again.items()) == list(listing.items())
    assert list(Listing.from_bytes(Listing.empty().to_bytes()).items()) == []
    for damaged in (b"", data[:40], data[:-3], data[:60] + b"x" + data[61:], bytes(len(data))):
        with pytest.raises(ValueError):  # noqa: PT011 (whatever it says)
            Listing.from_bytes(damaged)
    good = {
        "level": "stat",
        "captured_at": datetime.fromisoformat("2026-01-01"),
        "data": b64encode(data).decode(),
    }
    assert len(carried.read(good, "x.tar")[2]) == 2
    for key, value in {"level": "all", "captured_at": 1, "data": "ä"}.items():
        with pytest.raises(fos.DamagedArchiveError, match=r"x\.tar"):
            carried.read({**good, key: value}, "x.tar")


_MISSING = Fingerprint(FileState.MISSING)


@settings(max_examples=30)
@given(
    st.dictionaries(
        st.text(max_size=20),
        st.tuples(
            st.sampled_from([FileState.FILE, FileState.MISSING]),
            st.integers(0, 2**62),
            *[st.integers(-(2**63), 2**63 - 1)] * 2,
            st.sampled_from(["", f"sha256:{0:064}", "md5:1"]),
        ),
    ),
    st.data(),
)
def test_listings_are_what_they_were(
    found: dict[str, tuple[FileState, int, int, int, str]], data: st.DataObject
) -> None:
    items = [(path, Fingerprint(*each)) for path, each in sorted(found.items())]
    listing = Listing.of(items)
    assert list(Listing.from_bytes(listing.to_bytes()).items()) == items
    kept = [item for item in items if data.draw(st.booleans())]
    changed = {
        path: each._replace(size=1) if data.draw(st.booleans()) else each for path, each in kept
    }
    changed.update(dict.fromkeys(data.draw(st.lists(st.text(max_size=3))), _MISSING))
    newer = Listing.of(sorted(changed.items()))
    difference = listing.difference(newer)
    assert list(listing.updated(difference).items()) == list(newer.items())
    assert len(newer.difference(newer)) == 0


def test_little_that_unpacks_to_much_is_refused() -> None:
    """Some kilobytes of an archive's header become 200 MB here, and could become terabytes."""
    counts = np.array([[0] + [10**6] * 200, [10**6] + [0] * 200], "<u4")
    packed = zlib.compress(counts.tobytes()), zlib.compress(b"a" * 10**6)
    with pytest.raises(ValueError, match=r"."):
        front_coding.unpack(*packed)
