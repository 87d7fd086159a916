"""A dataset with a history, for each verb: what it is before, and what it must be after."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo
from fiftyone.operators.store import ExecutionStore

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend import faults

from .crash import killed_at
from .datasets import image_dataset, video_dataset

NAME = "Zoo 🦊"

ARCHIVES = Path(tempfile.mkdtemp(prefix="snapshots-archives-"))
_EXPORTS = Path(tempfile.mkdtemp(prefix="snapshots-exports-"))
FOLDERS = (ARCHIVES, _EXPORTS)
"""Where stories have their files."""
for _folder in FOLDERS:
    atexit.register(shutil.rmtree, _folder, ignore_errors=True)

Action = Callable[[], object]

DATASETS: dict[str, Callable[[], fo.Dataset]] = {
    "image": lambda: image_dataset(NAME, 6, persistent=True),
    "video": lambda: video_dataset(NAME, 2, 3, persistent=True),
}


@dataclass(frozen=True)
class Story:
    """A verb, and a situation to use it in."""

    prepare: Callable[[fo.Dataset], None]
    act: Action
    back: Action | None = None
    """Brings the situation about again after the verb; None if nothing can."""
    only: str = ""
    """The points that are of interest, as a pattern; all by default."""
    writes: bool = False
    """Whether the dataset is edited, at a time that is noted in it."""
    environment: dict[str, str] = field(default_factory=dict)
    use: Action = lambda: fos.list_snapshots(NAME)
    """What somebody does next, which mends what has died."""

    @contextmanager
    def setting(self) -> Iterator[None]:
        """Provides the environment that the verb is used in."""
        for archive in ARCHIVES.iterdir():
            archive.unlink()
        former = {key: os.environ.get(key) for key in self.environment}
        os.environ.update(self.environment)
        try:
            yield
        finally:
            for key, value in former.items():
                if value is None:
                    os.environ.pop(key)
                else:
                    os.environ[key] = value


def make(kind: str, story: Story) -> fo.Dataset:
    """Makes a dataset with views, workspaces, runs and results, and the history of a story.

    Args:
        kind: the media type
        story: the story

    Returns:
        the dataset
    """
    dataset = DATASETS[kind]()
    dataset.save_view("sunny", dataset.match(fo.ViewField("weather.label") == "sunny"))
    dataset.save_workspace("Büro", fo.Space(children=[fo.Panel(type="Samples")]))
    _add_run(dataset, "erster")
    ExecutionStore.create("notes", dataset_id=dataset._doc.id).set("a", 1)
    story.prepare(dataset)
    return dataset


def change(dataset: fo.Dataset, word: str) -> None:
    """Changes samples, frames, schema, indexes, views, runs and the like.

    Args:
        dataset: the dataset
        word: what tells this change from others
    """
    dataset.reload()
    dataset.first()["weather"] = fo.Classification(label=word)
    dataset.set_values("größe_" + word, [len(word)] * len(dataset))
    dataset.delete_samples([dataset.last().id])
    dataset.add_sample(fo.Sample(f"/media/{word}{dataset.first().filename[-4:]}"))
    if dataset.media_type == "video":
        dataset.set_values("frames.note", [[word] * len(s.frames) for s in dataset])
        dataset.create_index("frames.note")
    dataset.create_index("weather.label", name=word)
    dataset.save_view(word, dataset.limit(1))
    dataset.delete_saved_view(next(view for view in dataset.list_saved_views() if view != word))
    dataset.delete_workspaces()
    dataset.delete_run(dataset.list_runs()[0])
    _add_run(dataset, word)
    ExecutionStore.create("notes", dataset_id=dataset._doc.id).set("a", word)
    dataset.info["word"] = word
    dataset.save()


def _add_run(dataset: fo.Dataset, key: str) -> None:
    dataset.register_run(key, dataset.init_run(method=key))
    dataset.save_run_results(key, dataset.init_run_results(key, numbers=[1, 2, 3]))


def _one_snapshot(dataset: fo.Dataset) -> None:
    fos.create_snapshot(NAME, "v1")
    change(dataset, "eins")


def _two_snapshots(dataset: fo.Dataset) -> None:
    _one_snapshot(dataset)
    fos.create_snapshot(NAME, "v2")
    fos.load_snapshot(NAME, "v2")
    change(dataset, "zwei")


def _three_snapshots(dataset: fo.Dataset) -> None:
    _two_snapshots(dataset)
    fos.create_snapshot(NAME, "v3")


def _change_little(dataset: fo.Dataset, word: str) -> None:
    """Changes few samples and frames, so that differences are worth it."""
    dataset.reload()
    sample = dataset.first()
    sample["weather"] = fo.Classification(label=word)
    sample.save()
    if dataset.media_type == "video":
        del sample.frames[1]
        sample.frames[2]["objects"] = None
        sample.save()
    else:
        dataset.delete_samples([dataset.skip(2).first().id])
    dataset.add_sample(fo.Sample(f"/media/{word}{dataset.first().filename[-4:]}"))


def _little_changed(dataset: fo.Dataset) -> None:
    fos.create_snapshot(NAME, "v1")
    _change_little(dataset, "eins")


def _three_little_changed(dataset: fo.Dataset) -> None:
    _little_changed(dataset)
    for name in ("v2", "v3"):
        fos.create_snapshot(NAME, name)
        _change_little(dataset, name)


def _little_in_trash(dataset: fo.Dataset) -> None:
    _three_little_changed(dataset)
    fos.delete_snapshot(NAME, "v2")
    fos.delete_snapshot(NAME, "v3")


def _reverted(dataset: fo.Dataset) -> None:
    _two_snapshots(dataset)
    fos.revert_dataset_to_snapshot(NAME, "v1")


def _deleted(dataset: fo.Dataset) -> None:
    _three_snapshots(dataset)
    fos.delete_snapshot(NAME, "v2")


def _archived(dataset: fo.Dataset) -> None:
    _three_snapshots(dataset)
    fos.archive_snapshot(NAME, "v2")


_EXPORTED = _EXPORTS / "snapshot.tar"


def _remove_export() -> None:
    _EXPORTED.unlink(missing_ok=True)


def _export() -> None:
    _remove_export()
    fos.export_snapshot(NAME, "v1", _EXPORTED)


def _destroy_snapshot(name: str) -> None:
    fos.delete_snapshot(NAME, name)
    fos.empty_trash(NAME)


def _exported(dataset: fo.Dataset) -> None:
    _three_snapshots(dataset)
    _remove_export()
    fos.export_snapshot(NAME, "v2", _EXPORTED)
    _destroy_snapshot("v2")


def _fill_trash() -> None:
    fos.create_snapshot(NAME, "t")
    fos.delete_snapshot(NAME, "t")
    fos.revert_dataset_to_snapshot(NAME, "v1")


def _full_trash(dataset: fo.Dataset) -> None:
    fos.create_snapshot(NAME, "v1")
    _fill_trash()


def _and_empty_trash(*actions: Action) -> Action:
    def run() -> None:
        for action in actions:
            action()
        fos.empty_trash(NAME)

    return run


def _create_while_written() -> None:
    samples = fo.load_dataset(NAME)._sample_collection

    def write() -> None:
        # A process that slept changes nothing when it wakes: others have gone on by then
        if "others" not in fos.list_snapshots(NAME):
            for sample_id in samples.distinct("_id"):
                samples.update_one({"_id": sample_id}, {"$addToSet": {"tags": "meanwhile"}})

    def write_as_others() -> None:
        # In a thread of its own it is no part of the operation, and is not stopped in the middle
        with ThreadPoolExecutor(1) as thread:
            thread.submit(write).result()

    with faults.arm("create.copied_samples", write_as_others):
        fos.create_snapshot(NAME, "v2")


def _restore_samples() -> Any:
    loaded = fos.load_snapshot(NAME, "v1")
    return fos.restore_samples(NAME, "v1", loaded.values("id"))


def _restored(dataset: fo.Dataset) -> None:
    _two_snapshots(dataset)
    _restore_samples()


def _other_backend() -> str:
    used = os.environ["FIFTYONE_SNAPSHOTS_BACKEND"]
    return "duplication" if used == "delta" else "delta"


def _convert_back() -> int:
    return fos.convert_snapshots(NAME, os.environ["FIFTYONE_SNAPSHOTS_BACKEND"])


_DELTA = {"FIFTYONE_SNAPSHOTS_BACKEND": "delta", "FIFTYONE_SNAPSHOTS_CACHE_MAX": "1"}
_ARCHIVES_ON = {"FIFTYONE_SNAPSHOTS_ARCHIVE_PATH": str(ARCHIVES)}
KEEP_LITTLE = {
    f"FIFTYONE_SNAPSHOTS_SAFETY_{rule}": str(number)
    for rule, number in {"KEEP": 1, "HOURS": 0, "DAYS": 0, "WEEKS": 0}.items()
}
"""Of safety snapshots, none but those around the last operation."""
_TRASH_OFF = {"FIFTYONE_SNAPSHOTS_TRASH_DAYS": "0"}


def _branch(dataset: fo.Dataset) -> None:
    _one_snapshot(dataset)
    fos.create_branch(NAME, "night", "v1")
    (branch,) = fos.list_branches(NAME)
    fos.create_snapshot(branch.dataset_name, "own")


def _delete_branch() -> None:
    fos.delete_branch(fos.list_branches(NAME)[-1].dataset_name)


def _restore_branch() -> None:
    trashed = [item for item in fos.list_trash(NAME) if item.kind.value == "branch"]
    fos.restore_branch(str(trashed[-1].dataset_name))


def _deleted_branch(dataset: fo.Dataset) -> None:
    _branch(dataset)
    _delete_branch()


def _plan_merge() -> None:
    fos.plan_merge(f"{NAME}.lab", NAME, base="v1", prefer="ours", progress=False)


def _merge_planned(dataset: fo.Dataset) -> None:
    fos.create_snapshot(NAME, "v1")
    branch = dataset.clone(f"{NAME}.lab", persistent=True)
    change(dataset, "eins")
    change(branch, "zwei")
    # Else each merge would create another one
    fos.create_snapshot(branch, "theirs")
    _plan_merge()


def _apply_merge() -> None:
    fos.apply_merge(fos.list_merges(NAME)[-1])


def _conflict_planned(dataset: fo.Dataset) -> None:
    _merge_planned(dataset)
    for name in (NAME, f"{NAME}.lab"):
        side = fo.load_dataset(name, reload=True)
        side.set_values("note", [name] * len(side))
    fos.plan_merge(f"{NAME}.lab", NAME, base=None, progress=False)


def _review_merge() -> None:
    fos.review_merge(fos.list_merges(NAME)[-1])


def _close_review() -> None:
    fo.delete_dataset(fos.list_merges(NAME)[-1].review().name)


def _merged(dataset: fo.Dataset) -> None:
    _merge_planned(dataset)
    _apply_merge()


def _undo_merge() -> None:
    fos.undo_merge(NAME)
    # What the merge ended with is held, also in the trash, for as long as the branch is there
    foo.get_db_conn()["snapshots.catalog"].update_many({}, {"$set": {"held_by": []}})
    fos.empty_trash(NAME)
    _plan_merge()


def _done(dataset: fo.Dataset) -> None:
    _one_snapshot(dataset)
    with fos.undoable(NAME, "edit"):
        change(dataset, "zwei")


def _undo_operation() -> None:
    wanted = next(each for each in fos.list_undoable(NAME) if each.is_undoable)
    fos.undo_operation(NAME, wanted.id, prefer="ours")


STORIES: dict[str, Story] = {
    "create": Story(
        _one_snapshot,
        lambda: fos.create_snapshot(NAME, "v2"),
        _and_empty_trash(lambda: fos.delete_snapshot(NAME, "v2")),
    ),
    "delete": Story(
        _three_snapshots,
        lambda: fos.delete_snapshot(NAME, "v2"),
        lambda: fos.restore_snapshot(NAME, "v2"),
    ),
    "restore_snapshot": Story(
        _deleted,
        lambda: fos.restore_snapshot(NAME, "v2"),
        lambda: fos.delete_snapshot(NAME, "v2"),
    ),
    "edit": Story(
        _one_snapshot,
        lambda: fos.edit_snapshot(NAME, "v1", new_name="w1"),
        lambda: fos.edit_snapshot(NAME, "w1", new_name="v1"),
    ),
    "revert": Story(
        _two_snapshots,
        lambda: fos.revert_dataset_to_snapshot(NAME, "v1"),
        _and_empty_trash(lambda: fos.undo_revert(NAME)),
    ),
    "undo_revert": Story(_reverted, lambda: fos.undo_revert(NAME), lambda: fos.undo_revert(NAME)),
    "empty_trash": Story(_full_trash, lambda: fos.empty_trash(NAME), _fill_trash),
    "create while written": Story(
        _one_snapshot, _create_while_written, only=r"create\.(pass|patched_.*)", writes=True
    ),
    "delete for good": Story(
        _three_snapshots,
        lambda: fos.delete_snapshot(NAME, "v2"),
        only=r"delete\.(noted|summarized|finishing)",
        environment=_TRASH_OFF,
    ),
    "revert for good": Story(
        _two_snapshots,
        lambda: fos.revert_dataset_to_snapshot(NAME, "v1"),
        only=r"revert\.(moved_snapshots|destroyed_.*|cleared)",
        environment=_TRASH_OFF,
    ),
    "archive": Story(
        _three_snapshots,
        lambda: fos.archive_snapshot(NAME, "v2"),
        lambda: fos.unarchive_snapshot(NAME, "v2"),
        environment=_ARCHIVES_ON,
    ),
    "unarchive": Story(
        _archived,
        lambda: fos.unarchive_snapshot(NAME, "v2"),
        lambda: fos.archive_snapshot(NAME, "v2"),
        environment=_ARCHIVES_ON,
    ),
    "pin": Story(
        _one_snapshot,
        lambda: fos.pin_snapshot(NAME, "v1"),
        lambda: fos.unpin_snapshot(NAME, "v1"),
    ),
    "export": Story(_one_snapshot, _export, _remove_export),
    "import": Story(
        _exported, lambda: fos.import_snapshot(_EXPORTED), lambda: _destroy_snapshot("v2")
    ),
    "restore_samples": Story(
        _two_snapshots,
        _restore_samples,
        _and_empty_trash(lambda: fos.revert_dataset_to_snapshot(NAME, "v2")),
        writes=True,
    ),
    "undo_restore": Story(
        _restored, lambda: fos.undo_restore(NAME), _restore_samples, writes=True
    ),
    "convert": Story(
        _two_snapshots, lambda: fos.convert_snapshots(NAME, _other_backend()), _convert_back
    ),
    "create_branch": Story(
        _one_snapshot,
        lambda: fos.create_branch(NAME, "night", "v1"),
        _and_empty_trash(_delete_branch),
    ),
    "create_branch, archived": Story(
        _archived,
        lambda: fos.create_branch(NAME, "night", "v2"),
        _and_empty_trash(_delete_branch),
        only=r"create_branch\.(staged_archive|staging)",
        environment=_ARCHIVES_ON,
    ),
    "delete_branch": Story(_branch, _delete_branch, _restore_branch, use=fos.recover),
    "restore_branch": Story(_deleted_branch, _restore_branch, _delete_branch, use=fos.recover),
    "empty_trash, branch": Story(
        _deleted_branch,
        lambda: fos.empty_trash(NAME),
        only=r"empty_trash\.(committed|destroyed_branch)",
        use=fos.recover,
    ),
    "apply_merge": Story(_merge_planned, _apply_merge, _undo_merge, writes=True),
    "undo_operation": Story(
        _done, _undo_operation, only=r"apply_merge\.(noted|changed|took_snapshot)"
    ),
    "review_merge": Story(_conflict_planned, _review_merge, _close_review),
    "undo_merge": Story(
        _merged,
        lambda: fos.undo_merge(NAME),
        lambda: fos.undo_revert(NAME),
        # All others are those of undo_revert
        only=r"undo_merge\.(noted|moved_samples|shelved_dataset|committed)",
    ),
    "create, delta": Story(
        _little_changed,
        lambda: fos.create_snapshot(NAME, "v2"),
        _and_empty_trash(lambda: fos.delete_snapshot(NAME, "v2")),
        environment=_DELTA,
    ),
    "empty_trash, delta": Story(
        _little_in_trash,
        lambda: fos.empty_trash(NAME),
        only=r"(delta|empty_trash)\.",
        environment=_DELTA,
    ),
    "load, delta": Story(
        _three_little_changed,
        lambda: fos.load_snapshot(NAME, "v1"),
        lambda: fos.load_snapshot(NAME, "v2"),
        only=r"(load|delta)\.",
        environment=_DELTA,
    ),
}
"""What is done to a dataset, by a name for it."""


def _pinned(dataset: fo.Dataset) -> None:
    _one_snapshot(dataset)
    fos.pin_snapshot(NAME, "v1")


def _recovery(verb: str, point: str) -> Story:
    """Returns the story of what mends an operation whose process has died at a point."""
    story = STORIES[verb]

    def prepare(dataset: fo.Dataset) -> None:
        story.prepare(dataset)
        assert killed_at(f"{verb.split(',', maxsplit=1)[0]}.{point}", story.act)

    return Story(prepare, fos.recover, environment=story.environment)


_DEATHS = {
    "create": ["summarized", "committed"],
    "revert": ["shelved_dataset", "committed"],
    "undo_revert": ["shelved_dataset", "committed"],
    "empty_trash": ["committed"],
    "restore_samples": ["restored_samples", "committed"],
    "undo_restore": ["brought_back_samples"],
    "import": ["prepared", "committed"],
    "archive": ["checked", "committed"],
    "unarchive": ["adopted", "committed"],
    "convert": ["checked", "committed"],
    "create, delta": ["summarized"],
    "load, delta": ["materialised"],
}

MORE_STORIES: dict[str, Story] = {
    "prune": Story(
        _three_snapshots, lambda: fos.prune_snapshots(NAME, keep_last=1, dry_run=False)
    ),
    "unpin": Story(
        _pinned, lambda: fos.unpin_snapshot(NAME, "v1"), lambda: fos.pin_snapshot(NAME, "v1")
    ),
    "tag": Story(
        _one_snapshot,
        lambda: fos.tag_snapshot(NAME, "v1", "a"),
        lambda: fos.untag_snapshot(NAME, "v1", "a"),
    ),
    **{
        f"recover {verb} {point}": _recovery(verb, point)
        for verb, points in _DEATHS.items()
        for point in points
    },
}
"""Stories that pass no points but those of :data:`STORIES`."""
