"""All hooks into FiftyOne: they refuse in words what MongoDB's views refuse anyway, and more.

May import trash and what is below it.

Two walls protect a snapshot. The database's own: FiftyOne reaches its documents through views
only. And this one, for processes that have this package: it says what was refused before anything
is sent, protects what lies in collections that all datasets share, and answers what MongoDB does
not answer of views. ``hooks`` has the table of hooks; installing them again does nothing, however
often and under whatever name FiftyOne executes the plugin.
"""

from .hooks import SUPPORTED_FIFTYONE, install, missing

__all__ = ["SUPPORTED_FIFTYONE", "install", "missing"]
