"""Whatever is done to a history between pushes and pulls, each snapshot comes back as it was."""

from __future__ import annotations

import random
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import bson
import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.full import Document
from support.invariants import assert_sound

NAME = "d"

_BACKENDS = ["delta", "duplication"]


@pytest.mark.parametrize(
    "seed", [*range(2), *(pytest.param(seed, marks=pytest.mark.long) for seed in range(2, 30))]
)
def test_what_comes_in_is_what_was_pushed(
    seed: int, tmp_path: Path, database: Database[Document], monkeypatch: pytest.MonkeyPatch
) -> None:
    chance = random.Random(seed)
    (tmp_path / "archives").mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path / "archives"))
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_AUTO_UNARCHIVE", "true")

    def any_backend() -> None:
        monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", chance.choice(_BACKENDS))

    any_backend()
    walk = _Walk(chance, database, tmp_path / "remote", any_backend)
    walk.make_history()
    for _ in range(3):
        fo.delete_dataset(NAME)
        any_backend()
        walk.clone()
        walk.go()
        fos.pull(walk.remote, NAME)
        walk.check()
    assert fos.verify_remote(walk.remote).is_ok


class _Walk:
    """Does this and that, and remembers what each snapshot was when it was created."""

    def __init__(
        self,
        chance: random.Random,
        database: Database[Document],
        remote: Path,
        any_backend: Callable[[], None],
    ) -> None:
        remote.mkdir()
        self.remote = str(remote)
        self._chance, self._database = chance, database
        self._any_backend = any_backend
        self._wanted: dict[str, Any] = {}
        self._is_video = chance.random() < 0.5

    def make_history(self) -> None:
        """Makes some snapshots, and pushes them at once or later."""
        dataset = fo.Dataset(NAME, persistent=True)
        ending = "mp4" if self._is_video else "png"
        count = self._chance.choice([3, 12, 40])
        dataset.add_samples([fo.Sample(f"/x/{i}.{ending}", v=0.0) for i in range(count)])
        if self._is_video:
            first = dataset.first()
            first.frames[1] = fo.Frame(x=0)
            first.save()
        for number in range(self._chance.randint(3, 7)):
            self._edit(number)
            name = f"s{number}"
            fos.create_snapshot(NAME, name)
            self._wanted[name] = self._content(name)
            if self._chance.random() < 0.4:
                fos.push(NAME, self.remote, self._chance.choice([None, [name]]))
        fos.push(NAME, self.remote)

    def clone(self) -> None:
        """Clones the dataset, with all snapshots or some."""
        fos.clone_from(self.remote, NAME, names=self._some_names())

    def go(self) -> None:
        """Does a few things, of which some are refused."""
        for step in range(self._chance.randint(1, 6)):
            here = fos.list_snapshots(NAME)
            with suppress(fos.SnapshotError):
                self._do(self._chance.randint(0, 7), here, self._chance.choice(here), step)

    def _do(self, kind: int, here: list[str], one: str, step: int) -> None:
        if kind in (0, 1) and len(here) > 1:
            fos.delete_snapshot(NAME, one)
            if kind == 1:
                fos.empty_trash(NAME)
        elif kind == 2:
            fos.archive_snapshot(NAME, one)
        elif kind == 3:
            fos.load_snapshot(NAME, one)
        elif kind == 4:
            self._any_backend()
        elif kind == 5:
            fos.revert_dataset_to_snapshot(NAME, one)
        elif kind == 6:
            fos.pull(self.remote, NAME, names=self._some_names())
        elif kind == 7:
            self._edit(100 + step)

    def check(self) -> None:
        """Compares all that is here with what it was, in its order too."""
        for name in fos.list_snapshots(NAME):
            assert self._content(name) == self._wanted[name], name
        assert_sound(self._database)

    def _some_names(self) -> list[str] | None:
        names = list(self._wanted)
        some = self._chance.sample(names, self._chance.randint(1, len(names)))
        return self._chance.choice([None, some])

    def _content(self, name: str) -> Any:
        snapshot = fos.load_snapshot(NAME, name)
        collections = [snapshot._sample_collection_name, snapshot._frame_collection_name]
        documents = [
            [bson.encode(document) for document in self._database[each].find()]
            for each in collections
            if each
        ]
        return documents, fos.content_hash(NAME, name), list(snapshot.get_field_schema())

    def _edit(self, number: int) -> None:
        dataset = fo.load_dataset(NAME)
        dataset.reload()
        for _ in range(self._chance.randint(1, 3)):
            ids = dataset.values("id")
            some = self._chance.sample(ids, min(len(ids), self._chance.randint(1, 4)))
            self._edit_some(dataset, number, some, self._chance.randint(0, 6))

    def _edit_some(self, dataset: fo.Dataset, number: int, some: list[str], kind: int) -> None:
        if kind == 0:
            ending = "mp4" if self._is_video else "png"
            new = [f"/x/{number}-{self._chance.random()}.{ending}" for _ in some]
            dataset.add_samples([fo.Sample(path) for path in new])
        elif kind == 1:
            dataset.delete_samples(some)
        elif kind == 2:
            dataset.select(some).tag_samples(f"t{number}")
        elif kind == 3 and some:
            dataset.select(some).set_values("v", [self._chance.random() for _ in some])
        elif kind == 4:
            dataset.info = {"n": number}
            dataset.save()
        elif kind == 5 and some and self._is_video:
            sample = dataset[some[0]]
            sample.frames[self._chance.randint(1, 30)] = fo.Frame(x=number)
            sample.save()
        elif kind == 6 and some:
            # Nothing changes but the order in which documents lie
            samples = dataset._sample_collection
            document = samples.find_one({"_id": bson.ObjectId(some[0])})
            samples.delete_one({"_id": document["_id"]})
            samples.insert_one(document)
            dataset.reload()
