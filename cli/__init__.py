"""The command line ``fiftyone-snapshots``: one subcommand for every verb of the Management SDK.

To add one: a row in :mod:`.table`, and a function of the same name in :mod:`.verbs`. Until a
command is run, nothing here imports FiftyOne, which takes seconds: help and completion must not.
"""

from .main import main

__all__ = ["main"]
