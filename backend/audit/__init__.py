"""The audit log: who did what, when, and what came of it.

:mod:`.event` is an event and its hash, :mod:`.log` appends to the chain, :mod:`.recording` notes
what runs inside it, :mod:`.reading` and :mod:`.export` show the log, :mod:`.proof` checks it.
"""

from .event import AuditEvent, Outcome
from .proof import AuditReport

__all__ = ["AuditEvent", "AuditReport", "Outcome"]
