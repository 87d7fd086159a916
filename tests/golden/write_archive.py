"""Writes a golden archive of the present version of the format; once, when that version is new.

Run by hand with FiftyOne pointed at an empty database: ``python write_archive.py archive-N.tar``.
"""

from __future__ import annotations

import sys

import fiftyone as fo

import fiftyone_snapshots as fos


def main() -> None:
    """Writes the archive."""
    dataset = fo.Dataset("golden", persistent=True)
    for number, (weather, notes) in enumerate((("sunny", "ab"), ("rainy", "cd"))):
        sample = fo.Sample(f"/media/{number}.mp4", weather=fo.Classification(label=weather))
        for place, note in enumerate(notes, 1):
            sample.frames[place] = fo.Frame(note=note)
        dataset.add_sample(sample)
    dataset.create_index("frames.note")
    dataset.save_view("sunny", dataset.match(fo.ViewField("weather.label") == "sunny"))
    dataset.register_run("run", dataset.init_run(method="run"))
    dataset.save_run_results("run", dataset.init_run_results("run", numbers=[1, 2, 3]))
    fos.create_snapshot(dataset, "v1", "Golden 🏆")
    fos.export_snapshot(dataset, "v1", sys.argv[1])


if __name__ == "__main__":
    main()
