"""Archives: snapshots as files outside MongoDB, in a folder or an object store.

:mod:`.format` says what an archive looks like, :mod:`.write` and :mod:`.read` make and take in a
stream of it, :mod:`.store` is where the streams go and come from, and the verbs stand on these.
"""
