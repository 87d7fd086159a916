"""A tool for annotating that labels everything anew, and loses a label on the way back."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import fiftyone.utils.annotations as foua

LABEL = "annotated"


class ToolConfig(foua.AnnotationBackendConfig):
    """What FiftyOne asks of a tool's settings."""

    @property
    def type(self) -> str:
        """The name of the tool."""
        return "tool"


class Tool(foua.AnnotationBackend):
    """The tool itself."""

    supported_media_types = ("image",)
    supported_label_types = ("classification",)
    supported_scalar_types: tuple[str, ...] = ()
    supported_attr_types: tuple[str, ...] = ()
    supports_keyframes = False
    supports_video_sample_fields = False
    requires_label_schema = False

    def recommend_attr_tool(self, name: str, value: Any) -> dict[str, Any]:
        """Returns how an attribute is edited."""
        return {"type": "text"}

    def requires_attr_values(self, attr_type: str) -> bool:
        """Returns whether an attribute needs a list of values."""
        return False

    def upload_annotations(
        self, samples: Any, anno_key: str, launch_editor: bool = False
    ) -> ToolResults:
        """Takes the samples in."""
        (field,) = self.config.label_schema
        ids = dict(zip(samples.values("id"), samples.values(f"{field}.id"), strict=True))
        return ToolResults(samples, self.config, anno_key, {field: ids}, backend=self)

    def download_annotations(self, results: Any) -> dict[str, Any]:
        """Gives all labels back but one."""
        ((field, ids),) = results.id_map.items()
        found = {
            sample_id: {label_id: fo.Classification(id=label_id, label=LABEL)}
            for sample_id, label_id in [*ids.items()][1:]
        }
        return {field: {"classifications": found}}


class ToolResults(foua.AnnotationResults):
    """What is remembered of what was uploaded."""

    def cleanup(self) -> None:
        """Does nothing: there is nothing to clean up."""

    @classmethod
    def _from_dict(
        cls, d: dict[str, Any], samples: Any, config: Any, anno_key: str
    ) -> ToolResults:
        return cls(samples, config, anno_key, d["id_map"])
