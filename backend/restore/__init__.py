"""Bringing back some samples, or some of their fields.

May import revert and what is below it.
"""
