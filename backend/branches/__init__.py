"""Branches: datasets that remember which snapshot of which dataset they were made of.

May import restore and what is below it.
"""
