"""The Management SDK: everything that can be done with snapshots.

The same names, arguments and results as the ``fiftyone.management.snapshot`` module of FiftyOne's
hosted product, and more. Wherever a dataset's name is taken, a :class:`fiftyone.Dataset` may be
given as well. Operators, panel and command line call these functions and nothing else.

Each module holds the functions of one subject; this one is where all of them are found.
"""

from __future__ import annotations

from ..backend.access import Action, Interface, Level, acting_as
from ..backend.audit import AuditEvent, AuditReport, Outcome
from ..backend.branches.record import Branch, Branches
from ..backend.catalog.record import (
    DatasetSnapshot,
    DatasetSnapshotStatus,
    MergedFrom,
    SampleChangeSummary,
)
from ..backend.diff import (
    DatasetDiff,
    LabelHistory,
    SampleDifference,
    SampleHistory,
)
from ..backend.diff.version_hash import Equality
from ..backend.doctor import Diagnosis, Finding, Severity
from ..backend.maintenance import Recovered
from ..backend.media.bringing_back import RestoredMedia
from ..backend.media.captured import CapturedMedia
from ..backend.media.changes import MediaDiff
from ..backend.media.collecting import CollectedMedia
from ..backend.media.fact import MediaFact
from ..backend.media.provider import MediaProvider
from ..backend.merge.conflicts import Conflict, ConflictKind
from ..backend.merge.hand_edits import TakenEdits
from ..backend.merge.one_by_one import ConflictInPlace
from ..backend.merge.record import (
    ConflictCount,
    DuplicateSuspect,
    MergeCounts,
    MergePlan,
    MergeState,
)
from ..backend.operations.reporting import reporting
from ..backend.purge import Purged
from ..backend.remote.results import (
    PullResult,
    PushResult,
    RemoteGcResult,
    RemoteSnapshot,
    RemoteVerifyResult,
)
from ..backend.restore.plan import RestorePlan
from ..backend.restore.restore import RestoredSamples
from ..backend.restore.undo_plan import RestoreUndo
from ..backend.revert.revert import RevertPlan
from ..backend.revert.undo_plan import UndoPlan
from ..backend.search.history import History, HistoryEntry, HistoryQuery, Location
from ..backend.search.lineage import RunKind, RunLineage
from ..backend.search.lock_file import SnapshotLock
from ..backend.search.search import FoundSnapshot
from ..backend.snapshots.prune import PrunedSnapshot, PruneResult
from ..backend.snapshots.verify_report import Verdict, VerifyReport
from ..backend.trackers.run import TrackedRun
from ..backend.trash.trash import TrashItem
from ..backend.undo.mode import UndoSetting
from ..backend.undo.record import UndoableOperation, UndoableState
from .access import (
    export_events,
    list_event_users,
    list_events,
    mongodb_role,
    verify_audit_log,
    why_not,
)
from .addresses import checkout, lock_snapshot, open_snapshot_uri
from .archives import (
    archive_snapshot,
    archives_are_on,
    claim_archives,
    convert_snapshots,
    export_snapshot,
    export_table,
    import_snapshot,
    leave_archives,
    pin_snapshot,
    prune_snapshots,
    unarchive_snapshot,
    unpin_snapshot,
)
from .branches import (
    check_new_branch,
    create_branch,
    delete_branch,
    get_branch_info,
    get_branches,
    list_branches,
    restore_branch,
)
from .cards import CardFormat, export_card
from .comparing import (
    calculate_dataset_latest_changes_summary,
    content_hash,
    diff,
    diff_sample,
    get_dataset_latest_changes_summary,
    is_head_equal,
    label_history,
    latest_changes_are_stale,
    sample_history,
    verify_all,
    verify_snapshot,
)
from .conflicts import (
    list_conflicts,
    read_conflict,
    resolve_conflicts,
    review_merge,
    use_review_edits,
    view_conflicts,
)
from .finding import (
    count_documents,
    get_history,
    get_overview,
    head_version,
    list_run_lineages,
    locate,
    resolve_snapshot_uri,
    run_lineage,
    search_snapshots,
    snapshot_uri,
)
from .media import (
    capture_media,
    collect_media,
    get_captured_media,
    repoint_media,
    restore_media,
    wait_for_media,
)
from .merging import (
    apply_merge,
    discard_merge,
    get_merge,
    list_merges,
    mergeable_fields,
    plan_merge,
    undo_merge,
)
from .operations import cancel_operation, diagnose, get_operation, list_operations, purge, recover
from .remotes import (
    clone_from,
    gc_remote,
    known_remotes,
    list_remote,
    pull,
    push,
    verify_remote,
)
from .reverting import (
    empty_trash,
    list_trash,
    restorable_fields,
    restore_samples,
    revert_dataset_to_snapshot,
    undo_restore,
    undo_revert,
)
from .snapshots import (
    check_new_snapshot,
    clone_snapshot,
    create_snapshot,
    delete_snapshot,
    edit_snapshot,
    get_snapshot_info,
    list_snapshots,
    load_snapshot,
    restore_snapshot,
    tag_snapshot,
    untag_snapshot,
)
from .trackers import list_runs_of, mlflow_dataset, open_run
from .undoing import (
    get_undo_mode,
    list_undoable,
    set_undo_mode,
    take_scheduled_snapshot,
    undo_operation,
    undoable,
)

