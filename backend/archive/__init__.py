"""Snapshots as files outside MongoDB: their format, and the folder or object store they lie in.

May import storage and what is below it. The verbs are in ``snapshots``.
"""
