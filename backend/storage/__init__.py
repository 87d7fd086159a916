"""Storage backends: the contract, those that exist, and capturing one moment for all of them.

May import operations and what is below it.
"""
