"""What the review of a planned merge consists of.

It has the samples as the target has them, and beside each field in conflict what the branch has
and what there was before, as fields of their own. So FiftyOne shows all of them over each other,
and the target's can be edited. It is as large as the conflicts are, whatever the datasets are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import bson
from bson import ObjectId
from pymongo.collection import Collection

from ..catalog.catalog import Catalog
from ..catalog.record import SnapshotState
from ..dataset.ownership import RUN_FIELDS
from ..dataset.parts import Head, Part
from ..dataset.reference import DatasetReference
from ..dataset.schema import FRAMES_PREFIX, db_key
from ..diff.versions import HeadVersion, NoVersion, SnapshotVersion, Version
from ..errors import DatasetNotFoundError
from ..mongo.collections import CONFLICTS, review_name, staging_name
from ..mongo.database import Document, create_compressed
from ..mongo.writer import Writer
from ..operations.journal import Operation
from ..rawbson import equality, layout
from ..rawbson.ids import Ids
from . import reviews, store
from .conflicts import Take
from .samples import edited_frames
from .side import Side
from .store import PlanRecord

_AT_ONCE = 500
_KINDS = "merge_conflicts"
"""The field that says which kinds of conflicts a sample is in."""

COLORS = {Take.OURS: "#3f8fd2", Take.THEIRS: "#d18a12", Take.BASE: "#8f8f9f"}
"""What the sides look like in the App, to be told apart on light and dark and by everybody."""

_THEIRS, _BASE = "theirs", "base"
_COLLECTIONS = {Part.SAMPLES: "sample_collection_name", Part.FRAMES: "frame_collection_name"}
_SCHEMAS = {Part.SAMPLES: "sample_fields", Part.FRAMES: "frame_fields"}


@dataclass
class _Shown:
    """The fields of samples or frames that a review has besides those of the target."""

    theirs: dict[str, str] = field(default_factory=dict)
    """Names of fields that show what the branch has, by the names of the target's."""
    base: dict[str, str] = field(default_factory=dict)
    """The same of what there was before."""
    schema: list[Document] = field(default_factory=list)
    """All of them, as a dataset document declares them."""


