"""What the App's server imports when it starts; see :mod:`.fiftyone_snapshots_server`.

FiftyOne imports modules by a name without dots, from where Python looks for them. So this folder
goes on the server's path, and holds nothing else.
"""
