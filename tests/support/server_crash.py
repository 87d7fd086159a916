"""A program that kills its MongoDB server in the middle of operations, and prints what came of it.

It has a server and a FiftyOne of its own, because both are for the whole life of a process.
Prints one JSON object: by verb and point, the error, the operation's state before and after
recovery, and whether the dataset is as before, as after, or ``broken``.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

from support.environment import isolate
from support.mongod import Mongod

POINTS: dict[str, list[str]] = {
    "create": ["create.copied_samples", "create.summarized", "create.changed"],
    "revert": ["revert.moved", "revert.changed", "revert.committed", "revert.shelved_samples"],
    "undo_revert": ["undo_revert.moved_samples", "undo_revert.committed"],
}


def main(folder: Path) -> None:
    """Runs all scenarios."""
    server = Mongod(folder / "db", args=("--setParameter", "ttlMonitorEnabled=false"))
    server.start()
    isolate(
        folder / "home",
        uri=f"{server.uri}?serverSelectionTimeoutMS=1500",
        database="server_crash",
    )
    os.environ["FIFTYONE_SNAPSHOTS_MEDIA"] = "none"
    print(json.dumps({"results": _walk(server), "unreachable": _unreachable(server)}))
    server.kill()


def _walk(server: Mongod) -> dict[str, Any]:
    import fiftyone as fo
    import fiftyone.core.odm as foo

    import fiftyone_snapshots as fos
    from fiftyone_snapshots.backend import faults
    from support.invariants import World, assert_sound
    from support.stories import STORIES
    from support.story import NAME, make

    database = foo.get_db_conn()
    results: dict[str, Any] = {}
    for verb, points in POINTS.items():
        story = STORIES[verb]
        make("video", story)
        before = World.now(database, NAME)
        story.act()
        after = World.now(database, NAME)
        for point in [*points, "afterwards"]:
            assert story.back is not None
            story.back()
            outcome: dict[str, Any] = {"error": None}
            try:
                with faults.arm(point, server.kill):
                    story.act()
            except fos.SnapshotError as error:
                outcome["error"] = type(error).__name__
                outcome["operation"] = getattr(error, "operation_id", None)
            # At once, so that nothing is written to disk any more
            server.kill()
            server.start()
            fos.list_snapshots(NAME)
            if outcome.get("operation"):
                outcome["state"] = fos.get_operation(outcome["operation"]).state.value
            assert_sound(database)
            found = World.now(database, NAME)
            same = {
                "before": (found.head, found.snapshots) == (before.head, before.snapshots),
                "after": (found.head, found.snapshots) == (after.head, after.snapshots),
            }
            outcome["dataset"] = next((key for key, is_so in same.items() if is_so), "broken")
            if outcome["dataset"] == "before":
                story.act()
            results[f"{verb} {point}"] = outcome
        fo.delete_dataset(NAME)
    return results


def _unreachable(server: Mongod) -> str:
    import fiftyone_snapshots as fos

    server.kill()
    try:
        fos.list_snapshots("any")
    except fos.SnapshotError as error:
        return type(error).__name__
    return "nothing"


if __name__ == "__main__":
    main(Path(sys.argv[1]))
