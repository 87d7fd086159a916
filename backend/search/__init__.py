"""Finding snapshots: histories, the index that is searched, lineage of runs, addresses.

May import diff and what is below it.
"""
