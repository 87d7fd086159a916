"""Members of datasets that are about its fields, properties, views and workspaces."""

from __future__ import annotations

from typing import Any

import fiftyone as fo

from .registry import GROUP, IMAGE, STAMP, VIDEO, on
from .subjects import DATASET, DESCRIPTION

_reads = on(DATASET).reads
_writes = on(DATASET).writes
_sample_writes = on(DESCRIPTION).writes
FLAT = IMAGE | VIDEO

# sample fields

_sample_writes("add_sample_field")(lambda d: d.add_sample_field("new", fo.StringField))
_sample_writes("add_sample_field", "with a description")(
    lambda d: d.add_sample_field(
        "new", fo.IntField, description="new", info={"a": 1}, read_only=True
    )
)
_sample_writes("add_sample_field", "list")(
    lambda d: d.add_sample_field("new", fo.ListField, subfield=fo.FloatField)
)
_sample_writes("add_sample_field", "label")(
    lambda d: d.add_sample_field("new", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections)
)
_sample_writes("add_sample_field", "embedded")(
    lambda d: d.add_sample_field("weather.old", fo.BooleanField)
)
_sample_writes("rename_sample_field")(lambda d: d.rename_sample_field("score", "renamed"))
_sample_writes("rename_sample_field", "indexed")(
    lambda d: d.rename_sample_field("quality", "renamed")
)
_sample_writes("rename_sample_field", "embedded")(
    lambda d: d.rename_sample_field("weather.sure", "weather.certain")
)
_sample_writes("rename_sample_field", "of labels")(
    lambda d: d.rename_sample_field("forecast", "renamed")
)
_sample_writes("rename_sample_fields")(
    lambda d: d.rename_sample_fields({"score": "one", "scene": "two"})
)
_sample_writes("delete_sample_field")(lambda d: d.delete_sample_field("score"))
_sample_writes("delete_sample_field", "of labels")(lambda d: d.delete_sample_field("ground_truth"))
_sample_writes("delete_sample_field", "embedded")(lambda d: d.delete_sample_field("weather.sure"))
_sample_writes("delete_sample_fields")(lambda d: d.delete_sample_fields(["score", "scene"]))
_sample_writes("add_dynamic_sample_fields")(lambda d: d.add_dynamic_sample_fields())
_sample_writes("remove_dynamic_sample_field")(
    lambda d: d.remove_dynamic_sample_field("weather.sure")
)
_sample_writes("remove_dynamic_sample_fields")(
    lambda d: d.remove_dynamic_sample_fields(["weather.sure", "extra.owner"])
)

_writes("rename_sample_field", "of a group", media=GROUP)(
    lambda d: d.rename_sample_field("score", "renamed")
)
_writes("delete_sample_field", "of a group", media=GROUP)(lambda d: d.delete_sample_field("score"))

# frame fields

_writes("add_frame_field", media=VIDEO)(lambda d: d.add_frame_field("new", fo.StringField))
_writes("add_frame_field", "label", media=VIDEO)(
    lambda d: d.add_frame_field("new", fo.EmbeddedDocumentField, embedded_doc_type=fo.Detections)
)
_writes("rename_frame_field", media=VIDEO)(lambda d: d.rename_frame_field("blur", "renamed"))
_writes("rename_frame_field", "embedded", media=VIDEO)(
    lambda d: d.rename_frame_field("state.sure", "state.certain")
)
_writes("rename_frame_fields", media=VIDEO)(
    lambda d: d.rename_frame_fields({"blur": "one", "state": "two"})
)
_writes("delete_frame_field", media=VIDEO)(lambda d: d.delete_frame_field("blur"))
_writes("delete_frame_field", "embedded", media=VIDEO)(
    lambda d: d.delete_frame_field("state.sure")
)
_writes("delete_frame_fields", media=VIDEO)(lambda d: d.delete_frame_fields(["blur", "state"]))
_writes("add_dynamic_frame_fields", media=VIDEO)(lambda d: d.add_dynamic_frame_fields())
_writes("remove_dynamic_frame_field", media=VIDEO)(
    lambda d: d.remove_dynamic_frame_field("state.sure")
)
_writes("remove_dynamic_frame_fields", media=VIDEO)(
    lambda d: d.remove_dynamic_frame_fields(["state.sure"])
)

