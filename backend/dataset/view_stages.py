"""Stages of saved views and runs, made to speak of a snapshot instead of its dataset.

FiftyOne stores a view as a list of stages in JSON. Some of them say which dataset they were made
on, or which collection they read (fiftyone/core/stages.py):

- ``Concat`` holds a whole view of the same dataset, and refuses one of another;
- ``ToPatches``, ``ToFrames``, ``ToClips`` and the like remember in ``_state`` the dataset that was
  generated for them, by name, and ``SortBySimilarity`` what it has found;
- ``Mongo`` holds any pipeline, which may look things up in a collection.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from bson import ObjectId, json_util

from ..mongo.database import Document
from . import generated

_LOOK_UPS = {"$lookup": "from", "$graphLookup": "from", "$unionWith": "coll"}
"""Pipeline stages that read another collection, and where they name it."""


@dataclass(frozen=True)
class StageTranslation:
    """What stages that were made on a dataset have to say on a snapshot of it."""

    dataset_ids: frozenset[str]
    """The dataset's id, and the one that it had where it was captured."""
    dataset_name: str
    """The name that the dataset had; old stages name it, instead of its id."""
    snapshot_id: ObjectId
    collections: Mapping[str, str]
    """The names that the dataset's collections had, and those of the snapshot's views."""

    def translate(self, stages: list[str]) -> list[str]:
        """Translates the stages of one view.

        Args:
            stages: the stages, each as the JSON that is stored

        Returns:
            the stages on the snapshot, each as JSON
        """
        return [json_util.dumps(self._stage(json_util.loads(stage))) for stage in stages]

    def _stage(self, stage: Any) -> Any:
        if not isinstance(stage, dict) or not isinstance(stage.get("kwargs"), list):
            return stage
        return {**stage, "kwargs": [self._argument(argument) for argument in stage["kwargs"]]}

    def _argument(self, argument: Any) -> Any:
        if not isinstance(argument, list) or len(argument) != 2:
            return argument
        name, value = argument
        if name == "pipeline" and isinstance(value, list):
            return [name, [self._look_up(stage) for stage in value]]
        if isinstance(value, dict) and isinstance(value.get("stages"), list):
            return [name, self._view(value)]
        return argument

    def _view(self, view: Document) -> Document:
        """Translates a view that is an argument: one to add, or one that was generated from."""
        translated = {**view, "stages": [self._stage(stage) for stage in view["stages"]]}
        if view.get("dataset_id") in self.dataset_ids:
            translated["dataset_id"] = str(self.snapshot_id)
        elif view.get("dataset") == self.dataset_name:
            del translated["dataset"]
            translated["dataset_id"] = str(self.snapshot_id)
        if isinstance(view.get("name"), str):
            translated["name"] = generated.name_for(self.snapshot_id, view["name"])
        return translated

    def _look_up(self, stage: Any) -> Any:
        if not isinstance(stage, dict):
            return stage
        translated = dict(stage)
        for operator, key in _LOOK_UPS.items():
            source = stage.get(operator)
            if isinstance(source, str):
                translated[operator] = self.collections.get(source, source)
            elif isinstance(source, dict):
                inner = dict(source)
                if isinstance(source.get(key), str):
                    inner[key] = self.collections.get(source[key], source[key])
                if isinstance(source.get("pipeline"), list):
                    inner["pipeline"] = [self._look_up(each) for each in source["pipeline"]]
                translated[operator] = inner
        facets = stage.get("$facet")
        if isinstance(facets, dict):
            translated["$facet"] = {
                name: [self._look_up(each) for each in pipeline]
                for name, pipeline in facets.items()
            }
        return translated
