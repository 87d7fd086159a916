"""What can be done: one table, from which all names of an action follow.

May import errors alone.
"""

from .row import Level, Row
from .table import Action

__all__ = ["Action", "Level", "Row"]
