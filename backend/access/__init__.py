"""Who may do what: the one door that all functions of the management SDK are behind.

:mod:`.actions` lists what can be done and what it needs, :mod:`.actor` says who asks and by which
way, :mod:`.policy` finds who decides, and :mod:`.door` is where all of that is asked and noted.
The door is imported as itself: it needs the journal, which needs the actions.
"""

from .actions import Action, Level
from .actor import Actor, Interface, acting_as

__all__ = [
    "Action",
    "Actor",
    "Interface",
    "Level",
    "acting_as",
]
