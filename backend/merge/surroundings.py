"""Merging what belongs to two datasets besides samples: views, workspaces, runs, tags, indexes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import fiftyone.core.utils as fou
from bson import ObjectId

from ..diff.surroundings import NOT_CONTENT, without_state
from ..mongo.database import Document
from ..rawbson import equality
from .conflicts import ConflictKind
from .judge import Judge, encoded

Named = Mapping[str, Document]

RESULTS = "results"
"""Where a run refers to its results, which are told by what they hold instead."""

_TAG_KEY = ("_sample_id", "kind", "index_type", "anchor", "start", "end", "tag")
"""What tells temporal tags of one dataset apart (fiftyone/core/tags.py, ``_ensure_indexes``)."""


@dataclass
class MergedItems:
    """Which documents of each side stay, and which come along."""

    ours: list[Document] = field(default_factory=list)
    """Documents of the target that stay as they are."""
    replaced: list[tuple[Document, Document]] = field(default_factory=list)
    """Documents of the target, and those of the branch whose content they get."""
    added: list[Document] = field(default_factory=list)
    """Documents of the branch that come along, under the names that they get."""
    renamed: list[str] = field(default_factory=list)
    """What to say of those that came along under another name."""


def merge_named(
    branch: str, key: str, base: Named, ours: Named, theirs: Named, what: str
) -> MergedItems:
    """Merges saved views or workspaces: nothing of these is ever in conflict.

    Args:
        branch: what the branch is called
        key: the field that has their names
        base: the documents as they were, by name
        ours: those of the target
        theirs: those of the branch
        what: what they are called in messages

    Returns:
        what they become
    """
    merged = MergedItems()
    taken = {*ours, *theirs}
    for name in dict.fromkeys([*ours, *theirs]):
        was, here, there = base.get(name), ours.get(name), theirs.get(name)
        if same(here, there) or same(was, there) or there is None:
            # Also one that the branch deleted and the target changed
            if here is not None and not (there is None and same(was, here)):
                merged.ours.append(here)
        elif here is not None and same(was, here):
            merged.replaced.append((here, there))
        elif here is None and was is None:
            merged.added.append(there)
        else:
            if here is not None:
                merged.ours.append(here)
            merged.added.append(_renamed(merged, branch, key, there, taken, what))
    _tell_slugs_apart(merged, branch, key, taken, what)
    return merged


def _renamed(
    merged: MergedItems, branch: str, key: str, document: Document, taken: set[str], what: str
) -> Document:
    """Returns a document of the branch under another name."""
    name = str(document[key])
    other = free_name(f"{name} ({branch})", taken)
    taken.add(other)
    merged.renamed.append(f"The {what} '{name}' of the branch comes as '{other}'")
    slug = {"slug": fou.to_slug(other)} if "slug" in document else {}
    return {**document, key: other, **slug}


def _tell_slugs_apart(
    merged: MergedItems, branch: str, key: str, taken: set[str], what: str
) -> None:
    """Renames what comes along with a name that reads as another one does in an address."""
    slugs = {each.get("slug") for each in (*merged.ours, *(here for here, _ in merged.replaced))}
    for number, document in enumerate(merged.added):
        found = document
        while found.get("slug") is not None and found["slug"] in slugs:
            found = _renamed(merged, branch, key, found, taken, what)
        merged.added[number] = found
        slugs.add(found.get("slug"))


def merge_runs(
    judge: Judge, branch: str, kind: str, base: Named, ours: Named, theirs: Named
) -> MergedItems:
    """Merges the runs of one kind.

    Args:
        judge: settles conflicts
        branch: what the branch is called
        kind: where the dataset document refers to them, such as ``evaluations``
        base: the documents as they were, by key
        ours: those of the target
        theirs: those of the branch

    Returns:
        what they become
    """
    merged = MergedItems()
    others = other_keys(branch, base, ours, theirs)
    for key in dict.fromkeys([*ours, *theirs]):
        was, here, there = base.get(key), ours.get(key), theirs.get(key)
        if same(here, there) or same(was, there):
            if here is not None:
                merged.ours.append(here)
        elif same(was, here):
            if here is not None and there is not None:
                merged.replaced.append((here, there))
            elif there is not None:
                merged.added.append(there)
        elif here is not None and there is not None and key in others:
            merged.ours.append(here)
            merged.added.append({**there, "key": others[key]})
            merged.renamed.append(f"The run '{key}' of the branch comes as '{others[key]}'")
        else:
            sides = tuple(encoded(_content(each)) for each in (was, here, there))
            settled = judge.settle(ConflictKind.RUN, f"{kind}.{key}", *sides)
            if settled != sides[2]:
                if here is not None:
                    merged.ours.append(here)
            elif there is not None:
                if here is None:
                    merged.added.append(there)
                else:
                    merged.replaced.append((here, there))
    return merged


def other_keys(branch: str, base: Named, ours: Named, theirs: Named) -> dict[str, str]:
    """Returns other keys for the runs of the branch that both sides have added under one key.

    Args:
        branch: what the branch is called
        base: the runs of one kind as they were, by key
        ours: those of the target
        theirs: those of the branch
    """
    taken, found = {*ours, *theirs}, {}
    for key, here in ours.items():
        if key in theirs and base.get(key) is None and not same(here, theirs[key]):
            found[key] = free_name(_run_key(f"{key}_{branch}"), taken)
            taken.add(found[key])
    return found


def merge_tags(
    base: Iterable[Document], ours: Iterable[Document], theirs: Iterable[Document]
) -> tuple[list[Document], list[Document]]:
    """Merges the temporal tags of a sample, or of several: a set, by what tells them apart.

    Args:
        base: the tags as they were
        ours: those of the target
        theirs: those of the branch

    Returns:
        the tags of the branch that are added, and those of the target that are removed
    """
    was, here, there = ({tag_key(each): each for each in side} for side in (base, ours, theirs))
    added = [each for key, each in there.items() if key not in was and key not in here]
    removed = [each for key, each in here.items() if key in was and key not in there]
    return added, removed


def tag_key(tag: Document) -> tuple[Any, ...]:
    """Returns what tells a temporal tag from the others of its dataset."""
    return tuple(tag.get(name) for name in _TAG_KEY)


def merge_indexes(
    base: Sequence[Document], ours: Sequence[Document], theirs: Sequence[Document]
) -> tuple[list[Document], list[Document]]:
    """Merges indexes: those of both sides, without those that the branch has dropped.

    Args:
        base: the indexes as they were, as ``listIndexes`` tells
        ours: those of the target
        theirs: those of the branch

    Returns:
        the indexes of the result, and those among them that the target lacks
    """
    was, here, there = ({index_key(each): each for each in side} for side in (base, ours, theirs))
    kept = [each for key, each in here.items() if key in there or key not in was]
    names = {each["name"] for each in kept}
    patterns = {_pattern(each) for each in kept}
    added = []
    for key, each in there.items():
        if key in was or key in here:
            continue
        if _pattern(each) in patterns:
            # The server has one index of a pattern only: a unique one counts for both
            former = next(other for other in kept if _pattern(other) == _pattern(each))
            if former.get("unique") or not each.get("unique"):
                continue
            kept.remove(former)
            names.discard(former["name"])
        name = free_name(str(each["name"]), names)
        names.add(name)
        added.append({**each, "name": name})
    return [*kept, *added], added


def same(one: Document | None, other: Document | None) -> bool:
    """Returns whether two documents of views, workspaces or runs say the same."""
    return equality.same_values(_content(one), _content(other))


def free_name(name: str, taken: set[str]) -> str:
    """Returns a name that is not taken yet."""
    number, found = 1, name
    while found in taken:
        number += 1
        found = f"{name} {number}" if " " in name else f"{name}_{number}"
    return found


def by(name: str, documents: Iterable[Document]) -> dict[str, Document]:
    """Returns documents by one of their fields."""
    return {str(each[name]): each for each in documents}


def with_results(
    documents: Iterable[Document], digest: Callable[[ObjectId], str]
) -> list[Document]:
    """Returns runs that tell what their results hold, instead of where they are."""
    return [
        each if each.get(RESULTS) is None else {**each, "_results": digest(each[RESULTS])}
        for each in documents
    ]


def _content(document: Document | None) -> Document | None:
    if document is None:
        return None
    return {
        key: without_state(key, item)
        for key, item in document.items()
        if key not in NOT_CONTENT and key != RESULTS
    }


def _run_key(key: str) -> str:
    """Returns a key that FiftyOne takes for a run: one that a variable could have."""
    return "".join(letter if letter.isalnum() or letter == "_" else "_" for letter in key)


def index_key(index: Document) -> str:
    """Returns what tells an index from others: its fields and options, but not its name."""
    options = {key: item for key, item in index.items() if key not in ("name", "ns", "v")}
    key = list(options.pop("key").items())
    return repr((key, sorted(options.items(), key=str)))


def _pattern(index: Document) -> str:
    return repr((list(index["key"].items()), index.get("partialFilterExpression")))
