"""Where a server keeps its files, which is not copied with them: it tells copy from original.

It is a hint, no proof: a server may be moved, or its machine be named anew. Then it is taken for a
copy, which harms nothing, until somebody says that it is none.
"""

from __future__ import annotations

import re

from pymongo.database import Database
from pymongo.errors import OperationFailure

from ..mongo.database import Document

_CONTAINER = re.compile("[0-9a-f]{12}")
"""What Docker names a container that nobody has named: another one each time it is made."""


def of(database: Database[Document]) -> Document | None:
    """Asks a server where it is.

    Args:
        database: one of its databases

    Returns:
        the members of a replica set; the machine and folder of another server; None where it does
        not tell, as to those who may not ask, or of a sharded cluster
    """
    reply: Document = database.command("hello")
    if "setName" in reply:
        return {"set": reply["setName"], "members": sorted(reply.get("hosts", []))}
    if reply.get("msg") == "isdbgrid":
        return None
    admin = database.client.admin
    try:
        options = admin.command("getCmdLineOpts")["parsed"]
        machine = admin.command("hostInfo")["system"]["hostname"]
    except OperationFailure:
        return None
    # Not the port: the server that FiftyOne starts has another one each time
    return {"host": machine, "path": options.get("storage", {}).get("dbPath", "")}


def is_same(one: Document, other: Document) -> bool:
    """Returns whether two answers of :func:`of` can be those of one server.

    Args:
        one: where it was
        other: where it is
    """
    if "set" in one or "set" in other:
        # Members come and go
        members = {*one.get("members", ())} & {*other.get("members", ())}
        return one.get("set") == other.get("set") and bool(members)
    return one["path"] == other["path"] and _named(one["host"]) == _named(other["host"])


def _named(machine: str) -> str:
    # What comes after the name depends on the network that a laptop is in
    name = machine.partition(".")[0].lower()
    return "" if _CONTAINER.fullmatch(name) else name
