"""Everything that works without the App, in rooms; each may import those named before it.

Ground: ``actions`` (what can be done), ``errors``, ``config``, ``faults``, ``progress``, and
``results`` (how results are told).
What is there: ``rawbson``, ``mongo`` (the server), ``dataset`` (FiftyOne's), ``access``,
``catalog`` (our records), ``manifest`` (ids and hashes).
How it is kept: ``operations`` (crash safety), ``storage`` (backends), ``archive``, ``audit``,
``projection`` (a snapshot as a dataset).
What is done with it: ``diff``, ``search``, ``trash``, ``guard`` (hooks into FiftyOne),
``snapshots`` (a verb a module), ``revert``, ``restore``, ``branches``; then ``maintenance``,
``purge`` and ``doctor``, which look after all of it.
"""
