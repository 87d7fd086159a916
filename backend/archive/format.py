"""What an archive looks like; docs/archive-format.md explains it to those who read one by hand.

An archive is one tar file, written and read front to back::

    snapshot.json              what it is a snapshot of, and the version of this format
    dataset/000000.bson.zst    documents as BSON, one after the other, in their order
    …
    samples/000000.bson.zst    cut into pieces of some megabytes, each a zstd file of its own
    samples/000001.bson.zst
    …
    parts.json                 how many documents and bytes each part has
    SHA256SUMS                 checksums of all files above, as sha256sum writes them

What comes first tells at once whether, and what, to read on; what comes last, whether all came.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, TypeGuard, TypeVar

from bson import ObjectId, json_util
from bson.errors import BSONError

from ..catalog.record import SnapshotRecord
from ..dataset.parts import Part
from ..errors import DamagedArchiveError, NewerFormatError, NotAnArchiveError
from ..mongo.database import Document

T = TypeVar("T")

NAME = "fiftyone-snapshot"
VERSION = 1
"""Raised when older code would misread what is written; older archives stay readable."""

HEADER = "snapshot.json"
PARTS = "parts.json"
CHECKSUMS = "SHA256SUMS"

PIECE_BYTES = 8 * 1024 * 1024
"""A piece is full from this size on, before compression: several of them are in memory at once."""

MAX_PIECE_BYTES = 64 * 1024 * 1024
"""Of what others have written, larger pieces are refused. MongoDB's documents have up to 16 MB."""

_YEARS = range(1970, 9999)
"""Others cannot be shown in every zone."""

ORDER = (
    Part.DATASET,
    Part.VIEWS,
    Part.WORKSPACES,
    Part.RUNS,
    Part.TAGS,
    Part.STORE,
    Part.RESULT_FILES,
    Part.SAMPLES,
    Part.FRAMES,
    Part.RESULT_CHUNKS,
)
"""Small parts first, so that they can be read without the rest."""

_PIECE = re.compile(r"([a-z_.]+)/(\d{6})\.bson\.zst")
_CHECKSUM = re.compile(r"([0-9a-f]{64})  (\S+)")


@dataclass(frozen=True)
class Header:
    """What an archive says about itself first."""

    snapshot_id: ObjectId
    dataset_id: ObjectId
    dataset_name: str
    name: str
    description: str | None
    created_at: datetime
    created_by: str | None
    tags: tuple[str, ...]
    sample_count: int
    size_bytes: int
    """Of BSON, before compression."""
    indexes: Mapping[Part, list[Document]] = field(default_factory=dict)
    media: Document | None = None
    """What was captured of the media, if anything was, see :mod:`..media.carried`."""

    @classmethod
    def of(
        cls,
        record: SnapshotRecord,
        dataset_name: str,
        indexes: Mapping[Part, list[Document]],
        media: Document | None = None,
    ) -> Header:
        """Describes a snapshot.

        Args:
            record: the snapshot
            dataset_name: the name of its dataset
            indexes: the indexes of samples and frames
            media (None): what was captured of the media

        Returns:
            the header
        """
        return cls(
            snapshot_id=record.id,
            dataset_id=record.dataset_id,
            dataset_name=dataset_name,
            name=record.name,
            description=record.description,
            created_at=record.created_at,
            created_by=record.created_by,
            tags=record.tags,
            sample_count=record.sample_count,
            size_bytes=record.size_bytes,
            indexes=indexes,
            media=media,
        )

    def to_json(self) -> bytes:
        """Returns the file that stands first in the archive."""
        return to_json(
            {
                "format": NAME,
                "version": VERSION,
                "dataset": {"id": self.dataset_id, "name": self.dataset_name},
                "snapshot": {
                    "id": self.snapshot_id,
                    "name": self.name,
                    "description": self.description,
                    "created_at": self.created_at,
                    "created_by": self.created_by,
                    "tags": list(self.tags),
                    "sample_count": self.sample_count,
                    "size_bytes": self.size_bytes,
                },
                "indexes": {part.value: found for part, found in self.indexes.items()},
                **({} if self.media is None else {"media": self.media}),
            }
        )

    @classmethod
    def from_json(cls, data: bytes, source: str) -> Header:
        """Reads what :meth:`to_json` wrote.

        Args:
            data: the file
            source: where the archive is, for the error

        Returns:
            the header

        Raises:
            NotAnArchiveError: if it says something else
            NewerFormatError: if a newer version of this package wrote it
            DamagedArchiveError: if something is missing
        """
        document = from_json(data)
        if not isinstance(document, dict) or document.get("format") != NAME:
            raise not_an_archive(source)
        version = document.get("version")
        if not _is_count(version) or version < 1:
            raise _damaged(source, f"has the version {str(version)[:20]!r}, which there never was")
        if version > VERSION:
            raise NewerFormatError(
                f"'{source}' is a snapshot archive of format {version}, but this version of "
                f"fiftyone-snapshots reads formats up to {VERSION}. Upgrade it with: "
                "pip install --upgrade fiftyone-snapshots"
            )
        try:
            return cls._of_json(document)
        except KeyError as error:
            raise _damaged(source, f"lacks {error}") from error
        except (TypeError, ValueError, AttributeError) as error:
            raise _damaged(source, f"cannot be read ({error})") from error

    @classmethod
    def _of_json(cls, document: Document) -> Header:
        snapshot, dataset = document["snapshot"], document["dataset"]
        return cls(
            snapshot_id=_checked(snapshot, "id", ObjectId),
            dataset_id=_checked(dataset, "id", ObjectId),
            dataset_name=_text(_checked(dataset, "name", str)),
            name=_text(_checked(snapshot, "name", str)),
            # Earlier versions took whatever they were given for these
            description=_optional_text(snapshot["description"]),
            created_at=_time(snapshot, "created_at"),
            created_by=_optional_text(snapshot["created_by"]),
            tags=tuple(_text(str(tag)) for tag in _list(snapshot.get("tags", []))),
            sample_count=_count(snapshot, "sample_count"),
            size_bytes=_count(snapshot, "size_bytes"),
            indexes={
                Part(part): [_index(each) for each in found]
                for part, found in document["indexes"].items()
            },
            media=None if (media := document.get("media")) is None else dict(media),
        )


