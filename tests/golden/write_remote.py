"""Writes a golden remote of the present version of its layout; once, when that version is new.

Run by hand with FiftyOne pointed at an empty database: ``python write_remote.py remote-N.tar``.
"""

from __future__ import annotations

import sys
import tarfile
import tempfile
from pathlib import Path

import fiftyone as fo

import fiftyone_snapshots as fos


def write(path: Path) -> None:
    """Writes a remote with three snapshots, of which each but the first is stored as a difference.

    Args:
        path: where to write it, as a tar
    """
    dataset = fo.Dataset("golden", persistent=True)
    for number, (weather, notes) in enumerate((("sunny", "ab"), ("rainy", "cd"))):
        sample = fo.Sample(f"/media/{number}.mp4", weather=fo.Classification(label=weather))
        for place, note in enumerate(notes, 1):
            sample.frames[place] = fo.Frame(note=note)
        dataset.add_sample(sample)
    fos.create_snapshot(dataset, "v1", "Golden 🏆", tags=["gold"])
    sample = dataset.first()
    sample["weather"] = fo.Classification(label="foggy")
    sample.save()
    fos.create_snapshot(dataset, "v2")
    fos.pin_snapshot(dataset, "v2")
    dataset.delete_samples([dataset.last().id])
    fos.create_snapshot(dataset, "v3", "金")
    with tempfile.TemporaryDirectory() as folder:
        fos.push(dataset, folder)
        with tarfile.open(path, "w") as tar:
            tar.add(folder, arcname=".")


if __name__ == "__main__":
    write(Path(sys.argv[1]))
