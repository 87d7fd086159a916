"""The verbs on snapshots, one a module.

May import trash and what is below it.
"""
