"""BSON without decoding: where fields lie, whether contents are equal, arrays of ids.

Imports nothing of ours.
"""
