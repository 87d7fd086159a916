"""Ids and hashes of all documents of a snapshot: what it was, exactly.

May import catalog and what is below it.
"""
