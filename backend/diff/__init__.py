"""What changed between two versions of a dataset: samples, fields, labels, everything.

May import projection and what is below it. ``versions`` can be compared, ``parts`` reads what
differs, ``changes`` counts samples, ``compute`` everything; ``result`` is what comes out.
"""

from .records import Kind
from .result import DatasetDiff
from .single import SampleDifference
from .tracing import LabelHistory, SampleHistory

__all__ = ["DatasetDiff", "Kind", "LabelHistory", "SampleDifference", "SampleHistory"]
