"""What changed between two versions of a dataset: samples, fields, labels, everything.

``compute`` reads what differs and has it counted: ``documents`` by field, ``labels`` by label,
``schema`` and ``surroundings`` for all that is not in samples. ``result`` is what comes out, made
of ``records``, with ``report``, ``plots`` and ``views`` to look at it. ``single`` compares one
sample in every detail, and ``tracing`` follows it through all versions.
"""

from .records import Kind
from .result import DatasetDiff
from .single import SampleDifference
from .tracing import LabelHistory, SampleHistory

__all__ = ["DatasetDiff", "Kind", "LabelHistory", "SampleDifference", "SampleHistory"]
