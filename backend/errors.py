"""Every error this package raises, in one tree.

Handlers can catch at the level that fits what they would do about it::

    SnapshotError
    ├── InvalidRequestError            also a ValueError: something impossible was asked for
    │   ├── InvalidArgumentError       also a TypeError: an argument of a wrong type
    │   ├── DatasetNotFoundError
    │   ├── SnapshotNotFoundError
    │   ├── OperationNotFoundError
    │   ├── MergeNotFoundError
    │   ├── NoMergeBaseError           no snapshot, or several, that two datasets have in common
    │   ├── ConflictsRemainError       a merge cannot be applied before all are decided
    │   ├── InvalidNameError
    │   ├── DuplicateNameError
    │   ├── NotVersionableError        views, generated datasets, snapshots, deleted datasets
    │   ├── NothingToUndoError
    │   ├── ArchivedSnapshotError      the snapshot must be brought back from its archive first
    │   ├── HeldSnapshotError          a branch needs the snapshot: delete the branch first
    │   ├── NotABranchError            the dataset is not a branch of another one
    │   ├── NotAnArchiveError          the file that was given is something else
    │   ├── NotALockError              the file is no lock of a snapshot, or contradicts itself
    │   ├── NotARemoteError            the place that was given holds something else
    │   ├── RemoteConflictError        a name is taken by other content on the other side
    │   └── InvalidSettingError        an environment variable with an unusable value
    ├── LimitExceededError             a guard rail: remove snapshots or raise the limit
    ├── OperationCancelledError        somebody asked for it; everything is as before
    ├── SnapshotPermissionError        also a PermissionError: this user may not do that
    ├── SnapshotReadOnlyError          also a PermissionError: somebody tried to edit a snapshot
    ├── StaleDatasetError              somebody else has reverted the dataset: reload it
    ├── StaleMergeError                a side has changed since the merge was planned: plan again
    ├── RetryableError                 nothing was changed: try again
    │   ├── DatasetBusyError           another operation holds the dataset
    │   ├── ConcurrentWritesError      the dataset never stood still long enough to copy it
    │   ├── OvertakenError             what was queued later on the dataset has run before
    │   └── LeaseLostError             this process was away too long, another one took over
    ├── OutcomeUnknownError            it may have been done, or will be: ask for its state
    ├── DamagedSnapshotError           what is stored is not what was captured
    │   ├── DamagedArchiveError        an archive that is truncated or was altered
    │   ├── ArchiveNotFoundError       an archive that is gone from its store
    │   └── DamagedRemoteError         a remote lacks something, or something in it was altered
    ├── ArchiveStorageError            the store of archives is full, out of reach, or refuses
    ├── RemoteStorageError             a remote is full, out of reach, or refuses
    ├── TrackerError                   an experiment tracker is out of reach, or refuses
    ├── MissingPackageError            also an ImportError: it names what to install
    ├── NewerFormatError               written by a newer version of this package
    ├── DatabaseError                  MongoDB has failed, such as for want of disk space
    │   └── DatabaseUnavailableError   it cannot be reached, or is too old
    │       └── DatabaseNotStartedError  FiftyOne has no MongoDB that it could start
    └── UnsupportedFiftyOneError       this FiftyOne is not one we know

Errors that FiftyOne's public API documents as ``ValueError`` are ``ValueError`` here too.
"""

from __future__ import annotations

__all__ = [
    "ArchiveNotFoundError",
    "ArchiveStorageError",
    "ArchivedSnapshotError",
    "ConcurrentWritesError",
    "ConflictsRemainError",
    "DamagedArchiveError",
    "DamagedRemoteError",
    "DamagedSnapshotError",
    "DatabaseError",
    "DatabaseNotStartedError",
    "DatabaseUnavailableError",
    "DatasetBusyError",
    "DatasetNotFoundError",
    "DuplicateNameError",
    "HeldSnapshotError",
    "InvalidArgumentError",
    "InvalidNameError",
    "InvalidRequestError",
    "InvalidSettingError",
    "LeaseLostError",
    "LimitExceededError",
    "MergeNotFoundError",
    "MissingPackageError",
    "NewerFormatError",
    "NoMergeBaseError",
    "NotABranchError",
    "NotALockError",
    "NotARemoteError",
    "NotAnArchiveError",
    "NotVersionableError",
    "NothingToUndoError",
    "OperationCancelledError",
    "OperationNotFoundError",
    "OutcomeUnknownError",
    "OvertakenError",
    "RemoteConflictError",
    "RemoteStorageError",
    "RetryableError",
    "SnapshotError",
    "SnapshotNotFoundError",
    "SnapshotPermissionError",
    "SnapshotReadOnlyError",
    "StaleDatasetError",
    "StaleMergeError",
    "TrackerError",
    "UnsupportedFiftyOneError",
]


class SnapshotError(Exception):
    """Base of all errors of this package."""


class InvalidRequestError(SnapshotError, ValueError):
    """The caller asked for something that cannot be done; nothing was changed."""


class InvalidArgumentError(InvalidRequestError, TypeError):
    """An argument has another type than the function's signature says; the message names it."""


class DatasetNotFoundError(InvalidRequestError):
    """No dataset of that name exists, or it was deleted."""


class SnapshotNotFoundError(InvalidRequestError):
    """The dataset has no snapshot of that name."""