@dataclass(frozen=True)
class PartTotals:
    """How much of one kind of documents an archive holds."""

    documents: int = 0
    size_bytes: int = 0

    def plus(self, documents: int, size_bytes: int) -> PartTotals:
        """Returns the totals with some more documents."""
        return PartTotals(self.documents + documents, self.size_bytes + size_bytes)


def _checked(values: Document, key: str, kind: type[T]) -> T:
    value = values[key]
    if not isinstance(value, kind):
        raise ValueError(f"{key} is {str(value)[:50]!r}")  # noqa: TRY004 (the file's fault)
    return value


def _time(values: Document, key: str) -> datetime:
    value = _checked(values, key, datetime)
    if value.year not in _YEARS:
        raise ValueError(f"{key} is in the year {value.year}")
    return value


def _count(values: Document, key: str) -> int:
    value = values[key]
    if not _is_count(value):
        raise ValueError(f"{key} is {str(value)[:50]!r}")
    return value


def _is_count(value: object) -> TypeGuard[int]:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 2**63


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise ValueError(f"{str(value)[:50]!r} is no list")  # noqa: TRY004 (the file's fault)
    return value


def _text(value: str) -> str:
    value.encode()  # half a surrogate pair fits into no document
    return value


def _optional_text(value: object) -> str | None:
    return None if value is None else _text(str(value))


def _index(value: object) -> Document:
    """Checks that an index has the form that ``listIndexes`` gives; the server checks the rest."""
    if not isinstance(value, dict) or not isinstance(value.get("name"), str):
        raise ValueError(f"{str(value)[:50]!r} is no index")  # noqa: TRY004 (the file's fault)
    if not isinstance(value.get("key"), dict) or not value["key"]:
        raise ValueError(f"the index {value['name'][:50]!r} has no key")
    return value


def totals_to_json(totals: Mapping[Part, PartTotals]) -> bytes:
    """Returns the file that says how much there is of each part.

    Args:
        totals: the totals of each part, also of those without documents

    Returns:
        the file
    """
    return to_json(
        {
            part.value: {"documents": each.documents, "bytes": each.size_bytes}
            for part, each in totals.items()
        }
    )


def totals_from_json(data: bytes) -> dict[Part, PartTotals]:
    """Reads what :func:`totals_to_json` wrote.

    Args:
        data: the file

    Returns:
        the totals of each part

    Raises:
        ValueError: if it is something else
    """
    document = from_json(data)
    if not isinstance(document, dict):
        raise ValueError("it is no JSON object")  # noqa: TRY004 (the file's fault, not the code's)
    return {
        Part(part): PartTotals(int(each["documents"]), int(each["bytes"]))
        for part, each in document.items()
    }


def piece_name(part: Part, number: int) -> str:
    """Returns the name of a piece.

    Args:
        part: what it holds
        number: its place among the pieces of that part

    Returns:
        the name
    """
    return f"{part.value}/{number:06}.bson.zst"


def piece_of(name: str) -> tuple[Part, int] | None:
    """Reads the name of a piece.

    Args:
        name: the name of a file in an archive

    Returns:
        what it holds and its place, or None if it is no piece that we know
    """
    match = _PIECE.fullmatch(name)
    if match is None or match[1] not in [part.value for part in Part]:
        return None
    return Part(match[1]), int(match[2])


def checksums_to_text(checksums: Mapping[str, str]) -> bytes:
    """Returns the file that ``sha256sum --check`` reads.

    Args:
        checksums: the checksum of each file

    Returns:
        the file
    """
    return "".join(f"{checksum}  {name}\n" for name, checksum in checksums.items()).encode()


def checksums_from_text(data: bytes) -> dict[str, str]:
    """Reads what :func:`checksums_to_text` wrote.

    Args:
        data: the file

    Returns:
        the checksum of each file

    Raises:
        ValueError: if it is something else
    """
    found = {}
    for line in data.decode().splitlines():
        match = _CHECKSUM.fullmatch(line)
        if match is None:
            raise ValueError(f"the line {line[:100]!r} holds no checksum")
        found[match[2]] = match[1]
    return found


def to_json(value: Any) -> bytes:
    """Returns MongoDB's extended JSON, which keeps ids and times, made to be read."""
    options = json_util.RELAXED_JSON_OPTIONS
    text = json_util.dumps(value, indent=2, ensure_ascii=False, json_options=options)
    return (text + "\n").encode()


def from_json(data: bytes) -> Any:
    """Reads what :func:`to_json` wrote; None if it is no JSON at all."""
    options = json_util.JSONOptions(tz_aware=False)
    try:
        return json_util.loads(data.decode(), json_options=options)
    except (ValueError, TypeError, LookupError, AttributeError, ArithmeticError):
        return None
    except (BSONError, RecursionError):
        return None


def _damaged(source: str, reason: str) -> DamagedArchiveError:
    return DamagedArchiveError(f"The archive '{source}' is damaged: {HEADER} {reason}")


def not_an_archive(source: str) -> NotAnArchiveError:
    """Returns the error that says that something else was found."""
    return NotAnArchiveError(
        f"'{source}' is no archive of a snapshot; archives are written by archive_snapshot() and "
        "export_snapshot()"
    )
