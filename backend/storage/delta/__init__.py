"""The delta backend: time and storage follow the change, not the dataset.

May import what the rest of storage may, and that. ``chain`` tells what lies where and what may
happen to it, ``backend`` fulfils the contract, and the rest is one step a module.
"""

from .backend import DeltaBackend

__all__ = ["DeltaBackend"]
