"""Finding snapshots, and what was computed on them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date

import fiftyone.core.dataset as fod
import fiftyone.core.sample as fos

from ..backend import maintenance
from ..backend.access import Action
from ..backend.catalog import names
from ..backend.catalog.catalog import Catalog
from ..backend.catalog.record import DatasetSnapshot
from ..backend.dataset import selection
from ..backend.errors import DatasetNotFoundError
from ..backend.merge.record import MergePlan
from ..backend.mongo import database
from ..backend.overview import overview
from ..backend.overview.overview import Overview
from ..backend.search import history, lineage, search, uri
from ..backend.search.history import History, HistoryQuery, Location
from ..backend.search.lineage import RunKind, RunLineage
from ..backend.search.search import FoundSnapshot, SnapshotQuery
from .authorize import acting, allows, require
from .datasets import find, look, name_of, read


@acting(Action.SEARCH, each=True)
def search_snapshots(
    text: str | None = None,
    created_by: str | None = None,
    since: date | None = None,
    until: date | None = None,
    tags: str | Iterable[str] | None = None,
    contains_sample: str | fos.Sample | None = None,
    field: str | None = None,
    label: str | None = None,
) -> list[FoundSnapshot]:
    """Finds snapshots of all datasets; those that fit everything that is given.

    Args:
        text (None): what the name, the description, a tag or the dataset's name contains, in any
            case and language
        created_by (None): who created it
        since (None): a ``datetime``, or a ``date`` from whose beginning on it was created; days
            are those of ``fiftyone.config.timezone``, in which FiftyOne gives times, or of UTC
        until (None): a ``datetime`` before which it was created, or a ``date``, the last day on
            which it was
        tags (None): a tag that it has, or several, all of which it has
        contains_sample (None): a sample that it contains, or the sample's id
        field (None): the path of a field that its schema has, such as ``ground_truth`` or
            ``frames.objects``
        label (None): the class of a label that it contains, in any field. The first time that a
            snapshot is asked for labels all its documents are read

    Returns:
        a list of :class:`FoundSnapshot`, newest first

    Raises:
        ValueError: if something else is given than is described here
    """
    query = SnapshotQuery(
        text=text or "",
        created_by=created_by,
        since=since,
        until=until,
        tags=names.validate_tags(tags),
        sample_id=None if contains_sample is None else selection.id_of(contains_sample),
        field=field,
        label=label,
    )
    found = search.search(database.connect(), query)
    return [snapshot for snapshot in found if allows(Action.SEARCH, snapshot.dataset_name)]


@acting(Action.LIST)
def snapshot_uri(
    dataset_name: str | fod.Dataset, snapshot_name: str | DatasetSnapshot, names: bool = True
) -> str:
    """Returns an address for a snapshot, to be noted where it was used, as in a training run.

    Args:
        dataset_name: the name of the dataset
        snapshot_name: the name of the snapshot
        names (True): whether to put their names in, for people to read. Without them a version
            has one address for ever, whatever it is renamed to, as trackers need that compare or
            hash addresses

    Returns:
        ``fiftyone-snapshots://<dataset id>/<snapshot id>?dataset=..&snapshot=..#<content hash>``,
        which :func:`resolve_snapshot_uri` understands even if both were renamed since

    Raises:
        ValueError: if there is no such dataset or snapshot
    """
    connection, dataset = read(dataset_name)
    name = name_of(connection, dataset, snapshot_name)
    record = Catalog(connection).get(dataset.id, name, dataset.name)
    return uri.uri(connection, dataset, record, names)


@acting(Action.LIST, each=True)
def resolve_snapshot_uri(address: str) -> Location:
    """Finds the snapshot with an address, and checks that it has the content named there.

    Args:
        address: what :func:`snapshot_uri` returned

    Returns:
        a :class:`Location`: the names that dataset and snapshot have now

    Raises:
        ValueError: if it is no such address, or there is no such dataset or snapshot
        DamagedSnapshotError: if the snapshot has another content
    """
    connection = database.connect()
    location = uri.resolve(connection, address)
    require(Action.LIST, location.dataset.name)
    return location


@acting(Action.LIST)
def run_lineage(
    dataset_name: str | fod.Dataset, key: str, kind: RunKind | str | None = None
) -> RunLineage | None:
    """Tells what was the latest snapshot when a run was computed, and if the dataset was like it.

    Args:
        dataset_name: the name of the dataset
        key: the key of an annotation, brain, evaluation or custom run
        kind (None): ``annotation``, ``brain``, ``evaluation`` or ``custom``, if the dataset has
            runs of several kinds with that key; or ``model``: then the key is the field of the
            labels that ``apply_model()`` has written

    Returns:
        a :class:`RunLineage`, or None if there was no snapshot then, or this package was not there

    Raises:
        ValueError: if there is no such dataset or run, or there are several
    """
    connection, dataset = read(dataset_name)
    return lineage.of_run(connection, dataset, key, kind)


@acting(Action.LIST)
def list_run_lineages(dataset_name: str | fod.Dataset) -> list[RunLineage]:
    """Lists on which snapshots the runs of a dataset were computed, as far as that is known.

    Args:
        dataset_name: the name of the dataset

    Returns:
        a list of :class:`RunLineage`, in the order in which the runs were computed

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = read(dataset_name)
    return lineage.of_runs(connection, dataset)


