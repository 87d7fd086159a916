"""The audit log: who did what, when, and what came of it, as one chain of hashes.

May import archive and what is below it.
"""

from .event import AuditEvent, Outcome
from .proof import AuditReport

__all__ = ["AuditEvent", "AuditReport", "Outcome"]