class ReviewDocuments:
    """Makes the documents of a review."""

    def __init__(
        self,
        running: Operation,
        target: DatasetReference,
        branch: DatasetReference,
        plan: PlanRecord,
    ) -> None:
        self.running, self.database, self.plan = running, running.database, plan
        self.branch_name = plan.branch_name if plan.undoes else branch.name
        former: Version = NoVersion()
        record = None if plan.base_id is None else Catalog(self.database).by_id(plan.base_id)
        if record is not None and record.state is SnapshotState.READY:
            former = SnapshotVersion(self.database, record)
        self.base = Side(self.database, former)
        self.ours = Side(self.database, HeadVersion(Head(self.database, target.id)))
        self.theirs = Side(self.database, store.theirs(self.database, plan))
        self.fields = {part: self._fields(part) for part in _SCHEMAS}
        taken = {each["name"] for each in self.ours.document.get("sample_fields") or []}
        taken.update(each["name"] for each in self.fields[Part.SAMPLES].schema)
        self.kinds_field = _free(_KINDS, taken)

    def stage(self) -> list[Part]:
        """Fills staging collections; returns of which parts there are any."""
        parts = [Part.SAMPLES]
        if self.ours.document.get("frame_collection_name"):
            parts.append(Part.FRAMES)
        made = {part: self._new(part) for part in parts}
        for number, ids in enumerate(_chunks(self._sample_ids)):
            self.running.progress(number * _AT_ONCE / len(self._sample_ids), "Copying conflicts")
            with Writer(made[Part.SAMPLES]) as writer:
                writer.write(self._samples(ids))
            if Part.FRAMES in parts:
                with Writer(made[Part.FRAMES]) as writer:
                    for id_ in ids:
                        writer.write(self._frames(id_))
        self._index(made)
        self.running.step("staged")
        return parts

    def document(self, parts: Iterable[Part]) -> Document:
        """Returns the dataset document of the review, all but its name."""
        document = self.ours.document
        now = self.running.entry.started_at
        made = {
            **document,
            "_id": self.plan.id,
            "persistent": True,
            "created_at": now,
            "last_modified_at": now,
            "last_deletion_at": None,
            "last_loaded_at": None,
            "saved_views": [],
            "workspaces": [],
            **{key: {} for key in RUN_FIELDS},
            "frame_collection_name": None,
            **{_COLLECTIONS[part]: review_name(self.plan.id, part) for part in parts},
            "app_config": self._app_config(document.get("app_config") or {}),
        }
        kinds = _list_of_strings(self.kinds_field, "What both sides have changed here")
        more = {part: list(shown.schema) for part, shown in self.fields.items()}
        more[Part.SAMPLES].append(kinds)
        for part, key in _SCHEMAS.items():
            if document.get(key):
                made[key] = [*document[key], *more[part]]
        made[reviews.FIELDS] = {
            part.value: [each["name"] for each in schema] for part, schema in more.items()
        }
        return made

    def _app_config(self, config: Document) -> Document:
        """Returns how the App shows it: both sides over each other, the base on demand."""
        sides: dict[str, str] = {}
        before: dict[str, str] = {}
        for part, prefix in ((Part.SAMPLES, ""), (Part.FRAMES, FRAMES_PREFIX)):
            shown = self.fields[part]
            for name, theirs in shown.theirs.items():
                sides |= {prefix + name: COLORS[Take.OURS], prefix + theirs: COLORS[Take.THEIRS]}
                before[prefix + shown.base[name]] = COLORS[Take.BASE]
        former = config.get("color_scheme") or {}
        colors = {**sides, **before}
        others = [each for each in former.get("fields") or () if each.get("path") not in colors]
        own = [{"path": path, "fieldColor": color} for path, color in colors.items()]
        return {
            **config,
            "active_fields": {"exclude": False, "paths": list(sides)},
            # By class, both sides of a label would look the same
            "color_scheme": {
                "_id": self.plan.id,
                **former,
                "color_by": "field",
                "fields": [*others, *own],
            },
        }

    @cached_property
    def _kinds(self) -> dict[ObjectId, list[str]]:
        """The kinds of conflicts that each sample is in."""
        query = {"plan_id": self.plan.id, "sample_id": {"$ne": None}}
        found: dict[ObjectId, dict[str, None]] = {}
        for each in self.database[CONFLICTS].find(query, {"sample_id": 1, "kind": 1}):
            found.setdefault(ObjectId(each["sample_id"]), {})[each["kind"]] = None
        return {id_: list(kinds) for id_, kinds in found.items()}

    @cached_property
    def _sample_ids(self) -> list[ObjectId]:
        """All samples in conflict; of a grouped dataset, with those beside them."""
        ids, group = set(self._kinds), self.ours.document.get("group_field")
        if group:
            key = f"{group}._id"
            for side in (self.ours, self.theirs):
                samples = _documents(side, Part.SAMPLES)
                groups = {
                    each[group]["_id"]
                    for each in samples.decoded(sorted(self._kinds))
                    if each.get(group)
                }
                ids.update(samples.search({key: {"$in": list(groups)}}) if groups else ())
        return sorted(ids)

    def _fields(self, part: Part) -> _Shown:
        """Returns the fields that show the other versions of what is in conflict."""
        prefix = FRAMES_PREFIX if part is Part.FRAMES else ""
        query = {"plan_id": self.plan.id, "sample_id": {"$ne": None}, "field": {"$ne": ""}}
        contested = set(self.database[CONFLICTS].distinct("field", query))
        shown = _Shown()
        schema = self.ours.document.get(_SCHEMAS[part]) or []
        taken = {each["name"] for each in schema}
        before = self.plan.base_name or "nothing"
        about = {_THEIRS: f"As {self.branch_name} has it", _BASE: f"As it was in {before}"}
        for declared in schema:
            name = declared["name"]
            if prefix + db_key(declared) not in contested or _is_own(declared):
                continue
            for side, suffix, names in (
                (self.theirs, _THEIRS, shown.theirs),
                (self.base, _BASE, shown.base),
            ):
                names[name] = _free(f"{name}_{suffix}", taken)
                taken.add(names[name])
                other = _named(side.document.get(_SCHEMAS[part]) or [], name) or declared
                shown.schema.append(
                    {
                        **other,
                        "name": names[name],
                        "db_field": names[name],
                        "description": about[suffix],
                        # FiftyOne can annotate nothing where a field of labels is read-only
                        "read_only": False,
                    }
                )
        return shown

    def _samples(self, ids: list[ObjectId]) -> Iterator[bytes]:
        """Yields samples of the review."""
        wanted = Ids.of(ids).keys
        versions = []
        for side in self._sides:
            documents = side.version.documents(Part.SAMPLES, wanted)
            versions.append({} if documents is None else documents.fetch(ids))
        for id_ in ids:
            fields = self._shown(Part.SAMPLES, [each.get(id_.binary) for each in versions])
            if fields is not None:
                kinds = _element(self._kinds.get(id_, []))
                yield layout.document({**fields, self.kinds_field: kinds})

    def _frames(self, sample_id: ObjectId) -> Iterator[bytes]:
        """Yields the frames of a sample of the review."""
        versions: list[dict[int, bytes]] = []
        for side in self._sides:
            documents = side.version.documents(Part.FRAMES)
            found = {} if documents is None else documents.of_sample(sample_id)
            # Frames are who they are by number: one that was made again has another id
            versions.append({number: each for (_, number), each in edited_frames(found.values())})
        for number in sorted(set().union(*versions)):
            fields = self._shown(Part.FRAMES, [each.get(number) for each in versions])
            if fields is not None:
                yield layout.document(fields)

    @property
    def _sides(self) -> tuple[Side, Side, Side]:
        return self.ours, self.theirs, self.base

    def _shown(self, part: Part, versions: list[bytes | None]) -> dict[str, bytes] | None:
        """Returns a document of the target, of which the other versions are shown as well."""
        whole = versions[0] or versions[1]
        if whole is None:
            return None
        schema = self.ours.document.get(_SCHEMAS[part]) or []
        keys = {each["name"]: db_key(each) for each in schema}
        known = {*keys.values(), *equality.BOOKKEEPING}
        fields = {key: each for key, each in layout.fields(whole).items() if key in known}
        fields["_dataset_id"] = _element(self.plan.id)
        shown = self.fields[part]
        for version, names in ((versions[1], shown.theirs), (versions[2], shown.base)):
            there = {} if version is None else layout.fields(version)
            fields |= {
                new: there[keys[name]] for name, new in names.items() if keys[name] in there
            }
        return fields

    def _new(self, part: Part) -> Collection[Document]:
        name = staging_name(self.running.id, part)
        self.database.drop_collection(name)
        return create_compressed(self.database, name)

    def _index(self, made: dict[Part, Collection[Document]]) -> None:
        """Gives the collections what FiftyOne looks samples and frames up by."""
        made[Part.SAMPLES].create_index("filepath")
        group = self.ours.document.get("group_field")
        if group:
            made[Part.SAMPLES].create_index(f"{group}._id")
            made[Part.SAMPLES].create_index(f"{group}.name")
        if Part.FRAMES in made:
            made[Part.FRAMES].create_index([("_sample_id", 1), ("frame_number", 1)], unique=True)


