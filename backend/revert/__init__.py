"""Going back: reverting a dataset, and undoing that, in one exchange.

May import snapshots and what is below it.
"""
