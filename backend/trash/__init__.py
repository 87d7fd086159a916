"""What was discarded and can be brought back, for a while.

May import search and what is below it.
"""