def _documents(side: Side, part: Part) -> Any:
    documents = side.version.documents(part)
    if documents is None:
        raise DatasetNotFoundError(f"The {part.value} of one of the sides are gone")
    return documents


def _element(value: Any) -> bytes:
    return layout.fields(bson.encode({"v": value}))["v"]


def _chunks(ids: list[ObjectId]) -> Iterator[list[ObjectId]]:
    for start in range(0, len(ids), _AT_ONCE):
        yield ids[start : start + _AT_ONCE]


def _named(schema: list[Document], name: str) -> Document | None:
    return next((each for each in schema if each["name"] == name), None)


def _is_own(declared: Document) -> bool:
    """Returns whether FiftyOne gives a field a meaning of its own, which no other field has."""
    return declared["name"] in ("filepath", "group") or str(
        declared.get("embedded_doc_type") or ""
    ).endswith(".Group")


def _free(wanted: str, taken: Iterable[str]) -> str:
    known, number, name = set(taken), 1, wanted
    while name in known:
        number += 1
        name = f"{wanted}_{number}"
    return name


def _list_of_strings(name: str, description: str) -> Document:
    """Returns how a dataset document declares a list of strings."""
    return {
        "name": name,
        "ftype": "fiftyone.core.fields.ListField",
        "embedded_doc_type": None,
        "subfield": "fiftyone.core.fields.StringField",
        "fields": [],
        "db_field": name,
        "description": description,
        "info": None,
        "read_only": False,
        "created_at": None,
    }