_writes("delete_frame_field", "of a group", media=GROUP)(lambda d: d.delete_frame_field("blur"))

# summary fields

_reads("list_summary_fields")(lambda d: d.list_summary_fields())
_reads("check_summary_fields")(lambda d: d.check_summary_fields())
SUMMARY = "moves no last_modified_at of samples"
_writes("create_summary_field", note=SUMMARY)(lambda d: d.create_summary_field("scene"))
_writes("create_summary_field", "with counts", media=IMAGE, note=SUMMARY)(
    lambda d: d.create_summary_field("ground_truth.detections.label", include_counts=True)
)
_writes("create_summary_field", "by groups", media=IMAGE, note=SUMMARY)(
    lambda d: d.create_summary_field("ground_truth.detections.index", group_by="label")
)
_writes("create_summary_field", "of frames", media=VIDEO, note=SUMMARY)(
    lambda d: d.create_summary_field("frames.detections.detections.label")
)
_writes("update_summary_field", note=SUMMARY)(lambda d: d.update_summary_field("labels"))
_writes("delete_summary_field")(lambda d: d.delete_summary_field("labels"))
_writes("delete_summary_fields")(lambda d: d.delete_summary_fields(["labels"]))

# from here on, media make no difference

_reads = on(DESCRIPTION).reads
_writes = on(DESCRIPTION).writes

# label schemas

_reads("label_schemas")(lambda d: d.label_schemas)
_reads("active_label_schemas")(lambda d: d.active_label_schemas)
_writes("active_label_schemas.setter")(lambda d: setattr(d, "active_label_schemas", ["scene"]))
_writes("activate_label_schemas")(lambda d: d.activate_label_schemas("scene"))
_writes("deactivate_label_schemas")(lambda d: d.deactivate_label_schemas("weather"))
_writes("delete_label_schemas")(lambda d: d.delete_label_schemas("scene"))
_writes("set_label_schemas")(lambda d: d.set_label_schemas({}))


@_writes("update_label_schema")
def _(dataset: fo.Dataset) -> None:
    schema = dataset.generate_label_schemas("scene", scan_samples=False)
    dataset.update_label_schema("scene", {**schema, "read_only": True})


# properties

_reads("name", comparable=False)(lambda d: d.name)
_reads("slug", comparable=False)(lambda d: d.slug)
_reads("version")(lambda d: d.version)
_reads("created_at", comparable=False)(lambda d: d.created_at)
_reads("last_modified_at", comparable=False)(lambda d: d.last_modified_at)
_reads("last_loaded_at", comparable=False)(lambda d: d.last_loaded_at)
_reads("last_deletion_at")(lambda d: d.last_deletion_at)
_reads("deleted")(lambda d: d.deleted)
_reads("persistent", comparable=False)(lambda d: d.persistent)
_reads("media_sources")(lambda d: d.media_sources)
_reads("clear_cache")(lambda d: d.clear_cache())
_reads("resolve_intrinsics")(lambda d: d.resolve_intrinsics(d.first()))
_reads("resolve_transformation", media=GROUP)(
    lambda d: d.resolve_transformation(d.first(), target_frame="ego")
)
_reads("get_transform_chain")(lambda d: d.get_transform_chain("left", "world", ["ego"]))

_writes("name.setter")(lambda d: setattr(d, "name", f"{d.name}-renamed"))
_writes("persistent.setter")(lambda d: setattr(d, "persistent", not d.persistent))
_writes("default_group_slice.setter", media=GROUP)(
    lambda d: setattr(d, "default_group_slice", "right")
)
_writes("add_intrinsics")(
    lambda d: d.add_intrinsics("right", fo.PinholeCameraIntrinsics(fx=1.0, fy=1.0, cx=0.0, cy=0.0))
)
_writes("add_static_transform")(
    lambda d: d.add_static_transform(
        fo.StaticTransform(
            translation=[0.0, 0.0, 1.0], quaternion=[0.0, 0.0, 0.0, 1.0], source_frame="right"
        )
    )
)


