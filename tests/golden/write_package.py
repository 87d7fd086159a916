"""Writes a golden package, an archive with media, of the present version of the format; once.

Run by hand with FiftyOne pointed at an empty database: ``python write_package.py package-N.tar``.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import fiftyone as fo

import fiftyone_snapshots as fos


def main() -> None:
    """Writes the package."""
    with tempfile.TemporaryDirectory() as given:
        folder = Path(given) / "golden"
        (folder / "masks").mkdir(parents=True)
        for name in ("夜.png", "day.png", "masks/夜.png"):
            (folder / name).write_text(name, encoding="utf-8")
        dataset = fo.Dataset("golden", persistent=True)
        mask = fo.Segmentation(mask_path=str(folder / "masks/夜.png"))
        dataset.add_sample(fo.Sample(str(folder / "夜.png"), road=mask))
        dataset.add_sample(fo.Sample(str(folder / "day.png")))
        dataset.add_sample(fo.Sample(str(folder / "gone.png")))
        fos.create_snapshot(dataset, "v1", "Golden 🏆", media="hash")
        fos.export_snapshot(dataset, "v1", sys.argv[1], media=True)


if __name__ == "__main__":
    main()
