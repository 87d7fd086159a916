"""Following one sample, or one label, through all versions of its dataset."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from bson import ObjectId
from pymongo.database import Database

from ..catalog.catalog import Catalog
from ..catalog.names import HEAD
from ..catalog.record import SnapshotRecord
from ..dataset.parts import Head, Part
from ..dataset.reference import DatasetReference
from ..dataset.sample_state import SampleState
from ..errors import InvalidRequestError
from ..mongo.database import Document
from ..rawbson import equality, layout
from ..results.serialize import Record
from . import labels, single
from .documents import FRAMES
from .records import Kind
from .single import FieldDifference, LabelDifference
from .versions import HeadVersion, SnapshotVersion, Version


@dataclass(frozen=True)
class HistoryStep(Record):
    """A sample in one version, beside the version before."""

    version: str
    """The snapshot, or ``HEAD``."""
    created_at: datetime | None
    """When the snapshot was taken; None for HEAD."""
    exists: bool
    kind: Kind | None
    """Added, removed or changed since the version before; None if it is the same."""
    fields: tuple[FieldDifference, ...] = ()
    """What differs from the version before."""
    created_by: str | None = None
    """Who took the snapshot; None for HEAD."""
    filepath: str | None = None
    """Where the media file of the sample is in this version."""


@dataclass(frozen=True)
class SampleHistory(Record):
    """A sample through all versions, HEAD included, in order."""

    dataset_name: str
    sample_id: str
    steps: tuple[HistoryStep, ...]
    earlier: int = 0
    """How many earlier snapshots were not looked at."""
    archived: tuple[str, ...] = ()
    """The snapshots in the archive that were not looked at."""

    def __str__(self) -> str:
        lines = [f"Sample {self.sample_id} of {self.dataset_name}"]
        for step in self.steps:
            lines.append(f"  {step.version}: {_state(step.exists, step.kind)}")
            lines += [f"    {field}" for field in step.fields]
        return "\n".join(lines)


@dataclass(frozen=True)
class LabelStep(Record):
    """A label in one version, beside the version before."""

    version: str
    created_at: datetime | None
    exists: bool
    kind: Kind | None
    difference: LabelDifference | None = None
    """How it differs from the version before."""


@dataclass(frozen=True)
class LabelHistory(Record):
    """A label through all versions, HEAD included, in order."""

    dataset_name: str
    label_id: str
    sample_id: str
    path: str
    """The field that it is in, such as ``ground_truth`` or ``frames.objects``."""
    steps: tuple[LabelStep, ...]

    def __str__(self) -> str:
        lines = [f"Label {self.label_id} in {self.path} of sample {self.sample_id}"]
        for step in self.steps:
            said = f": {step.difference}" if step.difference else ""
            lines.append(f"  {step.version}: {_state(step.exists, step.kind)}{said}")
        return "\n".join(lines)


def sample_history(
    database: Database[Document],
    dataset: DatasetReference,
    sample_id: str,
    newest: int | None = None,
    *,
    archived: bool = True,
) -> SampleHistory:
    """Follows a sample through all versions, or the newest.

    Args:
        database: the database
        dataset: the dataset
        sample_id: the sample
        newest (None): how many snapshots to look at, at the most
        archived (True): whether to read archives

    Returns:
        its history

    Raises:
        InvalidRequestError: if no version that was looked at has such a sample
    """
    id_ = single.object_id(sample_id)
    known = list(Catalog(database).list(dataset.id))
    records = [record for record in known if archived or record.archive is None]
    earlier = 0 if newest is None else max(0, len(records) - newest)
    # One more, to tell what the first one changed
    looked_at = records[max(0, earlier - 1) :]
    steps: list[HistoryStep] = []
    previous = SampleState(None)
    versions: list[Version] = [SnapshotVersion(database, record) for record in looked_at]
    versions.append(HeadVersion(Head(database, dataset.id)))
    states = single.states_of(versions, id_)
    for record, state in zip([*looked_at, None], states, strict=True):
        found = single.compare(id_, previous, state)
        steps.append(_step(record, state, found.kind, found.fields))
        previous = state
    steps = steps[1:] if earlier else steps
    if not any(step.exists for step in steps):
        raise InvalidRequestError(f"No version of dataset '{dataset.name}' has sample {sample_id}")
    return SampleHistory(
        dataset.name,
        sample_id,
        tuple(steps),
        earlier,
        tuple(record.name for record in known if record not in records),
    )


def _step(
    record: SnapshotRecord | None,
    state: SampleState,
    kind: Kind | None,
    fields: tuple[FieldDifference, ...],
) -> HistoryStep:
    document = {} if state.sample is None else layout.fields(state.sample)
    path = equality.decode(document.get("filepath"))
    return HistoryStep(
        version=HEAD if record is None else record.name,
        created_at=None if record is None else record.created_at,
        exists=state.sample is not None,
        kind=kind,
        fields=fields,
        created_by=None if record is None else record.created_by,
        filepath=path if isinstance(path, str) else None,
    )


def label_history(
    database: Database[Document], dataset: DatasetReference, label_id: str
) -> LabelHistory:
    """Follows a label through all versions.

    Labels have no index: the versions are searched, newest first, until one has it.

    Args:
        database: the database
        dataset: the dataset
        label_id: the label

    Returns:
        its history

    Raises:
        InvalidRequestError: if no version has such a label
    """
    id_ = single.object_id(label_id)
    versions = list(_versions(database, dataset))
    for _, _, version in reversed(versions):
        place = _find(version, id_)
        if place is not None:
            break
    else:
        raise InvalidRequestError(f"No version of dataset '{dataset.name}' has label {label_id}")

    part, document_id, field = place
    steps: list[LabelStep] = []
    sample_id, previous = document_id, None
    for name, created_at, version in versions:
        documents = version.documents(part)
        found = {} if documents is None else documents.fetch([document_id])
        fields = layout.fields(found[document_id.binary]) if found else {}
        if part is Part.FRAMES and "_sample_id" in fields:
            sample_id = equality.decode(fields["_sample_id"])
        label = _label(fields.get(field), id_) or _anywhere(fields, id_)
        difference = (
            None
            if label == previous
            else single.label_difference(labels.LabelPair(previous, label))
        )
        steps.append(
            LabelStep(
                name,
                created_at,
                label is not None,
                None if difference is None else difference.kind,
                difference,
            )
        )
        previous = label
    path = FRAMES + field if part is Part.FRAMES else field
    return LabelHistory(dataset.name, label_id, str(sample_id), path, tuple(steps))


def _versions(
    database: Database[Document], dataset: DatasetReference
) -> Iterator[tuple[str, datetime | None, Version]]:
    for record in Catalog(database).list(dataset.id):
        yield record.name, record.created_at, SnapshotVersion(database, record)
    yield HEAD, None, HeadVersion(Head(database, dataset.id))


def _find(version: Version, label_id: ObjectId) -> tuple[Part, ObjectId, str] | None:
    """Returns the document and the top-level field in which a version has a label."""
    dataset = version.documents(Part.DATASET)
    document: Document = {} if dataset is None else next(dataset.decoded(), {})
    for part, key in ((Part.SAMPLES, "sample_fields"), (Part.FRAMES, "frame_fields")):
        documents = version.documents(part)
        paths = list(_id_paths(document.get(key)))
        if documents is None or not paths:
            continue
        found = documents.mentioning(paths, label_id)
        if found is None:
            continue
        fields = layout.fields(found)
        for name, element in fields.items():
            if _label(element, label_id) is not None:
                return part, equality.decode(fields["_id"]), name
    return None


def _id_paths(fields: list[Document] | None) -> Iterator[str]:
    """Yields where in the documents ids of labels are."""
    for field in fields or ():
        for inner in field.get("fields") or ():
            if inner.get("name") == "id":
                yield f"{field['name']}._id"
            yield from (
                f"{field['name']}.{inner['name']}._id"
                for deepest in inner.get("fields") or ()
                if deepest.get("name") == "id"
            )


def _label(element: bytes | None, label_id: ObjectId) -> bytes | None:
    if element is None or element[0] not in (equality.DOCUMENT, equality.ARRAY):
        return None
    for label in labels.labels_in(element) or ():
        if equality.decode(layout.fields(label).get("_id")) == label_id:
            return label
    return None


def _anywhere(fields: Mapping[str, bytes], label_id: ObjectId) -> bytes | None:
    """Finds a label whose field had, or has, another name."""
    found = (_label(element, label_id) for element in fields.values())
    return next((label for label in found if label is not None), None)


def _state(exists: bool, kind: Kind | None) -> str:
    return str(kind) if kind is not None else "unchanged" if exists else "absent"
