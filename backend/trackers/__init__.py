"""Experiment trackers: what their runs say of the versions that they used.

They are asked through packages of their own, which are imported when somebody asks.
"""
