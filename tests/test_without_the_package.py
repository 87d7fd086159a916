"""What docs/read-only.md says of processes that have FiftyOne, but not this package."""

from __future__ import annotations

from collections.abc import Iterator

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from support.datasets import video_dataset
from support.full import Document
from support.stranger import Stranger

SNAPSHOT = "snapshot = fo.load_dataset('street@v1')\n"

COPIES = {
    "add": "fo.Dataset('copy', persistent=True).add_collection(snapshot, new_ids=True)",
    "export": "KIND = dict(dataset_type=fo.types.FiftyOneDataset)\n"
    "snapshot.export(FOLDER, export_media=False, **KIND)\n"
    "fo.Dataset.from_dir(FOLDER, name='copy', persistent=True, **KIND)",
    "merge": "fo.Dataset('copy', persistent=True).merge_samples(snapshot, key_fcn=KEY)",
}

REFUSED = {
    "clone": "snapshot.clone('empty')",
    "clone of a view": "snapshot.limit(2).clone('empty')",
    "merge by a field": "fo.Dataset('empty').merge_samples(snapshot)",
    "add": "fo.Dataset('empty').add_collection(snapshot)",
    "clips": "snapshot.to_clips('events')",
    "trajectories": "snapshot.to_trajectories('frames.objects')",
    "stats": "snapshot.stats()",
    "indexes": "snapshot.list_indexes()",
}


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stranger]:
    """A process without this package."""
    with Stranger() as process:
        folder = tmp_path_factory.mktemp("export") / "street"
        process.run(f"KEY = lambda sample: sample.filepath; FOLDER = {str(folder)!r}")
        yield process


@pytest.fixture
def dataset() -> fo.Dataset:
    dataset = video_dataset("street", persistent=True)
    dataset.save_view("some", dataset.limit(2))
    fos.create_snapshot(dataset, "v1")
    fos.load_snapshot(dataset, "v1")
    return dataset


@pytest.mark.usefixtures("dataset")
def test_what_is_copied_and_what_mongodb_does_not_answer(
    stranger: Stranger, database: Database[Document], subtests: pytest.Subtests
) -> None:
    for name, code in COPIES.items():
        with subtests.test(name):
            stranger.run(SNAPSHOT + code)
            assert fo.load_dataset("copy").count("frames") == 15
            has_views = fo.load_dataset("copy").list_saved_views() == ["some"]
            assert has_views is (name == "export")
            fo.delete_dataset("copy")
    for name, code in REFUSED.items():
        with subtests.test(name):
            with pytest.raises(AssertionError, match="is a view, not a collection"):
                stranger.run(SNAPSHOT + code)
            stranger.run(
                "[d.delete() for d in [fo.load_dataset(n) for n in fo.list_datasets()"
                " if n == 'empty']]"
            )
            assert database["datasets"].count_documents({"name": "empty"}) == 0
    with pytest.raises(AssertionError, match="Dataset street@v2 not found"):
        stranger.run("fo.load_dataset('street@v2')")


def test_what_remains_when_the_package_is_gone(
    dataset: fo.Dataset, stranger: Stranger, database: Database[Document]
) -> None:
    expected = dataset.values("id")
    stranger.run(
        "dataset = fo.load_dataset('street'); dataset.tag_samples('x'); dataset.clone('copy')\n"
        "dataset.delete()"
    )
    assert len(fo.load_dataset("copy")) == len(expected)
    assert database["snapshots.catalog"].count_documents({}) == 1
    fos.purge(dry_run=False)
    assert not [n for n in database.list_collection_names() if n.startswith("snapshots.")]
