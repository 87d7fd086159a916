"""Which snapshots there are: their records and names, and which database this is.

May import dataset, access and what is below them.
"""
