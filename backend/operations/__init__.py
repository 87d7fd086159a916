"""Crash safety: the journal of what is being done, leases, and one recovery for each verb.

May import manifest and what is below it.
"""
