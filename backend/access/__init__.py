"""Who may do what: the actions and the level that each needs, who asks, and the policy.

May import dataset and what is below it. What asks all of that is in ``management/authorize``.
"""

from ..actions import Action, Level
from .actor import Actor, Interface, acting_as

__all__ = [
    "Action",
    "Actor",
    "Interface",
    "Level",
    "acting_as",
]
