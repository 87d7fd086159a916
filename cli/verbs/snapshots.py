"""Commands on datasets and their snapshots."""

from __future__ import annotations

from argparse import Namespace
from collections.abc import Callable, Iterable
from datetime import date, datetime

from ... import management as sdk
from ...backend.catalog.names import no_snapshot, unknown
from ...backend.errors import SnapshotNotFoundError
from ...backend.results.times import shown
from ...management.datasets import as_shown
from ..output import DONE, FOUND, UNTOLD, Answer, about, nothing_done, size, table

Progress = Callable[[float, str], None]


def create(options: Namespace, _: Progress) -> Answer:
    """Captures a dataset."""
    snapshot = sdk.create_snapshot(
        options.dataset,
        options.snapshot,
        options.description,
        tags=options.tag,
        trust_timestamps=options.trust_timestamps,
        media=options.media,
    )
    return Answer(snapshot, f"Created {_describe(options.dataset, snapshot)}")


def list(options: Namespace, _: Progress) -> Answer:  # noqa: A001 (the command's name)
    """Lists snapshots, oldest first as the SDK does."""
    if options.dataset is None:
        return _found(reversed(sdk.search_snapshots()))
    entries = sdk.get_history(options.dataset).entries[::-1]
    rows = [
        (
            entry.name,
            entry.created_at,
            entry.created_by,
            entry.sample_count,
            size(entry.size_bytes),
            _changes(entry.changes),
            _kept(entry),
            entry.tags,
            entry.description,
        )
        for entry in entries
    ]
    headings = (
        *("snapshot", "created", "by", "samples", "size", "changes", "kept", "tags"),
        "description",
    )
    return Answer(entries, table(headings, rows, "No snapshots"))


def info(options: Namespace, _: Progress) -> Answer:
    """Tells what is known of a snapshot."""
    snapshot = _get(options)
    lines = {
        "dataset": options.dataset,
        "snapshot": snapshot.name,
        "id": snapshot.id,
        "description": snapshot.description or "",
        "tags": ", ".join(snapshot.tags),
        "created": f"{_time(snapshot.created_at)} by {snapshot.created_by or '?'}",
        "status": snapshot.load_status.value,
        "changes": _changes(snapshot.linear_change_summary),
    }
    if (merged := snapshot.merged_from) is not None:
        onto = f", with '{merged.onto_name}'" if merged.onto_name else ""
        lines["merged"] = f"'{merged.snapshot_name}' of '{merged.dataset_name}'{onto}"
    return Answer(snapshot, "\n".join(f"{key + ':':<13}{value}" for key, value in lines.items()))


def load(options: Namespace, _: Progress) -> Answer:
    """Opens a snapshot."""
    dataset = sdk.load_snapshot(options.dataset, options.snapshot)
    data = {
        "name": dataset.name,
        "media_type": dataset.media_type,
        "samples": dataset.count() if dataset.media_type != "group" else len(dataset),
        "fields": {path: str(field) for path, field in dataset.get_field_schema().items()},
    }
    return Answer(data, str(dataset))


def edit(options: Namespace, _: Progress) -> Answer:
    """Renames or describes a snapshot."""
    changes = {} if options.description is None else {"description": options.description or None}
    if not changes and options.name is None:
        return Answer(_get(options), "Nothing was changed: say --name or --description")
    before = sdk.get_snapshot_info(options.dataset, options.snapshot)
    snapshot = sdk.edit_snapshot(options.dataset, options.snapshot, options.name, **changes)
    if before is not None and _said(before) == _said(snapshot):
        return Answer(snapshot, nothing_done(options, "is that already"))
    return Answer(snapshot, f"Changed {_describe(options.dataset, snapshot)}")


def _said(snapshot: sdk.DatasetSnapshot) -> tuple[str, str | None]:
    return snapshot.name, snapshot.description


def tag(options: Namespace, _: Progress) -> Answer:
    """Adds tags."""
    before = sdk.get_snapshot_info(options.dataset, options.snapshot)
    snapshot = sdk.tag_snapshot(options.dataset, options.snapshot, options.tags)
    if before is not None and before.tags == snapshot.tags:
        return Answer(snapshot, nothing_done(options, "has these tags already"))
    return Answer(snapshot, f"Its tags are: {', '.join(snapshot.tags)}")


def untag(options: Namespace, _: Progress) -> Answer:
    """Removes tags."""
    before = sdk.get_snapshot_info(options.dataset, options.snapshot)
    snapshot = sdk.untag_snapshot(options.dataset, options.snapshot, options.tags)
    if before is not None and before.tags == snapshot.tags:
        return Answer(snapshot, nothing_done(options, "has none of these tags"))
    return Answer(snapshot, f"Its tags are: {', '.join(snapshot.tags) or '(none)'}")


