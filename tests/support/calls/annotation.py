"""An annotation backend that needs no service: it answers with the labels it was sent."""

from __future__ import annotations

from typing import Any

import fiftyone as fo
import fiftyone.utils.annotations as foua


class PaperBackendConfig(foua.AnnotationBackendConfig):
    """Configures a ``PaperBackend``."""


class PaperBackend(foua.AnnotationBackend):
    """Renames every label to ``annotated``."""

    supported_media_types = ("image", "video")
    supported_label_types = ("classification", "detections")
    supported_scalar_types = (fo.IntField, fo.StringField)
    supported_attr_types = ("text",)
    supports_keyframes = False
    supports_video_sample_fields = True
    requires_label_schema = False

    def recommend_attr_tool(self, name: str, value: object) -> dict[str, object]:
        return {"type": "text"}

    def requires_attr_values(self, attr_type: str) -> bool:
        return False

    def upload_annotations(
        self, samples: Any, anno_key: str, launch_editor: bool = False
    ) -> PaperBackendResults:
        id_map: dict[str, dict[str, Any]] = {}
        for field in self.config.label_schema:
            id_map[field] = {}
            for sample in samples:
                label = sample[field]
                if isinstance(label, fo.Detections):
                    id_map[field][sample.id] = [detection.id for detection in label.detections]
                elif label is not None:
                    id_map[field][sample.id] = label.id
        return PaperBackendResults(samples, self.config, anno_key, id_map, backend=self)

    def download_annotations(self, results: Any) -> dict[str, Any]:
        annotations: dict[str, Any] = {}
        for field, ids in results.id_map.items():
            label_type = self.config.label_schema[field]["type"]
            annotations[field] = {
                f"{label_type.removesuffix('s')}s": {
                    sample_id: {
                        label_id: _annotated(label_type, label_id) for label_id in _list(label_ids)
                    }
                    for sample_id, label_ids in ids.items()
                }
            }
        return annotations


class PaperBackendResults(foua.AnnotationResults):
    """What a ``PaperBackend`` was sent."""

    @classmethod
    def _from_dict(
        cls, d: dict[str, Any], samples: Any, config: Any, anno_key: str
    ) -> PaperBackendResults:
        return cls(samples, config, anno_key, d["id_map"])

    def launch_editor(self) -> None:
        pass

    def cleanup(self) -> None:
        pass


def _list(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]


def _annotated(label_type: str, label_id: str) -> fo.Label:
    if label_type == "classification":
        label = fo.Classification(label="annotated")
    else:
        label = fo.Detection(label="annotated", bounding_box=[0.2, 0.2, 0.4, 0.4])
    label.id = label_id
    return label
