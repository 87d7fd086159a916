"""What the objects of a remote are called, and what a commit says.

::

    <dataset's id>/segments/<sha256>          documents: BSON in zstd
    <dataset's id>/manifests/<sha256>         where the documents of a snapshot are
    <dataset's id>/snapshots/<slug>.json      the commit of a snapshot, written last
    <dataset's id>/notes/<sha256>             what was captured of a snapshot's media
    <dataset's id>/edits/<snapshot's id>/<n>.json  what was edited of a snapshot since
    <dataset's id>/pushing/<database's id>    a push that is under way, or was broken off
    remote.json                               that it is a remote, and of which version
"""

from __future__ import annotations

import hashlib
import re
import struct
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any
from urllib.parse import quote, unquote

from bson import ObjectId

from ..archive import format as archive_format
from ..archive.format import Header, from_json, to_json
from ..catalog import names
from ..catalog.record import MergedFrom
from ..dataset.parts import Part
from ..errors import (
    DamagedArchiveError,
    DamagedRemoteError,
    NewerFormatError,
    NotAnArchiveError,
    NotARemoteError,
)
from ..mongo.database import Document
from .store import Created, RemoteStore

FORMAT = "fiftyone-snapshots-remote"
VERSION = 1
"""Raised when older code would misread what is written; older remotes stay readable."""

ROOT = "remote.json"

UNIQUE_BYTES = 16
UNIQUE = struct.pack("<II", 0x184D2A50, UNIQUE_BYTES)
"""What a segment ends with, before some random bytes, if one like it must not be used: a frame
that zstd skips."""

_SHA256 = 64
_OBJECT = re.compile(r"[0-9a-f]{64}")
_NEVER = re.compile(r"[^0-9A-Za-z%\x80-\U0010ffff-]")
"""What is in no slug; a slug that was cut off may end with a part of an escape."""
_NOTE = re.compile(r"[0-9a-z]+(-[0-9a-f]+)?")
_MOST_SLUG = 200
"""Characters of a slug in a name: file systems take 255 bytes."""


def segment_key(dataset_id: ObjectId, name: str) -> str:
    """Returns where a segment is."""
    return f"{dataset_id}/segments/{name}"


def manifest_key(dataset_id: ObjectId, name: str) -> str:
    """Returns where a manifest is."""
    return f"{dataset_id}/manifests/{name}"


def note_key(dataset_id: ObjectId, name: str) -> str:
    """Returns where what was captured of the media of a snapshot is."""
    return f"{dataset_id}/notes/{name}"


def commits(dataset_id: ObjectId) -> str:
    """Returns the folder of the commits of a dataset."""
    return f"{dataset_id}/snapshots"


def commit_key(dataset_id: ObjectId, name: str) -> str:
    """Returns where the commit of a snapshot is: one place for all names that read the same."""
    slug = quote(names.slug(name), safe="")
    if len(slug) > _MOST_SLUG:
        slug = f"{slug[:100]}-{sha256(slug.encode())}"
    return f"{commits(dataset_id)}/{slug}.json"


def pushes(dataset_id: ObjectId) -> str:
    """Returns the folder of the notes of pushes that are under way."""
    return f"{dataset_id}/pushing"


def is_commit(key: str) -> bool:
    """Returns whether a commit may be there: people and programs leave other files in folders.

    What is taken for none is not listed, and what it needs is collected. So this goes by what is
    in no slug, now and ever: ASCII other than letters, digits and hyphens.
    """
    folder, _, name = key.rpartition("/")
    stem = name.removesuffix(".json")
    if stem == name or not folder.endswith("/snapshots") or folder.count("/") != 1:
        return False
    return stem.isascii() and stem != "" and _NEVER.search(unquote(stem, errors="replace")) is None


def is_note(key: str) -> bool:
    """Returns whether the note of a push may be there."""
    return _NOTE.fullmatch(key.rpartition("/")[2]) is not None


def is_object(key: str) -> bool:
    """Returns whether a segment or manifest may be there."""
    return _OBJECT.fullmatch(key.rpartition("/")[2]) is not None


