"""Fields are found at the top level only, whatever else the bytes look like."""

from __future__ import annotations

import re
from typing import Any

import bson
from bson import Binary, Code, Decimal128, Int64, MaxKey, MinKey, ObjectId, Timestamp
from bson.raw_bson import RawBSONDocument
from hypothesis import given
from hypothesis import strategies as st

from fiftyone_snapshots.backend.rawbson import equality, layout
from support.brute_force import meaning

STAMP = layout.Wanted("last_modified_at", 0x09)
OWNER = layout.Wanted("_sample_id", 0x07)
DECOY = b"\x09last_modified_at\x00" + bytes(8) + b"\x07_sample_id\x00" + bytes(12)

NAMES = st.sampled_from(["last_modified_at", "_sample_id", "a", "größe", "tags", "_id", ""])
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.text(),
    st.datetimes(),
    st.binary(max_size=12).map(lambda data: Binary(data, 5)),
    st.just(DECOY),
    st.just(DECOY.decode("latin-1")),
    st.builds(ObjectId),
    st.sampled_from([Int64(3), Decimal128("1.5"), Timestamp(1, 2), MinKey(), MaxKey()]),
    st.just(re.compile("a.b", re.IGNORECASE)),
    st.sampled_from([Code("f()"), Code("f()", {"x": 1})]),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=8,
)
DOCUMENTS = st.dictionaries(NAMES, VALUES, max_size=7).map(bson.encode)


@given(st.lists(DOCUMENTS, min_size=1, max_size=12))
def test_positions_are_those_of_decoding(documents: list[bytes]) -> None:
    batch = layout.DocumentBatch.of(b"".join(documents))

    stamps, owners = layout.locate(batch, [STAMP, OWNER])

    assert list(batch) == documents
    for document, start, stamp, owner in zip(documents, batch.starts, stamps, owners, strict=True):
        fields = layout.fields(document)
        for wanted, place, size in ((STAMP, stamp, 8), (OWNER, owner, 12)):
            element = fields.get(wanted.name, b"\x00")
            if element[0] == wanted.type:
                assert batch.data[place : place + size] == element[1:]
                assert start < place < start + len(document)
            else:
                assert place == layout.NOT_FOUND


@given(st.lists(DOCUMENTS, max_size=120))
def test_the_documents_of_an_array_are_found(documents: list[bytes]) -> None:
    array = bson.encode({str(n): RawBSONDocument(each) for n, each in enumerate(documents)})

    batch = layout.DocumentBatch.of_array(array)

    assert list(batch) == documents == [batch[number] for number in range(len(batch))]
    assert batch.joined() == b"".join(documents)


@given(DOCUMENTS)
def test_fields_are_cut_where_decoding_cuts_them(document: bytes) -> None:
    fields = layout.fields(document)

    again = {name: equality.decode(element) for name, element in fields.items()}

    assert list(again) == list(bson.decode(document))
    assert bson.encode(again) == bson.encode(bson.decode(document))


def test_names_at_the_end_of_a_run_are_not_looked_for_beyond_it() -> None:
    documents = [bson.encode({"last_modified_at": None, "a": 1})] * 9 + [bson.encode({"b": 1})]
    batch = layout.DocumentBatch.of(b"".join(documents))

    (stamps,) = layout.locate(batch, [STAMP])

    assert set(stamps) == {layout.NOT_FOUND}


def same(one: Any, other: Any) -> bool:
    return equality.equal(bson.encode({"v": one}), bson.encode({"v": other}))


def test_what_fiftyone_does_not_tell_apart_is_the_same() -> None:
    nan = float("nan")
    assert equality.equal(bson.encode({}), bson.encode({"v": None}))
    assert same({"a": {"b": None}}, {"a": {}})
    assert same({"a": 1, "b": 2}, {"b": 2, "a": 1})
    assert same([{"a": None}], [{}])
    assert same(1, 1.0)
    assert same(1, Int64(1))
    assert same(0.0, -0.0)
    assert same([nan], [nan])


def test_what_it_tells_apart_differs() -> None:
    assert not same(1, True)
    assert not same(0, False)
    assert not same({"a": 1}, {"a": True})
    assert not same("1", 1)
    assert not same([1, 2], [2, 1])
    assert not same([None], [])
    assert not same({}, None)
    assert not same([], None)
    assert not same(b"\x00", Binary(b"\x00", 5))
    assert not same(ObjectId("6" * 24), "6" * 24)
    assert not same(2**53 + 1, float(2**53))


def test_bookkeeping_is_no_content_but_only_at_the_top() -> None:
    for name in ("_dataset_id", "_rand", "created_at", "last_modified_at"):
        one, other = bson.encode({name: 1}), bson.encode({name: 2})
        assert equality.equal(one, other)
        assert not same({name: 1}, {name: 2})


def test_deeply_nested_documents_of_the_same_content_take_no_time() -> None:
    one: Any = 1
    other: Any = 1.0
    for _ in range(80):
        one, other = {"a": 0, "inner": one}, {"inner": other, "a": 0, "none": None}

    assert same(one, other)
    assert not same(one, {"inner": other})


@given(VALUES, VALUES)
def test_values_are_the_same_if_their_meaning_is(one: Any, other: Any) -> None:
    one, other = (bson.decode(bson.encode({"v": value})) for value in (one, other))

    assert same(one["v"], one["v"])
    assert same(one["v"], other["v"]) == (meaning(one) == meaning(other))