def preview_delete(options: Namespace) -> Answer:
    """Tells what would be deleted."""
    _get(options)
    (entry,) = (e for e in sdk.get_history(options.dataset).entries if e.name == options.snapshot)
    text = (
        f"Would delete snapshot '{entry.name}' of '{options.dataset}': {entry.sample_count} "
        f"samples, {size(entry.size_bytes)}"
    )
    return Answer(entry, text)


def delete(options: Namespace, _: Progress) -> Answer:
    """Deletes a snapshot."""
    sdk.delete_snapshot(options.dataset, options.snapshot)
    trashed = [item for item in sdk.list_trash(options.dataset) if item.name == options.snapshot]
    until = (
        f"; it can be restored until {_time(trashed[-1].expires_at)}" if trashed else " for good"
    )
    data = {**about(options), "restorable": bool(trashed)}
    return Answer(data, f"Deleted snapshot '{options.snapshot}'{until}")


def restore(options: Namespace, _: Progress) -> Answer:
    """Brings a deleted snapshot back."""
    snapshot = sdk.restore_snapshot(options.dataset, options.snapshot)
    return Answer(snapshot, f"Restored {_describe(options.dataset, snapshot)}")


def diff(options: Namespace, progress: Progress) -> Answer:
    """Compares two versions."""
    versions = {} if options.a is None else {"a": options.a, "b": options.b}
    found = sdk.diff(options.dataset, **versions, progress=progress, media=options.media)
    code = FOUND if found and options.exit_code else DONE
    return Answer(found, str(found).rstrip(), code)


def history(options: Namespace, _: Progress) -> Answer:
    """Tells what happened to a sample or a label."""
    trace = sdk.label_history if options.label else sdk.sample_history
    found = trace(options.dataset, options.id)
    return Answer(found, str(found))


def changes(options: Namespace, _: Progress) -> Answer:
    """Counts what changed since the latest snapshot."""
    summary = (
        sdk.get_dataset_latest_changes_summary(options.dataset)
        if options.cached
        else sdk.calculate_dataset_latest_changes_summary(options.dataset)
    )
    if summary is None:
        return Answer(None, "Never calculated")
    code = FOUND if summary.has_changes and options.exit_code else DONE
    return Answer(summary, f"{_changes(summary)}, {summary.total_samples} samples", code)


def verify(options: Namespace, progress: Progress) -> Answer:
    """Proves that snapshots are what was captured."""
    if options.dataset is None:
        reports = sdk.verify_all(options.media, progress)
    else:
        names = [options.snapshot] if options.snapshot else sdk.list_snapshots(options.dataset)
        reports = [
            sdk.verify_snapshot(options.dataset, name, options.media, progress) for name in names
        ]
    data = [{"ok": bool(report), "verdict": report.verdict, **vars(report)} for report in reports]
    text = "\n".join(map(str, reports)) or "No snapshots"
    bad = [report.verdict for report in reports if not report]
    only_untold = all(verdict is sdk.Verdict.UNTOLD for verdict in bad)
    return Answer(data, text, (UNTOLD if only_untold else FOUND) if bad else DONE)


def search(options: Namespace, _: Progress) -> Answer:
    """Finds snapshots."""
    return _found(
        sdk.search_snapshots(
            text=options.text,
            created_by=options.created_by,
            since=_moment(options.since),
            until=_moment(options.until),
            tags=options.tag,
            contains_sample=options.contains_sample,
            field=options.field,
            label=options.label,
        )
    )


def uri(options: Namespace, _: Progress) -> Answer:
    """Prints the address of a snapshot."""
    address = sdk.snapshot_uri(options.dataset, options.snapshot, names=not options.no_names)
    return Answer({"uri": address}, address)


def resolve(options: Namespace, _: Progress) -> Answer:
    """Finds the snapshot with an address."""
    found = sdk.resolve_snapshot_uri(options.uri)
    data = {**found.to_dict(), "dataset": found.dataset.name}
    return Answer(data, f"snapshot '{found.snapshot}' of dataset '{found.dataset.name}'")


def hash(options: Namespace, _: Progress) -> Answer:  # noqa: A001 (the command's name)
    """Prints a content hash."""
    found = sdk.content_hash(options.dataset, options.snapshot)
    return Answer({"hash": found}, found)


def lineage(options: Namespace, _: Progress) -> Answer:
    """Tells on which snapshots runs were computed."""
    runs = sdk.list_run_lineages(options.dataset)
    if options.key is not None:
        known = [run.key for run in runs]
        runs = [run for run in runs if run.key == options.key]
        if not runs:
            nothing = f"Nothing is known of a run of '{options.dataset}' called"
            return Answer(runs, unknown(nothing, options.key, known, are="known are"))
    rows = [
        (
            run.key,
            run.kind,
            run.snapshot_name + ("" if run.snapshot_exists else " (deleted)"),
            run.head,
            run.recorded_at,
            run.model or "",
        )
        for run in runs
    ]
    headings = ("run", "kind", "snapshot", "dataset was", "computed", "model")
    return Answer(runs, table(headings, rows, "Nothing is known"))


