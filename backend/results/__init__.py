"""How results are told: plain data, times with their zone, tables.

May import nothing of ours but errors and config.
"""
