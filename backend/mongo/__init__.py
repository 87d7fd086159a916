"""The MongoDB server: connections, names of collections, reading and writing in bulk.

May import rawbson.
"""
