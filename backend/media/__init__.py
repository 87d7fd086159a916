"""The files that documents refer to: which they are, what they were, and whether they still are.

May import archive and what is below it.
"""
