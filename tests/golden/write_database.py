"""Writes a golden database: everything that this version stores, with both backends.

Run by hand, once, with FiftyOne pointed at an empty database and with ``tests`` on the path:
``python write_database.py database-N``. The folder gets the database, the archives that it speaks
of, and what a reader must find in them.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

import fiftyone as fo
import fiftyone.core.odm as foo

import fiftyone_snapshots as fos
from support.datasets import grouped_dataset, image_dataset, video_dataset
from support.golden import dump

MAKERS = {"image": image_dataset, "video": video_dataset, "grouped": grouped_dataset}


def main() -> None:
    """Writes the database, its archives, and what they hold."""
    target = Path(sys.argv[1])
    target.mkdir()
    with tempfile.TemporaryDirectory() as folder:
        os.environ["FIFTYONE_SNAPSHOTS_ARCHIVE_PATH"] = folder
        facts: dict[str, Any] = {"snapshots": {}, "diffs": {}, "trash": {}}
        for backend in ("duplication", "delta"):
            os.environ["FIFTYONE_SNAPSHOTS_BACKEND"] = backend
            for kind in MAKERS:
                _history(f"{kind} {backend}", kind, facts)
        dump(foo.get_db_conn(), target / "database.zst")
        for archive in Path(folder).iterdir():
            shutil.copy(archive, target)
    (target / "facts.json").write_text(
        json.dumps(facts, ensure_ascii=False, indent=1, sort_keys=True) + "\n"
    )


def _history(name: str, kind: str, facts: dict[str, Any]) -> None:
    dataset = MAKERS[kind](name, 8, persistent=True)
    dataset.save_view("zwei", dataset.limit(2))
    dataset.register_run("run", dataset.init_run(method="run"))
    dataset.save_run_results("run", dataset.init_run_results("run", numbers=[1, 2, 3]))
    fos.create_snapshot(name, "v1", "Golden 🏆", tags=["gold"])
    for number in (2, 3, 4):
        _edit(dataset, number)
        fos.create_snapshot(name, f"v{number}")
    fos.pin_snapshot(name, "v2")
    fos.delete_snapshot(name, "v3")
    _edit(dataset, 5)
    fos.create_snapshot(name, "v5")
    _edit(dataset, 6)
    fos.revert_dataset_to_snapshot(name, "v4")
    fos.archive_snapshot(name, "v1")
    dataset.reload()
    _edit(dataset, 7)
    fos.load_snapshot(name, "v2")

    names = fos.list_snapshots(name)
    facts["snapshots"][name] = {
        each: {
            "hash": fos.content_hash(name, each),
            "samples": fos.get_snapshot_info(name, each).linear_change_summary.total_samples,
        }
        for each in names
    }
    pairs = zip(names, [*names[1:], None], strict=True)
    facts["diffs"][name] = [_numbers(fos.diff(name, one, other)) for one, other in pairs]
    facts["trash"][name] = sorted(
        f"{item.kind.value} {item.name}" for item in fos.list_trash(name)
    )


def _numbers(diff: fos.DatasetDiff) -> dict[str, Any]:
    return {
        "versions": [diff.a, diff.b],
        "samples": [len(diff.added), len(diff.deleted), len(diff.changed)],
        "fields": {path: len(changes.ids) for path, changes in diff.fields.items()},
        "properties": len(diff.properties),
        "schema": len(diff.schema),
    }


def _edit(dataset: fo.Dataset, number: int) -> None:
    view = dataset.select_group_slices("camera") if dataset.media_type == "group" else dataset
    view.set_values("verdict", [f"{number}"] * len(view)) if dataset.has_field(
        "verdict"
    ) else dataset.add_sample_field("verdict", fo.StringField)
    sample = view.first()
    sample["weather"] = fo.Classification(label=f"edit {number}")
    sample.tags.append(f"edit {number}")
    sample.save()
    dataset.delete_samples([view.last().id])
    dataset.info["edit"] = number
    dataset.save()


if __name__ == "__main__":
    main()