def trash(options: Namespace, _: Progress) -> Answer:
    """Lists the trash."""
    return _trash(sdk.list_trash(options.dataset), of_all=options.dataset is None)


def preview_empty_trash(options: Namespace) -> Answer:
    """Tells what would be destroyed."""
    items = sdk.list_trash(options.dataset)
    listed = _trash(items)
    return Answer(items, f"Would destroy for good:\n{listed.text}" if items else listed.text)


def asks_empty_trash(options: Namespace) -> bool:
    """Returns whether there is something to destroy."""
    return bool(sdk.list_trash(options.dataset))


def empty_trash(options: Namespace, _: Progress) -> Answer:
    """Empties the trash."""
    items = sdk.empty_trash(options.dataset)
    if not items:
        return _trash(items)
    total = sum(item.size_bytes for item in items)
    return Answer(items, f"Destroyed {len(items)} things, {size(total)}")


def clone(options: Namespace, _: Progress) -> Answer:
    """Makes a new dataset of a snapshot."""
    dataset = sdk.clone_snapshot(options.dataset, options.snapshot, options.new_dataset)
    samples = len(dataset)
    data = {
        "dataset_name": dataset.name,
        "sample_count": samples,
        # Until 0.2
        "dataset": dataset.name,
        "samples": samples,
    }
    return Answer(data, f"Created dataset '{dataset.name}' with {samples} samples")


def convert(options: Namespace, _: Progress) -> Answer:
    """Moves a history to another backend."""
    moved = sdk.convert_snapshots(options.dataset, options.backend)
    data = {"dataset_name": options.dataset, "backend": options.backend, "moved": moved}
    return Answer(data, f"Moved {moved} snapshots of '{options.dataset}' to {options.backend}")


def _get(options: Namespace) -> sdk.DatasetSnapshot:
    snapshot = sdk.get_snapshot_info(options.dataset, options.snapshot)
    if snapshot is None:
        known = sdk.list_snapshots(options.dataset)
        raise SnapshotNotFoundError(no_snapshot(options.dataset, options.snapshot, known))
    return snapshot


def _time(moment: datetime | None) -> str:
    return "?" if moment is None else shown(moment, seconds=True)


def _moment(given: date | None) -> date | None:
    """Returns a time that a command was given, which is of the zone in which times are shown."""
    return as_shown(given) if isinstance(given, datetime) else given


def _describe(dataset: str, snapshot: sdk.DatasetSnapshot) -> str:
    changes = _changes(snapshot.linear_change_summary)
    return f"snapshot '{snapshot.name}' of '{dataset}' ({changes})"


def _kept(entry: sdk.HistoryEntry) -> str:
    """Returns what is special about how a snapshot is kept."""
    special = {"archived": entry.archive is not None, "pinned": entry.pinned}
    return ", ".join(word for word, is_so in special.items() if is_so)


def _changes(summary: sdk.SampleChangeSummary | None) -> str:
    if summary is None:
        return ""
    return (
        f"+{summary.num_samples_added} -{summary.num_samples_deleted} "
        f"~{summary.num_samples_changed}"
    )


def _found(snapshots: Iterable[sdk.FoundSnapshot]) -> Answer:
    found = [*snapshots]
    rows = [
        (s.dataset_name, s.name, s.created_at, s.created_by, s.sample_count, s.tags, s.description)
        for s in found
    ]
    headings = ("dataset", "snapshot", "created", "by", "samples", "tags", "description")
    return Answer(found, table(headings, rows, "No snapshots"))


def _trashed(item: sdk.TrashItem) -> str:
    """Returns what something in the trash is."""
    if item.kind.value in ("snapshot", "branch"):
        return item.name
    if item.kind.value == "samples":
        return f"before restoring from {item.name}"
    what = "undo of" if item.is_undo else "merge" if item.is_merge else "rollback to"
    return f"{'after' if item.is_rolled_back else 'before'} the {what} {item.name}"


def _kept_for(item: sdk.TrashItem) -> str:
    """Returns which branches keep a snapshot in the trash."""
    return f"base of {', '.join(item.held_by)}" if item.held_by else ""


def _trash(items: Iterable[sdk.TrashItem], of_all: bool = False) -> Answer:
    found = [*items]
    rows = [
        (
            *([item.dataset_name] if of_all else []),
            item.kind.value,
            _trashed(item),
            size(item.size_bytes),
            item.trashed_at,
            _kept_for(item) or item.expires_at,
            # What commands that bring it back take
            "" if item.kind.value == "snapshot" else item.id,
        )
        for item in found
    ]
    columns = ["kind", "name", "size", "discarded", "until", "operation"]
    headings = [*(["dataset"] if of_all else []), *columns]
    return Answer(found, table(headings, rows, "The trash is empty"))
