"""Making a snapshot loadable: a disposable dataset document over read-only views.

May import audit and what is below it.
"""
