"""Operators of the App: one thin adapter per action over the management SDK."""

from __future__ import annotations

from typing import Any

from .archive import ArchiveSnapshot, ExportSnapshot, UnarchiveSnapshot
from .banner import DescribeBanner, UseBanner
from .base import PluginOperator
from .branches import CreateBranch, DeleteBranch, ListBranches, RestoreBranch
from .bring_back import BringBackSamples
from .browse import (
    BackToLatest,
    BrowseSnapshot,
    DescribeHistory,
    DescribeOpenSnapshot,
    GetSnapshotInfo,
    ListSnapshots,
    OpenHistory,
)
from .change import (
    CancelOperation,
    CloneSnapshot,
    EditSnapshot,
    VerifySnapshot,
)
from .compare import CompareSnapshots
from .create import CreateSnapshot, RefreshChanges
from .link import OpenLink
from .media import CaptureMedia
from .merging import (
    ApplyMerge,
    DiscardMerge,
    PlanMerge,
    ResolveMerge,
    ReviewMerge,
    UndoMerge,
    UseReviewEdits,
)
from .open_sample_history import OpenSampleHistory
from .pin import PinSnapshot, UnpinSnapshot
from .remotes import PlanPull, PlanPush, PullSnapshots, PushSnapshots
from .restore_samples import PlanRestore, RestoreSamples
from .revert import PlanRevert, PlanUndo, RevertToSnapshot, UndoRevert
from .tags import TagSnapshot
from .trash import DeleteSnapshot, EmptyTrash, RestoreSnapshot
from .undo_restore import PlanUndoRestore, UndoRestore
from .undoing import ListUndoable, SetUndoMode, UndoOperation

OPERATORS: tuple[type[PluginOperator], ...] = (
    CreateSnapshot,
    ListSnapshots,
    GetSnapshotInfo,
    BrowseSnapshot,
    BackToLatest,
    OpenHistory,
    OpenSampleHistory,
    RefreshChanges,
    CompareSnapshots,
    CloneSnapshot,
    EditSnapshot,
    TagSnapshot,
    DeleteSnapshot,
    RestoreSnapshot,
    PlanRevert,
    RevertToSnapshot,
    UndoRevert,
    RestoreSamples,
    VerifySnapshot,
    EmptyTrash,
    ArchiveSnapshot,
    UnarchiveSnapshot,
    ExportSnapshot,
    PinSnapshot,
    UnpinSnapshot,
    CancelOperation,
    DescribeOpenSnapshot,
    DescribeHistory,
    DescribeBanner,
    UseBanner,
    OpenLink,
    BringBackSamples,
    PlanUndo,
    PlanRestore,
    UndoRestore,
    PlanUndoRestore,
    CreateBranch,
    ListBranches,
    DeleteBranch,
    RestoreBranch,
    PlanMerge,
    ReviewMerge,
    ResolveMerge,
    UseReviewEdits,
    ApplyMerge,
    DiscardMerge,
    UndoMerge,
    ListUndoable,
    UndoOperation,
    SetUndoMode,
    CaptureMedia,
    PlanPush,
    PushSnapshots,
    PlanPull,
    PullSnapshots,
)


def register(plugin: Any) -> None:
    """Registers all operators.

    Args:
        plugin: a :class:`fiftyone.plugins.context.PluginContext`
    """
    for operator in OPERATORS:
        plugin.register(operator)
