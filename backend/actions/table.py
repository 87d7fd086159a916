"""The one table of what can be done: who may, and what it is called everywhere.

To add a verb, add a row here. The level that it needs, its name in the audit log and the journal,
its operator's name and label, its command, and what is said while it runs follow from the row.
"""

from __future__ import annotations

from .row import Level, OfTable, Row


class Action(OfTable):
    """Something that can be done, with the level that it needs.

    Snapshots have no permissions of their own: what counts is the level on their dataset.
    """

    LIST = (
        "list",
        Row(Level.VIEW, "list snapshots", "List snapshots", "", "list_snapshots", "", False),
    )
    SEARCH = "search", Row(Level.VIEW, "search snapshots", is_recorded=False)
    DIFF = (
        "diff",
        Row(
            Level.VIEW, "compare versions", "Compare snapshots", "", "compare_snapshots", "", False
        ),
    )
    CALCULATE = (
        "calculate",
        Row(
            Level.VIEW,
            "calculate changes",
            "Refresh changes since the latest snapshot",
            operator="refresh_changes",
            command="changes",
            is_recorded=False,
        ),
    )
    VERIFY = (
        "verify",
        Row(Level.VIEW, "verify snapshots", "Verify snapshot", "", "verify_snapshot", "", False),
    )
    READ_LOG = (
        "read_log",
        Row(Level.VIEW, "read the audit log", command="events", is_recorded=False),
    )

    LIST_RUNS = (
        "list_runs",
        Row(Level.VIEW, "list the runs that used a version", command="runs", is_recorded=False),
    )

    LOAD = (
        "load",
        Row(Level.VIEW, "load snapshots", "Browse snapshot", "Loading", "browse_snapshot"),
    )
    CLONE = (
        "clone",
        Row(
            Level.VIEW, "clone snapshots", "Clone snapshot to a new dataset", "", "clone_snapshot"
        ),
    )
    EXPORT = (
        "export",
        Row(
            Level.VIEW,
            "export snapshots",
            "Export snapshot",
            "Exporting snapshot",
            "export_snapshot",
        ),
    )
    UNARCHIVE = (
        "unarchive",
        Row(
            Level.VIEW,
            "unarchive snapshots",
            "Unarchive snapshot",
            "Bringing back snapshot",
            "unarchive_snapshot",
        ),
    )

    TAG = (
        "tag",
        Row(Level.TAG, "tag snapshots", "Edit tags of a snapshot", operator="tag_snapshot"),
    )

    CREATE = (
        "create",
        Row(
            Level.MANAGE,
            "create snapshots",
            "Create snapshot",
            "Creating snapshot",
            "create_snapshot",
        ),
    )
    EDIT = (
        "edit",
        Row(Level.MANAGE, "edit snapshots", "Edit snapshot", "Editing snapshot", "edit_snapshot"),
    )
    DELETE = (
        "delete",
        Row(
            Level.MANAGE,
            "delete snapshots",
            "Delete snapshot",
            "Deleting snapshot",
            "delete_snapshot",
        ),
    )
    RESTORE = (
        "restore",
        Row(
            Level.MANAGE,
            "restore deleted snapshots",
            "Restore deleted snapshot",
            "Restoring snapshot",
            "restore_snapshot",
        ),
    )
    REVERT = (
        "revert",
        Row(
            Level.MANAGE,
            "roll back to snapshots",
            "Rollback to snapshot",
            "Rolling back to",
            "revert_to_snapshot",
        ),
    )
    UNDO_REVERT = (
        "undo_revert",
        Row(Level.MANAGE, "undo rollbacks", "Undo rollback", "Undoing a rollback", "undo_revert"),
    )
    RESTORE_SAMPLES = (
        "restore_samples",
        Row(
            Level.MANAGE,
            "restore samples",
            "Restore samples from snapshot",
            "Restoring samples from",
            "restore_samples",
        ),
    )
    UNDO_RESTORE = (
        "undo_restore",
        Row(
            Level.MANAGE,
            "undo restorations of samples",
            "Undo restoring samples",
            "Undoing the restoring of samples from",
            "undo_restore",
        ),
    )
    PLAN_MERGE = (
        "plan_merge",
        Row(
            Level.VIEW,
            "plan merges",
            "Plan merge",
            "Planning the merge of",
            "plan_merge",
            command="merge plan",
            is_recorded=False,
        ),
    )
    RESOLVE_MERGE = (
        "resolve_merge",
        Row(
            Level.EDIT,
            "decide conflicts of merges",
            "Decide conflicts",
            "Deciding conflicts of",
            "resolve_merge",
            command="merge resolve",
        ),
    )
    REVIEW_MERGE = (
        "review_merge",
        Row(
            Level.EDIT,
            "review merges",
            "Review merge",
            "Opening the review of",
            "review_merge",
            command="merge review",
            is_recorded=False,
        ),
    )
    APPLY_MERGE = (
        "apply_merge",
        Row(Level.MANAGE, "apply merges", "Apply merge", "Merging", "apply_merge", "merge apply"),
    )
    UNDO_MERGE = (
        "undo_merge",
        Row(
            Level.MANAGE,
            "undo merges",
            "Undo merge",
            "Undoing a merge",
            "undo_merge",
            "merge undo",
        ),
    )
    DISCARD_MERGE = (
        "discard_merge",
        Row(
            Level.EDIT,
            "discard planned merges",
            "Discard merge",
            operator="discard_merge",
            command="merge discard",
        ),
    )
    BEGIN_OPERATION = (
        "begin_operation",
        Row(Level.EDIT, "make operations undoable", "", "Keeping the state before", "", "", False),
    )
    END_OPERATION = (
        "end_operation",
        Row(Level.EDIT, "make operations undoable", doing="Keeping the state after"),
    )
    LIST_UNDOABLE = (
        "list_undoable",
        Row(
            *(Level.VIEW, "list undoable operations", "List undoable operations", ""),
            *("list_undoable", "undoable list", False),
        ),
    )
    UNDO_OPERATION = (
        "undo_operation",
        Row(
            Level.MANAGE,
            "undo operations",
            "Undo operation",
            "Undoing an operation",
            "undo_operation",
            command="undoable undo",
        ),
    )
    SET_UNDO_MODE = (
        "set_undo_mode",
        Row(Level.MANAGE, "choose undo modes", "Undo mode", "", "set_undo_mode", "undoable mode"),
    )
    SCHEDULE = (
        "take_scheduled_snapshot",
        Row(Level.EDIT, "take scheduled snapshots", doing="Taking a snapshot", command="schedule"),
    )
    EMPTY_TRASH = (
        "empty_trash",
        Row(Level.MANAGE, "empty the trash", "Empty trash", "Emptying the trash", "empty_trash"),
    )
    ARCHIVE = (
        "archive",
        Row(
            Level.MANAGE,
            "archive snapshots",
            "Archive snapshot",
            "Archiving snapshot",
            "archive_snapshot",
        ),
    )
    CREATE_BRANCH = (
        "create_branch",
        Row(
            Level.MANAGE,
            "create branches",
            "Create branch",
            "Creating branch",
            "create_branch",
            command="branch create",
        ),
    )
    LIST_BRANCHES = (
        "list_branches",
        Row(
            Level.VIEW,
            "list branches",
            "List branches",
            operator="list_branches",
            command="branch list",
            is_recorded=False,
        ),
    )
    DELETE_BRANCH = (
        "delete_branch",
        Row(
            Level.MANAGE,
            "delete branches",
            "Delete branch",
            "Deleting branch",
            "delete_branch",
            command="branch delete",
        ),
    )
    RESTORE_BRANCH = (
        "restore_branch",
        Row(
            Level.MANAGE,
            "restore deleted branches",
            "Restore deleted branch",
            "Restoring branch",
            "restore_branch",
            command="branch restore",
        ),
    )
    IMPORT = "import", Row(Level.MANAGE, "import snapshots", doing="Importing snapshot")
    PUSH = (
        "push",
        Row(
            *(Level.MANAGE, "push snapshots", "Push snapshots", "Pushing"),
            *("push_snapshots", "remote push"),
        ),
    )
    PULL = (
        "pull",
        Row(
            *(Level.MANAGE, "pull snapshots", "Pull snapshots", "Pulling"),
            *("pull_snapshots", "remote pull"),
        ),
    )
    CLONE_FROM = "clone_from", Row(Level.MANAGE, "clone from remotes", command="remote clone")
    LIST_REMOTE = (
        "list_remote",
        Row(Level.VIEW, "list remotes", command="remote list", is_recorded=False),
    )
    VERIFY_REMOTE = (
        "verify_remote",
        Row(Level.VIEW, "verify remotes", command="remote verify", is_recorded=False),
    )
    GC_REMOTE = (
        "gc_remote",
        Row(Level.MANAGE, "collect the garbage of remotes", command="remote gc"),
    )
    PIN = (
        "pin",
        Row(Level.MANAGE, "pin snapshots", "Pin snapshot", "Pinning snapshot", "pin_snapshot"),
    )
    UNPIN = (
        "unpin",
        Row(Level.MANAGE, "unpin snapshots", "Unpin snapshot", operator="unpin_snapshot"),
    )
    PRUNE = "prune", Row(Level.MANAGE, "prune snapshots")
    CONVERT = "convert", Row(Level.MANAGE, "convert snapshots", doing="Converting")
    CAPTURE_MEDIA = (
        "capture_media",
        Row(
            *(Level.MANAGE, "capture media", "Capture media", "Capturing the media of"),
            *("capture_media", "media capture"),
        ),
    )
    RESTORE_MEDIA = (
        "restore_media",
        Row(Level.VIEW, "restore media", doing="Bringing back", command="media restore"),
    )
    REPOINT_MEDIA = (
        "repoint_media",
        Row(Level.EDIT, "repoint media", doing="Repointing media", command="media repoint"),
    )
    COLLECT_MEDIA = (
        "collect_media",
        Row(Level.MANAGE, "remove copies of media", command="media collect"),
    )
    CANCEL = (
        "cancel",
        Row(Level.MANAGE, "cancel operations", "Cancel operation", operator="cancel_operation"),
    )
    RECOVER = "recover", Row(Level.MANAGE, "mend what crashes left")
    PURGE_ALL = (
        "purge_all",
        Row(Level.MANAGE, "remove everything of this package", command="purge", is_recorded=False),
    )
    CLAIM_ARCHIVES = "claim_archives", Row(Level.MANAGE, "claim archives")
    LEAVE_ARCHIVES = "leave_archives", Row(Level.MANAGE, "leave archives")
    EXPORT_LOG = "export_log", Row(Level.MANAGE, "export the audit log", command="export-events")

    # Done by the package itself, in the process of whoever comes by: nobody is asked
    EXPIRE = "expire", Row(Level.MANAGE, "destroy expired trash")
    PURGE = (
        "purge",
        Row(Level.MANAGE, "destroy the snapshots of deleted datasets", doing="Cleaning up"),
    )