__all__ = [
    "Action",
    "AuditEvent",
    "AuditReport",
    "Branch",
    "Branches",
    "CapturedMedia",
    "CardFormat",
    "CollectedMedia",
    "Conflict",
    "ConflictCount",
    "ConflictInPlace",
    "ConflictKind",
    "DatasetDiff",
    "DatasetSnapshot",
    "DatasetSnapshotStatus",
    "Diagnosis",
    "DuplicateSuspect",
    "Equality",
    "Finding",
    "FoundSnapshot",
    "History",
    "HistoryEntry",
    "HistoryQuery",
    "Interface",
    "LabelHistory",
    "Level",
    "Location",
    "MediaDiff",
    "MediaFact",
    "MediaProvider",
    "MergeCounts",
    "MergePlan",
    "MergeState",
    "MergedFrom",
    "Outcome",
    "PruneResult",
    "PrunedSnapshot",
    "PullResult",
    "Purged",
    "PushResult",
    "Recovered",
    "RemoteGcResult",
    "RemoteSnapshot",
    "RemoteVerifyResult",
    "RestorePlan",
    "RestoreUndo",
    "RestoredMedia",
    "RestoredSamples",
    "RevertPlan",
    "RunKind",
    "RunLineage",
    "SampleChangeSummary",
    "SampleDifference",
    "SampleHistory",
    "Severity",
    "SnapshotLock",
    "TakenEdits",
    "TrackedRun",
    "TrashItem",
    "UndoPlan",
    "UndoSetting",
    "UndoableOperation",
    "UndoableState",
    "Verdict",
    "VerifyReport",
    "acting_as",
    "apply_merge",
    "archive_snapshot",
    "archives_are_on",
    "calculate_dataset_latest_changes_summary",
    "cancel_operation",
    "capture_media",
    "check_new_branch",
    "check_new_snapshot",
    "checkout",
    "claim_archives",
    "clone_from",
    "clone_snapshot",
    "collect_media",
    "content_hash",
    "convert_snapshots",
    "count_documents",
    "create_branch",
    "create_snapshot",
    "delete_branch",
    "delete_snapshot",
    "diagnose",
    "diff",
    "diff_sample",
    "discard_merge",
    "edit_snapshot",
    "empty_trash",
    "export_card",
    "export_events",
    "export_snapshot",
    "export_table",
    "gc_remote",
    "get_branch_info",
    "get_branches",
    "get_captured_media",
    "get_dataset_latest_changes_summary",
    "get_history",
    "get_merge",
    "get_operation",
    "get_overview",
    "get_snapshot_info",
    "get_undo_mode",
    "head_version",
    "import_snapshot",
    "is_head_equal",
    "known_remotes",
    "label_history",
    "latest_changes_are_stale",
    "leave_archives",
    "list_branches",
    "list_conflicts",
    "list_event_users",
    "list_events",
    "list_merges",
    "list_operations",
    "list_remote",
    "list_run_lineages",
    "list_runs_of",
    "list_snapshots",
    "list_trash",
    "list_undoable",
    "load_snapshot",
    "locate",
    "lock_snapshot",
    "mergeable_fields",
    "mlflow_dataset",
    "mongodb_role",
    "open_run",
    "open_snapshot_uri",
    "pin_snapshot",
    "plan_merge",
    "prune_snapshots",
    "pull",
    "purge",
    "push",
    "read_conflict",
    "recover",
    "repoint_media",
    "reporting",
    "resolve_conflicts",
    "resolve_snapshot_uri",
    "restorable_fields",
    "restore_branch",
    "restore_media",
    "restore_samples",
    "restore_snapshot",
    "revert_dataset_to_snapshot",
    "review_merge",
    "run_lineage",
    "sample_history",
    "search_snapshots",
    "set_undo_mode",
    "snapshot_uri",
    "tag_snapshot",
    "take_scheduled_snapshot",
    "unarchive_snapshot",
    "undo_merge",
    "undo_operation",
    "undo_restore",
    "undo_revert",
    "undoable",
    "unpin_snapshot",
    "untag_snapshot",
    "use_review_edits",
    "verify_all",
    "verify_audit_log",
    "verify_remote",
    "verify_snapshot",
    "view_conflicts",
    "wait_for_media",
    "why_not",
]
