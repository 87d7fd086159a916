"""Groups of a merged dataset: every sample in a slice that there is, and no two in one place."""

from __future__ import annotations

from typing import Any

from bson import ObjectId
from pymongo.collection import Collection

from ..dataset.parts import chunks
from ..errors import InvalidRequestError
from ..mongo.database import Document
from ..rawbson import equality, layout

_AT_ONCE = 1000


class Slots:
    """Follows which samples come into groups.

    Args:
        group_field: the field that says which group a sample is in, if the dataset has groups
    """

    def __init__(self, group_field: str | None) -> None:
        self._field = group_field
        self._placed: dict[ObjectId, list[ObjectId]] = {}
        """Samples that were put somewhere, by their groups."""

    def note(self, before: bytes | None, after: bytes | None) -> None:
        """Notes what becomes of a sample."""
        group = self._group(after)
        if after is None or group is None or equality.same_values(group, self._group(before)):
            return
        id_ = ObjectId(layout.fields(after)["_id"][1:])
        self._placed.setdefault(group["_id"], []).append(id_)

    def check(self, samples: Collection[Document]) -> None:
        """Refuses a merge that puts a sample where another one is.

        Args:
            samples: the merged samples

        Raises:
            InvalidRequestError: if it does
        """
        for some in chunks(list(self._placed), _AT_ONCE):
            key = {"group": f"${self._field}._id", "slice": f"${self._field}.name"}
            stages: list[Document] = [
                {"$match": {f"{self._field}._id": {"$in": some}}},
                {"$group": {"_id": key, "ids": {"$push": "$_id"}}},
                {"$match": {"ids.1": {"$exists": True}}},
            ]
            for found in samples.aggregate(stages):
                if set(found["ids"]) & set(self._placed[found["_id"]["group"]]):
                    told = " and ".join(map(str, sorted(found["ids"])))
                    raise InvalidRequestError(
                        f"As it was decided, {told} would both be in slice "
                        f"'{found['_id']['slice']}' of the same group, and nothing was changed. "
                        "Decide otherwise, or put one of them elsewhere and plan the merge again."
                    )

    def slices(self, samples: Collection[Document], *documents: Document) -> Document:
        """Returns what the dataset document is to say of slices that are there because of samples.

        A side may have deleted a slice of which somebody has decided to keep a sample.

        Args:
            samples: the merged samples
            *documents: that of the merged dataset, and of those that it is made of
        """
        if self._field is None:
            return {}
        known: list[dict[str, Any]] = [each.get("group_media_types") or {} for each in documents]
        if all(each.keys() <= known[0].keys() for each in known):
            return {}
        found = dict(known[0])
        for name in samples.distinct(f"{self._field}.name"):
            kind = next((each[name] for each in known if name in each), None)
            if kind is not None:
                found[name] = kind
        return {} if found == known[0] else {"group_media_types": found}

    def _group(self, document: bytes | None) -> Any:
        if document is None or self._field is None:
            return None
        found = equality.decode(layout.fields(document).get(self._field))
        return found if isinstance(found, dict) and "_id" in found else None
