"""The one route of the App's server that writes something before it writes to the database."""

from __future__ import annotations

import sys
from typing import Any

from bson import ObjectId
from fiftyone.core.odm.database import get_db_conn

from . import snapshots
from .refusal import refuse

_MODULE = "fiftyone.server.routes.sample"
_MARK = "_fiftyone_snapshots_original"


def install() -> None:
    """Refuses to write a snapshot's masks to their files, if this is the App's server.

    Stands on fiftyone/server/routes/sample.py:694, and is called whenever a dataset is loaded,
    because the server is imported after this package.
    """
    module = sys.modules.get(_MODULE)
    endpoint = getattr(module, "CommitMask", None)
    if module is None or endpoint is None or hasattr(endpoint.post, _MARK):
        return
    original = endpoint.post.__wrapped__

    # FiftyOne's decorator makes of an error what the App expects
    @module.decorators.route  # type: ignore[untyped-decorator]
    async def post(endpoint: Any, request: Any, data: Any) -> Any:
        dataset_id = request.path_params["dataset_id"]
        if ObjectId.is_valid(dataset_id):
            snapshot_id = snapshots.of_dataset_id(get_db_conn(), ObjectId(dataset_id))
            if snapshot_id is not None:
                refuse(snapshot_id, "a mask commit")
        return await original(endpoint, request, data)

    setattr(post, _MARK, original)
    endpoint.post = post