@acting(Action.LIST)
def locate(dataset_name: str) -> Location:
    """Tells whether a dataset is a snapshot, and of which dataset.

    Args:
        dataset_name: the name under which FiftyOne has loaded it, or would load it, such as
            ``street@v3``

    Returns:
        the dataset, and the name of the snapshot if it is one

    Raises:
        ValueError: if there is no such dataset, or it is a snapshot that is gone
    """
    seen = look().locations
    if dataset_name not in seen:
        seen[dataset_name] = _locate(dataset_name)
    return seen[dataset_name]


def _locate(dataset_name: str) -> Location:
    connection = database.connect()
    try:
        return history.locate(connection, dataset_name)
    except DatasetNotFoundError:
        unopened = history.find_unopened(connection, dataset_name)
        if unopened is None:
            raise
        return unopened


@acting(Action.LIST)
def get_history(dataset_name: str | fod.Dataset, query: HistoryQuery | None = None) -> History:
    """Lists the snapshots of a dataset as a person browses them: newest first, page by page.

    Args:
        dataset_name: the name of the dataset
        query (None): which ones; by default, all but those in the trash

    Returns:
        a page of the history

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = find(dataset_name)
    return history.browse(connection, dataset, query or HistoryQuery())


@acting(Action.LIST)
def get_overview(dataset_name: str | fod.Dataset) -> Overview:
    """Reads everything that a list of a dataset's snapshots shows, in a few round trips.

    For whoever shows such a list, and asks again and again whether it is still true.

    Args:
        dataset_name: the name of the dataset

    Returns:
        its snapshots, trash, changes and operations

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = find(dataset_name)
    found = overview.read(connection, dataset, lambda: maintenance.mend(connection, dataset.id))
    look().mended.add(dataset.id)
    seen = [b for b in found.branches.branches if allows(Action.LIST_BRANCHES, b.dataset_name)]
    merges = [merge for merge in found.merges if _may_see(merge.plan, dataset.name)]
    return replace(found, branches=replace(found.branches, branches=seen), merges=merges)


def _may_see(plan: MergePlan, dataset_name: str) -> bool:
    """Returns whether the user may see the other side of a merge, of which the plan tells."""
    others = {plan.branch_name, plan.dataset_name} - {dataset_name}
    return all(name is None or allows(Action.LIST, name) for name in others)


@acting(Action.LIST)
def count_documents(dataset_name: str | fod.Dataset) -> int:
    """Returns about how many samples and frames a dataset has, at once at any size.

    Args:
        dataset_name: the name of the dataset

    Returns:
        the number

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = find(dataset_name)
    return history.count_documents(connection, dataset.id)


@acting(Action.LIST)
def head_version(dataset_name: str | fod.Dataset) -> str:
    """Returns a text that changes whenever a dataset's content is exchanged by this package.

    Whoever shows the dataset looks for another one after reverts, undos and restored samples.
    Ordinary edits do not change it.

    Args:
        dataset_name: the name of the dataset

    Returns:
        the text

    Raises:
        ValueError: if there is no such dataset
    """
    connection, dataset = find(dataset_name)
    return history.head_version(connection, dataset.id)
