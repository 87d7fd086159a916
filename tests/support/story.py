"""What a story is: a dataset, a situation, and a verb that is used in it."""

from __future__ import annotations

import atexit
import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import fiftyone as fo
from fiftyone.operators.store import ExecutionStore

import fiftyone_snapshots as fos

from .datasets import image_dataset, video_dataset

NAME = "Zoo 🦊"

ARCHIVES = Path(tempfile.mkdtemp(prefix="snapshots-archives-"))
EXPORTS = Path(tempfile.mkdtemp(prefix="snapshots-exports-"))
REMOTE = Path(tempfile.mkdtemp(prefix="snapshots-remote-"))
FOLDERS = (ARCHIVES, EXPORTS, REMOTE)
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
    add_run(dataset, "erster")
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
    add_run(dataset, word)
    ExecutionStore.create("notes", dataset_id=dataset._doc.id).set("a", word)
    dataset.info["word"] = word
    dataset.save()


def add_run(dataset: fo.Dataset, key: str) -> None:
    dataset.register_run(key, dataset.init_run(method=key))
    dataset.save_run_results(key, dataset.init_run_results(key, numbers=[1, 2, 3]))


def one_snapshot(dataset: fo.Dataset) -> None:
    fos.create_snapshot(NAME, "v1")
    change(dataset, "eins")
