"""Reading through a snapshot, beside the same reading of an ordinary dataset."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import fiftyone as fo
import fiftyone.core.odm as foo
from fiftyone import ViewField as F

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.projection import indexes

from .data import image_dataset
from .harness import Row, Step, compare

_BAR = 1.2

# Calls of a millisecond are made this often, so that the clock sees them
_OFTEN = 200


def rows(samples: int) -> Iterator[Row]:
    """Measures reading.

    Args:
        samples: the size of the dataset

    Returns:
        an iterator over the rows
    """
    data = f"{samples:,} samples"
    dataset = image_dataset("bench", samples)
    fos.create_snapshot(dataset, "base")
    snapshot = fos.load_snapshot(dataset, "base")
    # What happens in the background after the first load is not to be measured
    indexes.build(foo.get_db_conn(), snapshot._doc.id)
    ids = dataset.take(_OFTEN, seed=51).values("id")
    reads: dict[str, Callable[[fo.Dataset], object]] = {
        "find by id": lambda d: [d[id_] for id_ in ids],
        "first page of 50": lambda d: [list(d.limit(50)._aggregate()) for _ in range(_OFTEN // 4)],
        "sort by id": lambda d: [
            d.sort_by("id", reverse=True).limit(50).values("id") for _ in range(_OFTEN // 4)
        ],
        "match label": lambda d: d.match(F("weather.label") == "clear").count(),
        "count_values": lambda d: d.count_values("ground_truth.detections.label"),
        "count": lambda d: [d.count() for _ in range(_OFTEN)],
        "len": lambda d: [len(d) for _ in range(_OFTEN)],
    }
    for name, read in reads.items():
        # Both have warm caches, as after some minutes of use
        read(snapshot)
        read(dataset)
        yield compare(
            name,
            data,
            Step(lambda read=read: read(snapshot)),
            "the dataset itself",
            Step(lambda read=read: read(dataset)),
            bar=_BAR,
        )
    fo.delete_dataset("bench")
