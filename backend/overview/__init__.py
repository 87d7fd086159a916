"""What a list of a dataset's snapshots, trash and branches shows, read at one look.

May import every room whose documents are told there.
"""
