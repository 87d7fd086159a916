"""The manifests of snapshots, as they are stored.

In full, or as the difference to that of another snapshot, so that the manifest of a snapshot that
changed little takes little as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import suppress

from bson import ObjectId
from pymongo.database import Database

from ..dataset.parts import Part
from ..errors import DamagedSnapshotError
from ..mongo import fence
from ..mongo.collections import MANIFESTS
from ..mongo.database import Document
from . import kept
from .cache import CachedPart
from .manifest import Manifest, Patch
from .stored import Stored, pieces_of


def load(database: Database[Document], snapshot_id: ObjectId, part: Part) -> Manifest:
    """Reads a manifest.

    Args:
        database: the database
        snapshot_id: the snapshot
        part: the part of it

    Returns:
        the manifest

    Raises:
        DamagedSnapshotError: if it is missing or not what was stored
    """
    found = kept.get((snapshot_id, part))
    if found is not None:
        return found
    try:
        found = _load(database, snapshot_id, part)
    except DamagedSnapshotError:
        # The one that tells it may have been deleted at this moment: then another one does
        found = _load(database, snapshot_id, part)
    kept.put((snapshot_id, part), found)
    return found


def load_both(
    database: Database[Document], first: ObjectId, second: ObjectId, part: Part
) -> tuple[Manifest, Manifest]:
    """Reads the manifests of two snapshots; what tells both is read once.

    Args:
        database: the database
        first: a snapshot
        second: another one
        part: the part of them

    Returns:
        the manifests

    Raises:
        DamagedSnapshotError: if one is missing or not what was stored
    """
    read: dict[ObjectId, Stored] = {}

    def load_one(snapshot_id: ObjectId) -> Manifest:
        if snapshot_id not in read:
            read[snapshot_id] = Stored.load(database, snapshot_id, part)
        return _told(database, read[snapshot_id], part, read)

    try:
        found = load_one(second)
        return load_one(first), found
    except DamagedSnapshotError:
        # As above
        return _load(database, first, part), _load(database, second, part)


def find_some(
    database: Database[Document], snapshot_id: ObjectId, some: Iterable[Part]
) -> dict[Part, Manifest]:
    """Reads the manifests of some parts of a snapshot, at once.

    Args:
        database: the database
        snapshot_id: the snapshot
        some: the parts

    Returns:
        those that there are

    Raises:
        DamagedSnapshotError: if one is not what was stored
    """
    wanted = list(some)
    found = {
        part: manifest
        for part in wanted
        if (manifest := kept.get((snapshot_id, part))) is not None
    }
    lacking = [part.value for part in wanted if part not in found]
    pieces: dict[str, list[Document]] = {}
    query = {"snapshot_id": snapshot_id, "part": {"$in": lacking}}
    for piece in database[MANIFESTS].find(query).sort("number", 1) if lacking else ():
        pieces.setdefault(piece["part"], []).append(piece)
    for part in map(Part, pieces):
        found[part] = _found(database, snapshot_id, part, pieces[part])
        if part.is_own_collection:
            kept.put((snapshot_id, part), found[part])
    return found


def find(database: Database[Document], snapshot_id: ObjectId, part: Part) -> Manifest | None:
    """Reads a manifest, if there is one.

    Args:
        database: the database
        snapshot_id: the snapshot
        part: the part of it

    Returns:
        the manifest, or None

    Raises:
        DamagedSnapshotError: if it is not what was stored
    """
    found = kept.get((snapshot_id, part))
    if found is None and (pieces := list(pieces_of(database, snapshot_id, part))):
        found = _found(database, snapshot_id, part, pieces)
        kept.put((snapshot_id, part), found)
    return found


def _found(
    database: Database[Document], snapshot_id: ObjectId, part: Part, pieces: list[Document]
) -> Manifest:
    try:
        return _told(database, Stored.joined(pieces, snapshot_id, part), part)
    except DamagedSnapshotError:
        # As above
        return _load(database, snapshot_id, part)


def _load(database: Database[Document], snapshot_id: ObjectId, part: Part) -> Manifest:
    return _told(database, Stored.load(database, snapshot_id, part), part)


def _told(
    database: Database[Document],
    stored: Stored,
    part: Part,
    read: dict[ObjectId, Stored] | None = None,
) -> Manifest:
    """Returns a manifest, having read those by which it is told, unless they were read."""
    known = {} if read is None else read
    patches: list[Patch] = []
    while stored.base is not None:
        base = stored.base
        patches.append(stored.patch())
        if (whole := kept.get((base, part))) is not None:
            break
        if base not in known:
            known[base] = Stored.load(database, base, part)
        stored = known[base]
    else:
        whole = Manifest.from_bytes(stored.data)
        if patches:
            # Mostly the snapshot before is told by that one as well
            kept.put((base, part), whole)
    return Patch.joined(patches[::-1]).applied_to(whole) if patches else whole


def load_small(database: Database[Document], snapshot_id: ObjectId) -> dict[Part, Manifest]:
    """Reads the manifests of all parts but samples and frames, at once.

    Args:
        database: the database
        snapshot_id: the snapshot

    Returns:
        those that there are, see :func:`find_some`
    """
    return find_some(database, snapshot_id, (p for p in Part if not p.is_own_collection))


def parts(database: Database[Document], snapshot_id: ObjectId) -> list[Part]:
    """Lists the parts of a snapshot that have a manifest.

    Args:
        database: the database
        snapshot_id: the snapshot

    Returns:
        the parts
    """
    found = database[MANIFESTS].distinct("part", {"snapshot_id": snapshot_id})
    return [part for part in Part if part.value in found]


def save(
    database: Database[Document],
    snapshot_id: ObjectId,
    manifests: Mapping[Part, Manifest],
    base: ObjectId | None = None,
    known: Mapping[tuple[ObjectId, Part], CachedPart] | None = None,
) -> None:
    """Stores the manifests of a snapshot.

    Args:
        database: the database
        snapshot_id: the snapshot
        manifests: the manifest of each of its parts
        base (None): a snapshot from which it may differ little
        known (None): what is known of that, by snapshot and part
    """
    kept.forget()
    pieces: list[Document] = []
    for part, manifest in manifests.items():
        stored, former = None, None
        if base is not None and part.is_own_collection:
            former = (known or {}).get((base, part))
        if base is not None and former is not None:
            stored = Stored.difference(base, former.manifest, manifest)
        stored = stored or Stored(manifest.to_bytes())
        pieces += stored.pieces(snapshot_id, part)
    database[MANIFESTS].insert_many(pieces)


def rebase(
    database: Database[Document], snapshot_id: ObjectId, part: Part, base: ObjectId | None
) -> None:
    """Stores a manifest as the difference to another one, if that is less.

    Nothing is done if the other one is told by this one. May be interrupted and repeated anywhere.

    Args:
        database: the database
        snapshot_id: the snapshot
        part: the part
        base: the other snapshot, or None to store the manifest in full
    """
    query = {"snapshot_id": snapshot_id, "part": part.value}
    former = list(database[MANIFESTS].find(query, {"number": 1, "base": 1}))
    if all(piece.get("base") == base for piece in former):
        return
    manifest = load(database, snapshot_id, part)
    stored = None
    if base is not None:
        if part not in parts(database, base) or _is_told_by(database, base, part, snapshot_id):
            return
        stored = Stored.difference(base, load(database, base, part), manifest)
    if stored is None and all(piece.get("base") is None for piece in former):
        return
    _replace(database, snapshot_id, part, former, stored or Stored(manifest.to_bytes()))


def _is_told_by(
    database: Database[Document], snapshot_id: ObjectId, part: Part, other: ObjectId
) -> bool:
    """Returns whether one has to read the manifest of another snapshot to read that of one."""
    told_by: ObjectId | None = snapshot_id
    while told_by is not None and told_by != other:
        piece = database[MANIFESTS].find_one(
            {"snapshot_id": told_by, "part": part.value}, {"base": 1}
        )
        told_by = None if piece is None else piece.get("base")
    return told_by == other


def _replace(
    database: Database[Document],
    snapshot_id: ObjectId,
    part: Part,
    former: list[Document],
    stored: Stored,
) -> None:
    """Stores a manifest in another way; some of it may be there twice after a crash."""
    first = 1 + max(piece["number"] for piece in former)
    database[MANIFESTS].insert_many(stored.pieces(snapshot_id, part, first))
    # Who is late has added what nobody needs, and must not delete what is needed
    fence.check(database)
    database[MANIFESTS].delete_many({"_id": {"$in": [piece["_id"] for piece in former]}})


def delete(database: Database[Document], snapshot_id: ObjectId) -> None:
    """Deletes the manifests of a snapshot; those that are told by them are stored anew.

    Args:
        database: the database
        snapshot_id: the snapshot
    """
    kept.forget()
    for piece in list(database[MANIFESTS].find({"base": snapshot_id}, {"data": 0})):
        # What is damaged stays as it is, and keeps nobody from deleting
        with suppress(DamagedSnapshotError):
            _free(database, piece["snapshot_id"], Part(piece["part"]), snapshot_id)
    # The same snapshot may have been imported again meanwhile, by others
    fence.delete_found(database[MANIFESTS], {"snapshot_id": snapshot_id})


def _free(
    database: Database[Document], snapshot_id: ObjectId, part: Part, leaving: ObjectId
) -> None:
    """Makes a manifest be told without that of a snapshot that goes."""
    base = Stored.load(database, leaving, part)
    if base.base is None:
        rebase(database, snapshot_id, part, None)
        return
    query = {"snapshot_id": snapshot_id, "part": part.value}
    former = list(database[MANIFESTS].find(query, {"number": 1, "base": 1}))
    own = Stored.load(database, snapshot_id, part)
    if own.base == leaving:
        # Only what differs is touched, however much there is
        own = Stored.of(Patch.joined([base.patch(), own.patch()]), base.base)
    _replace(database, snapshot_id, part, former, own)
