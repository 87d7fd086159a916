"""Histories outside MongoDB: stored once, at the cost of what changed, and shared by servers.

docs/remote-format.md explains the files to those who read them by hand.
"""