def sha256(data: bytes) -> str:
    """Returns the name of an object with some content."""
    return hashlib.sha256(data).hexdigest()


@dataclass(frozen=True)
class Said:
    """What can be edited of a snapshot."""

    description: str | None
    tags: tuple[str, ...]
    is_pinned: bool

    def to_document(self) -> Document:
        """Returns it as edits and the catalog keep it."""
        return {"description": self.description, "tags": list(self.tags), "pinned": self.is_pinned}

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> Said:
        """Reads what :meth:`to_document` wrote.

        Raises:
            ValueError: if it is something else
        """
        description, tags = document["description"], document["tags"]
        if not isinstance(description, (str, type(None))):
            raise ValueError("a description")  # noqa: TRY004 (the object's fault)
        if not isinstance(tags, list) or not all(isinstance(tag, str) for tag in tags):
            raise ValueError("tags")
        return cls(description, tuple(tags), document["pinned"] is True)


@dataclass(frozen=True)
class Commit:
    """What a remote says of a snapshot."""

    header: Header
    manifest: str
    """The name of the manifest."""
    content: Mapping[Part, str]
    """The fingerprint of each part, by which who pulls it knows that it is what was pushed."""
    parent_id: ObjectId | None
    """The snapshot that came before it, where it was created."""
    is_pinned: bool
    pushed_by: str
    """The id of the database that it was pushed from."""
    media: str | None = None
    """The name of the note of its media, if there is one."""
    merged_from: MergedFrom | None = None
    """What was merged, if it is what a merge has ended with."""
    edit: int = 0
    """How often it was edited since."""
    before: Said | None = None
    """What it said at first, if it was edited."""

    @property
    def id(self) -> ObjectId:
        """The snapshot's id."""
        return self.header.snapshot_id

    @property
    def name(self) -> str:
        """The snapshot's name."""
        return self.header.name

    @property
    def said(self) -> Said:
        """What is said of it now."""
        return Said(self.header.description, self.header.tags, self.is_pinned)

    @property
    def said_at_first(self) -> Said:
        """What was said of it when it was pushed."""
        return self.before or self.said

    def edited(self, number: int, said: Said) -> Commit:
        """Returns the commit as it was edited since."""
        header = replace(self.header, description=said.description, tags=said.tags)
        return replace(
            self, header=header, is_pinned=said.is_pinned, edit=number, before=self.said
        )

    def to_json(self) -> bytes:
        """Returns the object that makes the snapshot one of the remote's."""
        return to_json(
            {
                "format": FORMAT,
                "version": VERSION,
                "manifest": self.manifest,
                "content": {part.value: found for part, found in self.content.items()},
                "parent": self.parent_id,
                "pinned": self.is_pinned,
                "pushed_by": self.pushed_by,
                "snapshot": from_json(self.header.to_json()),
                # Who knows nothing of these skips them
                **({} if self.media is None else {"media": self.media}),
                **(
                    {}
                    if self.merged_from is None
                    else {"merged_from": self.merged_from.to_document()}
                ),
            }
        )

    @classmethod
    def from_json(cls, data: bytes, source: str) -> Commit:
        """Reads what :meth:`to_json` wrote.

        Args:
            data: the object
            source: where it is, for the error

        Returns:
            the commit

        Raises:
            NewerFormatError: if a newer version of this package wrote it
            DamagedRemoteError: if it is something else
        """
        document = checked(from_json(data), source)
        try:
            header = Header.from_json(to_json(document["snapshot"]), source)
            parent = document["parent"]
            return cls(
                header=header,
                manifest=_name(document["manifest"]),
                content={Part(part): _name(found) for part, found in document["content"].items()},
                parent_id=None if parent is None else _id(parent),
                is_pinned=document["pinned"] is True,
                pushed_by=str(document["pushed_by"])[:100],
                media=None if document.get("media") is None else _name(document["media"]),
                merged_from=_merged(document.get("merged_from")),
            )
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise damaged(source, f"it lacks or misstates {error}") from error
        except (DamagedArchiveError, NotAnArchiveError) as error:
            raise damaged(source, str(error)) from error