class OperationNotFoundError(InvalidRequestError):
    """No operation has that id, or its record has expired."""


class MergeNotFoundError(InvalidRequestError):
    """No merge has that id."""


class NoMergeBaseError(InvalidRequestError):
    """Two datasets have no snapshot in common, or several; the caller must say where to begin."""


class ConflictsRemainError(InvalidRequestError):
    """A merge cannot be applied as long as conflicts are open; nothing was changed."""


class InvalidNameError(InvalidRequestError):
    """The name cannot be given to a snapshot."""


class DuplicateNameError(InvalidRequestError):
    """The dataset already has a snapshot of that name, or of one that reads the same in a URL."""


class NotVersionableError(InvalidRequestError):
    """Only the editable state of an ordinary dataset can be versioned."""


class NothingToUndoError(InvalidRequestError):
    """The trash holds nothing that would bring the wanted state back."""


class ArchivedSnapshotError(InvalidRequestError):
    """The snapshot's documents are in an archive, and must be brought back first."""


class HeldSnapshotError(InvalidRequestError):
    """The snapshot is the base of a branch, and is kept for as long as that exists."""


class NotABranchError(InvalidRequestError):
    """The dataset is not a branch of another one."""


class NotAnArchiveError(InvalidRequestError):
    """The file is no archive of a snapshot."""


class NotALockError(InvalidRequestError):
    """The file is no lock of a snapshot, or what it says does not agree with itself."""


class NotARemoteError(InvalidRequestError):
    """The place that was given holds something else than histories of this package."""


class RemoteConflictError(InvalidRequestError):
    """A name is taken by other content on the other side; what was there is as it was."""


class InvalidSettingError(InvalidRequestError):
    """An environment variable holds a value that cannot be used."""


class LimitExceededError(SnapshotError):
    """One more snapshot would exceed a configured limit; nothing was created."""


class OperationCancelledError(SnapshotError):
    """The operation was given up because somebody asked for that, and undone."""


class SnapshotPermissionError(SnapshotError, PermissionError):
    """Whoever asked may not do this; nothing was changed.

    Args:
        message: what is missing
        action: what was asked for
        dataset: the name of the dataset, or None for all datasets at once
        needed: the level that it needs
        level: the level that they have, or None if MongoDB itself has refused
    """

    def __init__(
        self, message: str, action: str, dataset: str | None, needed: str, level: str | None
    ) -> None:
        super().__init__(message)
        self.action = action
        self.dataset = dataset
        self.needed = needed
        self.level = level


class SnapshotReadOnlyError(SnapshotError, PermissionError):
    """Snapshots cannot be edited.

    It is a :class:`PermissionError` because code that knows nothing of snapshots, such as
    FiftyOne's server, already treats that as "this user may not do this here".
    """


class StaleDatasetError(SnapshotError):
    """The dataset was reverted, or that was undone, since it was loaded; nothing was written.

    After ``dataset.reload()`` it shows what is there now, and can be edited.
    """


class StaleMergeError(SnapshotError):
    """A side was changed since the merge was planned; nothing was changed.

    Planning the same merge again keeps what was decided about what has not changed.
    """


class RetryableError(SnapshotError):
    """Nothing was changed, and the same call may succeed later."""


class DatasetBusyError(RetryableError):
    """Another operation on the same dataset is under way."""


class ConcurrentWritesError(RetryableError):
    """The dataset was being written all the time, so no single moment could be captured."""


class OvertakenError(RetryableError):
    """A queued operation was meant for the dataset before another one that has run already."""


class LeaseLostError(RetryableError):
    """This process lost the dataset to another one before it had changed anything."""


class OutcomeUnknownError(SnapshotError):
    """Something went wrong when, or after, the change was made.

    Args:
        message: what happened
        operation_id: pass it to ``get_operation()`` to learn the outcome
    """

    def __init__(self, message: str, operation_id: str) -> None:
        super().__init__(message)
        self.operation_id = operation_id


class DamagedSnapshotError(SnapshotError):
    """The stored documents differ from those that were captured."""


class DamagedArchiveError(DamagedSnapshotError):
    """An archive is truncated, or something in it was altered."""


class ArchiveNotFoundError(DamagedSnapshotError):
    """An archive is gone from its store."""


class DamagedRemoteError(DamagedSnapshotError):
    """A remote lacks something that it should hold, or something in it was altered."""


class ArchiveStorageError(SnapshotError):
    """The store of archives is full, out of reach, or refuses; nothing was changed."""


class RemoteStorageError(SnapshotError):
    """A remote is full, out of reach, or refuses; nothing that is half there can be seen."""


class TrackerError(SnapshotError):
    """An experiment tracker, such as MLflow, is out of reach, or refuses."""


class MissingPackageError(SnapshotError, ImportError):
    """A package that is needed for this alone is not installed; the message names it."""


class NewerFormatError(SnapshotError):
    """The database holds records of a newer version of this package."""


class DatabaseError(SnapshotError):
    """MongoDB has failed, such as for want of disk space."""


class DatabaseUnavailableError(DatabaseError):
    """MongoDB cannot be reached, or is older than FiftyOne's minimum."""


class DatabaseNotStartedError(DatabaseUnavailableError):
    """FiftyOne is to start a MongoDB of its own and cannot; the message says what to set."""


class UnsupportedFiftyOneError(SnapshotError):
    """The installed FiftyOne is outside the supported range, or is not built as expected."""
