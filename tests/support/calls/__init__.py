"""Every public way to call FiftyOne on a dataset, classified as reading or writing.

``calls()`` walks the table. ``fixtures.build`` makes the datasets its calls need, ``sandbox``
makes calls one after another and undoes them, ``plain`` makes their results comparable.
"""

from . import (
    collection_reads,
    collection_writes,
    database,
    dataset_samples,
    dataset_schema,
    frames,
    generated,
    imports,
    labels,
    runs,
    samples,
    stages,
    views,
)
from .registry import Call, Effect, Media, calls

__all__ = ["MODULES", "Call", "Effect", "Media", "calls"]

#: The modules that enter their calls when they are imported.
MODULES = (
    collection_reads,
    collection_writes,
    database,
    dataset_samples,
    dataset_schema,
    frames,
    generated,
    imports,
    labels,
    runs,
    samples,
    stages,
    views,
)
