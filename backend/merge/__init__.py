"""Bringing the work on two copies of a dataset together: three-way, by content, never silently.

May import restore and what is below it. ``values``, ``labels`` and ``documents`` are the three-way
merge itself, of BSON and without a database; ``schema`` and ``surroundings`` do the same for what
the dataset document says and refers to.
"""
