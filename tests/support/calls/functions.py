"""FiftyOne's functions that take a dataset, a view or a sample, and which call stands for them.

Members of classes are found by looking at the classes; functions are spread over many
modules. ``takes_samples`` finds them, so that a new one cannot go unnoticed.
"""

from __future__ import annotations

import contextlib
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from types import ModuleType

import fiftyone.brain
import fiftyone.core
import fiftyone.utils

_PARAMETERS = {"samples", "sample_collection", "dataset", "sample", "dataset_name"}

SAME_AS = {
    "fiftyone.core.annotation.generate_label_schemas.generate_label_schemas": (
        "Dataset.generate_label_schemas"
    ),
    "fiftyone.core.models.apply_model": "Dataset.apply_model",
    "fiftyone.core.models.compute_embeddings": "Dataset.compute_embeddings",
    "fiftyone.core.models.compute_patch_embeddings": "Dataset.compute_patch_embeddings",
    "fiftyone.core.tags.clone_tags": "Dataset.clone",
    "fiftyone.utils.annotations.annotate": "Dataset.annotate",
    "fiftyone.utils.annotations.draw_labeled_images": "Dataset.draw_labels",
    "fiftyone.utils.annotations.load_annotations": "Dataset.load_annotations",
    "fiftyone.utils.data.base.map_values": "Dataset.map_values",
    "fiftyone.utils.data.exporters.export_samples": "Dataset.export",
    "fiftyone.utils.data.importers.import_samples": "Dataset.add_importer",
    "fiftyone.utils.data.importers.merge_samples": "Dataset.merge_importer",
    "fiftyone.utils.data.parsers.add_images": "Dataset.add_images",
    "fiftyone.utils.data.parsers.add_labeled_images": "Dataset.add_labeled_images",
    "fiftyone.utils.data.parsers.add_labeled_videos": "Dataset.add_labeled_videos",
    "fiftyone.utils.data.parsers.add_videos": "Dataset.add_videos",
    "fiftyone.utils.eval.classification.evaluate_classifications": (
        "Dataset.evaluate_classifications"
    ),
    "fiftyone.utils.eval.detection.evaluate_detections": "Dataset.evaluate_detections",
    "fiftyone.utils.eval.regression.evaluate_regressions": "Dataset.evaluate_regressions",
    "fiftyone.utils.eval.segmentation.evaluate_segmentations": "Dataset.evaluate_segmentations",
}
"""Functions that a method of a dataset hands its work to, and that method."""

READ_ONLY = {
    "fiftyone.core.annotation.utils.ensure_collection_is_supported",
    "fiftyone.core.annotation.utils.get_supported_app_annotation_fields",
    "fiftyone.core.annotation.utils.list_valid_annotation_fields",
    "fiftyone.core.annotation.validate_label_schemas.validate_label_schemas",
    "fiftyone.core.groups.get_group_slice_name",
    "fiftyone.core.map.mapper.check_if_return_is_sample",
    "fiftyone.core.session.session.launch_app",
    "fiftyone.core.session.utils.normalize_selected_samples",
    "fiftyone.core.state.build_color_scheme",
    "fiftyone.core.view.make_optimized_select_view",
    "fiftyone.utils.annotations.draw_labeled_image",
    "fiftyone.utils.annotations.draw_labeled_video",
    "fiftyone.utils.annotations.draw_labeled_videos",
    "fiftyone.utils.data.exporters.write_dataset",
    "fiftyone.utils.eval.base.get_subset_view",
    "fiftyone.utils.fiw.get_identifier_filepaths_map",
    "fiftyone.utils.fiw.get_pairwise_labels",
    "fiftyone.utils.huggingface.push_to_hub",
    "fiftyone.utils.labelbox.export_to_labelbox",
    "fiftyone.utils.scale.export_to_scale",
}
"""Functions without a call in the table because they only read."""

READ_ONLY_MODULES = ("fiftyone.core.validation", "fiftyone.core.plots")
"""Modules in which all functions only read."""

CANNOT_RUN = {
    "fiftyone.utils.cvat.import_annotations": "needs a CVAT server",
    "fiftyone.utils.data.importers.parse_dataset_info": "part of Dataset.add_importer",
    "fiftyone.utils.labelbox.import_from_labelbox": "needs an export of Labelbox",
    "fiftyone.utils.labelbox.upload_media_to_labelbox": "needs a Labelbox account",
    "fiftyone.utils.labels.detections_3d_to_cuboids_2d": "needs point clouds and cameras",
    "fiftyone.utils.scale.import_from_scale": "needs an export of Scale",
    "fiftyone.utils.utils3d.compute_orthographic_projection_images": "needs point clouds",
    "fiftyone.utils.utils3d.pcd_to_3d": "needs point clouds",
    "fiftyone.utils.video.reencode_videos": "needs ffmpeg",
    "fiftyone.utils.video.sample_videos": "needs ffmpeg",
    "fiftyone.utils.video.transform_videos": "needs ffmpeg",
}
"""Writing functions that cannot run here, and why."""


def takes_samples() -> Iterator[str]:
    """The public functions that take a collection, a sample or a dataset's name.

    Modules that need packages which are not installed are left out: nobody can call them.
    """
    for module in _modules():
        for name, function in vars(module).items():
            if (
                inspect.isfunction(function)
                and not name.startswith("_")
                and (function.__module__ == module.__name__ or module is fiftyone.brain)
                and _PARAMETERS & inspect.signature(function).parameters.keys()
                and not module.__name__.startswith(READ_ONLY_MODULES)
            ):
                yield f"{module.__name__}.{name}"


def _modules() -> Iterator[ModuleType]:
    yield fiftyone.brain
    for package in (fiftyone.core, fiftyone.utils):
        for found in pkgutil.walk_packages(
            package.__path__, f"{package.__name__}.", onerror=lambda _: None
        ):
            with contextlib.suppress(Exception):  # says in its own way what it needs
                yield importlib.import_module(found.name)