@_writes("media_type.setter", "of an emptied dataset", note="only an empty dataset can change it")
def _(dataset: fo.Dataset) -> None:
    dataset.clear()
    dataset.media_type = "3d"


def _edit(name: str, variant: str, edit: Any) -> None:
    @_writes("save", f"edited {name}{variant}")
    def _(dataset: fo.Dataset) -> None:
        edit(getattr(dataset, name))
        dataset.save()


_edit("info", "", lambda info: info.update(new=1))
_edit("info", ", nested", lambda info: info["source"].update(name="new"))
_edit("tags", "", lambda tags: tags.append("new"))
_edit("classes", "", lambda classes: classes["ground_truth"].append("new"))
_edit("default_classes", "", lambda classes: classes.append("new"))
_edit("mask_targets", "", lambda targets: targets["segmentation"].update({3: "new"}))
_edit("default_mask_targets", "", lambda targets: targets.update({3: "new"}))
_edit("skeletons", "", lambda skeletons: skeletons["joints"].labels.append("new"))
_edit("default_skeleton", "", lambda skeleton: skeleton.edges.append([1, 0]))
_edit("camera_intrinsics", "", lambda intrinsics: intrinsics.pop("left"))
_edit("static_transforms", "", lambda transforms: transforms.pop("left::ego"))
_edit("app_config", "", lambda config: setattr(config, "grid_media_field", "new"))
_edit("app_config", ", plugins", lambda config: config.plugins["map"].update(clustering=True))
_edit("app_config", ", colors", lambda config: config.color_scheme.color_pool.append("#0000ff"))
_edit(
    "app_config", ", sidebar", lambda config: setattr(config.sidebar_groups[0], "expanded", False)
)
_reads("save", "nothing", leaves=STAMP, note="sends what loading changed, see ``sandbox.LOADED``")(
    lambda d: d.save()
)

# saved views and workspaces

_reads("has_saved_view")(lambda d: d.has_saved_view("kept"))
_reads("has_saved_views")(lambda d: d.has_saved_views)
_reads("list_saved_views")(lambda d: d.list_saved_views())
_reads("get_saved_view_info")(lambda d: d.get_saved_view_info("kept"))
_reads("load_saved_view", note="writes last_loaded_at")(lambda d: d.load_saved_view("kept"))
_writes("save_view")(lambda d: d.save_view("new", d.limit(1)))
_writes("save_view", "overwrite")(lambda d: d.save_view("kept", d.limit(1), overwrite=True))
_writes("save_view", "of patches", media=IMAGE, note="makes the generated dataset persistent")(
    lambda d: d.save_view("new", d.to_patches("ground_truth"))
)
_writes("update_saved_view_info")(
    lambda d: d.update_saved_view_info("kept", {"name": "renamed", "color": None})
)
_writes("delete_saved_view")(lambda d: d.delete_saved_view("kept"))
_writes("delete_saved_views")(lambda d: d.delete_saved_views())
_reads("has_workspace")(lambda d: d.has_workspace("kept"))
_reads("has_workspaces")(lambda d: d.has_workspaces)
_reads("list_workspaces")(lambda d: d.list_workspaces())
_reads("get_workspace_info")(lambda d: d.get_workspace_info("kept"))
_reads("load_workspace", note="writes last_loaded_at", comparable=False)(
    lambda d: d.load_workspace("kept")
)
_writes("save_workspace")(lambda d: d.save_workspace("new", fo.Space()))
_writes("save_workspace", "overwrite")(
    lambda d: d.save_workspace("kept", fo.Space(), overwrite=True)
)
_writes("update_workspace_info")(lambda d: d.update_workspace_info("kept", {"description": "new"}))
_writes("delete_workspace")(lambda d: d.delete_workspace("kept"))
_writes("delete_workspaces")(lambda d: d.delete_workspaces())