def checked(document: Any, source: str) -> dict[str, Any]:
    """Checks that an object says that it is one of a remote, and of a version that we read.

    Args:
        document: what it says
        source: where it is, for the error

    Returns:
        the same

    Raises:
        NewerFormatError: if a newer version of this package wrote it
        DamagedRemoteError: if it says something else
    """
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise damaged(source, "it is not what a remote holds there")
    version = document.get("version")
    if not isinstance(version, int) or isinstance(version, bool) or version < 1:
        raise damaged(source, f"it has the version {str(version)[:20]!r}, which there never was")
    if version > VERSION:
        raise NewerFormatError(
            f"'{source}' is of format {version}, but this version of fiftyone-snapshots reads "
            f"formats up to {VERSION}. Upgrade it with: pip install --upgrade fiftyone-snapshots"
        )
    return document


def check_root(store: RemoteStore, *, make: bool = False, may_be_new: bool = False) -> None:
    """Makes sure that a place is a remote that we can read.

    Args:
        store: the place
        make (False): whether to make a remote of a place where nothing is
        may_be_new (False): whether a place where nothing is will do

    Raises:
        NotARemoteError: if it is none
        NewerFormatError: if a newer version of this package wrote it
    """
    data = store.find(ROOT)
    if data is None:
        if may_be_new:
            return
        if not make:
            raise NotARemoteError(
                f"'{store.location}' holds no histories: push to it first, or correct the address"
            )
        if (
            store.create(ROOT, to_json({"format": FORMAT, "version": VERSION}))
            is not Created.OTHER
        ):
            return
        data = store.find(ROOT) or b""
    document = archive_format.from_json(data)
    if not isinstance(document, dict) or document.get("format") != FORMAT:
        raise NotARemoteError(f"'{store.describe(ROOT)}' is not that of a remote")
    checked(document, store.describe(ROOT))


def damaged(source: str, reason: str) -> DamagedRemoteError:
    """Returns the error that says that a remote is not what was pushed to it."""
    return DamagedRemoteError(
        f"'{source}' is damaged: {reason[:300]}. Nothing was changed here. Bring it back from a "
        "backup of the remote. Or remove the commits, in its folder 'snapshots', of those that "
        "verify_remote() names, and push again from a server that has them."
    )


def _name(value: object) -> str:
    if not isinstance(value, str) or len(value) != _SHA256 or set(value) - set("0123456789abcdef"):
        raise ValueError(f"a name: {str(value)[:70]!r}")
    return value


def _merged(told: object) -> MergedFrom | None:
    """Reads what a commit says of a merge; more than we know of it is skipped."""
    if told is None:
        return None
    if not isinstance(told, dict):
        raise ValueError(f"a merge: {str(told)[:70]!r}")  # noqa: TRY004 (the object's fault)
    found = {each.name: told[each.name] for each in fields(MergedFrom) if each.name in told}
    for key in ("dataset_id", "snapshot_id", "merge_id", "base_id", "onto_id"):
        if key in ("dataset_id", "snapshot_id", "merge_id") or found.get(key) is not None:
            _id(found[key])
    kinds = {"dataset_name": str, "snapshot_name": str, "conflicts": int, "is_full": bool}
    for key, kind in kinds.items():
        if not isinstance(found.get(key, kind()), kind):
            said = str(found[key])[:50]
            raise ValueError(f"a merge whose {key} is {said!r}")  # noqa: TRY004 (its fault)
    if not isinstance(found.get("onto_name"), (str, type(None))):
        raise ValueError("a merge onto what has no name")  # noqa: TRY004 (its fault)
    return MergedFrom(**found)


def _id(value: object) -> ObjectId:
    if not isinstance(value, ObjectId):
        raise ValueError(f"an id: {str(value)[:50]!r}")  # noqa: TRY004 (the object's fault)
    return value
