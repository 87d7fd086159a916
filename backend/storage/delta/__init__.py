"""The delta backend: time and storage follow the change, not the dataset.

What lies where, and what may happen to it, is told in ``chain``; the rest is one verb a module.
"""

from .backend import DeltaBackend

__all__ = ["DeltaBackend"]
