"""What changed between versions, and whether they are what they should be."""

from __future__ import annotations

from collections.abc import Sequence

import fiftyone.core.dataset as fod
from bson import ObjectId
from pymongo.database import Database

from ..backend.access import Action
from ..backend.catalog.catalog import Catalog
from ..backend.catalog.record import DatasetSnapshot, SampleChangeSummary
from ..backend.dataset.reference import DatasetReference
from ..backend.diff import (
    DatasetDiff,
    LabelHistory,
    SampleDifference,
    SampleHistory,
    compute,
    latest_changes,
    tracing,
    version_hash,
)
from ..backend.diff.bars import shown
from ..backend.mongo import database
from ..backend.mongo.database import Document
from ..backend.progress import Progress, silent
from ..backend.search import history
from ..backend.snapshots import verify
from ..backend.snapshots.verify_report import VerifyReport
from .authorize import acting
from .datasets import find, name_of, read


@acting(Action.VERIFY)
def verify_snapshot(
    dataset_name: str | fod.Dataset,
    snapshot_name: str | DatasetSnapshot,
    media: bool = False,
    progress: Progress = silent,
) -> VerifyReport:
    """Proves that a snapshot still is what was captured, or tells what is damaged.

    Every document is read. A report is true if nothing is wrong; its ``verdict`` tells damage from
    what could not be told, as where the folder of an archive is not mounted.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot
        media (False): whether to look for the media files as well
        progress (silent): called with the fraction that is done and what is being done

    Returns:
        a :class:`VerifyReport`

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = read(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    return verify.verify(connection, dataset, name, media, progress)


@acting(Action.VERIFY)
def verify_all(media: bool = False, progress: Progress = silent) -> list[VerifyReport]:
    """Proves that every snapshot of every dataset still is what was captured.

    Args:
        media (False): whether to look for the media files as well
        progress (silent): called with the fraction that is done and what is being done

    Returns:
        a list of :class:`VerifyReport`
    """
    return list(verify.verify_all(database.connect(), media, progress))


@acting(Action.DIFF)
def is_head_equal(dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot) -> bool:
    """Tells whether a dataset has the content that a snapshot captured, exactly.

    The content is that of all samples and frames; what FiftyOne keeps for itself, such as
    ``last_modified_at``, is none of it. The schema counts as far as there are values: a new field
    that is empty everywhere makes no difference. Saved views, workspaces, runs and what the
    dataset says of itself do not count; :func:`diff` compares them as well.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot

    Returns:
        True/False

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = read(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    record = Catalog(connection).get(dataset.id, name, dataset.name)
    return version_hash.is_head_equal(connection, record)


@acting(Action.LIST)
def content_hash(
    dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot | None = None
) -> str:
    """Returns one hash of the content of a version: of all samples and frames.

    Versions with the same hash have the same content, as :func:`is_head_equal` understands it. A
    revert brings the hash back. It may change without the content when FiftyOne rewrites
    documents, for instance when a dataset is cloned; a mere touch does not change it.

    Args:
        dataset_name: the name of the dataset
        snapshot_name (None): the name of a snapshot; by default, or with ``"HEAD"``, the dataset
            as it is now, all of which is read

    Returns:
        a string such as ``sha256:...``

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = read(dataset_name)
    name = None if snapshot_name is None else name_of(connection, dataset, snapshot_name)
    return version_hash.content_hash(compute.version(connection, dataset, name))


@acting(Action.LIST)
def get_dataset_latest_changes_summary(
    dataset_name: str | fod.Dataset,
) -> SampleChangeSummary | None:
    """Returns the changes of a dataset since its latest snapshot, as last calculated.

    Args:
        dataset_name: the name of the dataset

    Returns:
        a :class:`SampleChangeSummary`, or None if it was never calculated

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = read(dataset_name)
    return Catalog(connection).latest_changes(dataset.id)


@acting(Action.CALCULATE)
def calculate_dataset_latest_changes_summary(
    dataset_name: str | fod.Dataset,
) -> SampleChangeSummary:
    """Calculates the changes of a dataset since its latest snapshot.

    Args:
        dataset_name: the name of the dataset

    Returns:
        a :class:`SampleChangeSummary`

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = read(dataset_name)
    return latest_changes.calculate(connection, dataset.id)


@acting(Action.DIFF)
def diff(
    dataset_name: str | fod.Dataset,
    a: str | DatasetSnapshot = compute.LATEST,
    b: str | DatasetSnapshot | None = None,
    progress: bool | Progress | None = None,
    *,
    media: bool = False,
) -> DatasetDiff:
    """Compares two versions of a dataset: samples, fields, labels, and everything else.

    Args:
        dataset_name: the name of the dataset
        a: the name of the snapshot to compare with; by default, the latest one. ``"HEAD"``, in
            any case, is the dataset as it is now
        b (None): the name of the snapshot whose changes are wanted; by default, or with
            ``"HEAD"``, the dataset as it is now
        progress (None): whether to render a progress bar (True/False), use the default value
            ``fiftyone.config.show_progress_bars`` (None), or a function to call instead with the
            fraction that is done and what is being done
        media (False): whether to compare the media files as well, as far as
            :func:`capture_media` has captured what they were; those of the dataset as it is now
            are looked at

    Returns:
        a :class:`DatasetDiff`, which can be printed, plotted and opened as views

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = read(dataset_name)
    before, after = _versions(connection, dataset, a, b)
    with shown(progress) as report:
        return compute.diff(connection, dataset, before, after, report, media=media)


@acting(Action.DIFF)
def diff_sample(
    dataset_name: str | fod.Dataset,
    sample_id: str,
    a: str | DatasetSnapshot = compute.LATEST,
    b: str | DatasetSnapshot | None = None,
) -> SampleDifference:
    """Compares one sample in two versions of a dataset, with all values before and after.

    Args:
        dataset_name: the name of the dataset
        sample_id: the id of the sample
        a: the name of the snapshot to compare with; by default, the latest one. ``"HEAD"`` is the
            dataset as it is now
        b (None): the name of another snapshot; by default, the dataset as it is now

    Returns:
        a :class:`SampleDifference`

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = read(dataset_name)
    before, after = _versions(connection, dataset, a, b)
    return compute.diff_sample(connection, dataset, sample_id, before, after)


@acting(Action.DIFF)
def diff_samples(
    dataset_name: str | fod.Dataset, sample_ids: Sequence[ObjectId], a: str, b: str | None
) -> list[SampleDifference]:
    """Compares some samples in two versions of a dataset, for about the price of one.

    Args:
        dataset_name: the name of the dataset
        sample_ids: the ids of the samples
        a: the name of a snapshot, or ``"HEAD"``
        b: the name of another one; None or ``"HEAD"`` for the dataset as it is now

    Returns:
        a list of :class:`SampleDifference`, in the order of the samples

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = read(dataset_name)
    before, after = _versions(connection, dataset, a, b)
    return compute.diff_samples(connection, dataset, sample_ids, before, after)


@acting(Action.DIFF)
def sample_history(
    dataset_name: str | fod.Dataset,
    sample_id: str,
    *,
    newest: int | None = None,
    archived: bool = True,
) -> SampleHistory:
    """Tells which versions of a dataset have a sample, and what changed in it.

    Args:
        dataset_name: the name of the dataset
        sample_id: the id of the sample
        newest (None): how many snapshots to look at, at the most; by default, all
        archived (True): whether to read archives, which takes time

    Returns:
        a :class:`SampleHistory`, in the order of the snapshots, HEAD at the end

    Raises:
        ValueError: if there is no such dataset, or no version that was looked at has such a sample
    """
    connection, dataset = read(dataset_name)
    return tracing.sample_history(connection, dataset, sample_id, newest, archived=archived)


@acting(Action.DIFF)
def label_history(dataset_name: str | fod.Dataset, label_id: str) -> LabelHistory:
    """Tells which versions of a dataset have a label, and what changed in it.

    Args:
        dataset_name: the name of the dataset
        label_id: the id of the label

    Returns:
        a :class:`LabelHistory`, in the order of the snapshots, HEAD at the end

    Raises:
        ValueError: if there is no such dataset, or none of its versions has such a label
    """
    connection, dataset = read(dataset_name)
    return tracing.label_history(connection, dataset, label_id)


@acting(Action.LIST)
def latest_changes_are_stale(dataset_name: str | fod.Dataset) -> bool:
    """Tells at a glance whether a dataset seems to have changed since its changes were calculated.

    It is a hint, good at any size; :func:`calculate_dataset_latest_changes_summary` is exact.

    Args:
        dataset_name: the name of the dataset

    Returns:
        True/False

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = find(dataset_name)
    catalog = Catalog(connection)
    document = connection["datasets"].find_one({"_id": dataset.id})
    facts, latest = catalog.dataset_facts(dataset.id), catalog.latest(dataset.id)
    return history.latest_changes_are_stale(connection, document, facts, latest)


def _versions(
    connection: Database[Document],
    dataset: DatasetReference,
    a: str | DatasetSnapshot,
    b: str | DatasetSnapshot | None,
) -> tuple[str, str | None]:
    """Returns the names of the versions that the caller means."""
    after = None if b is None else name_of(connection, dataset, b)
    return name_of(connection, dataset, a), after
