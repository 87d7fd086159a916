"""The App's real server, asked on snapshots for everything that the App asks for."""

from __future__ import annotations

import base64
import importlib.util
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

from support.app import AppServer
from support.app_client import MUTATIONS, Client
from support.calls import Media
from support.calls.fixtures import build
from support.calls.sandbox import DatabaseState
from support.snapshots import harm, snapshot_of, stored

READ_ONLY = "is read-only"

OPERATORS: dict[str, dict[str, Any]] = {
    "operators/activate_label_schemas": {"fields": ["scene"]},
    "operators/add_dynamic_frame_fields": {
        "fields": ["predictions"],
        "dynamic_fields": ["predictions.detections.colour"],
    },
    "operators/add_dynamic_sample_fields": {
        "fields": ["extra"],
        "dynamic_fields": ["extra.grade"],
    },
    "operators/clear_frame_field": {"target": "DATASET", "field_names": ["blur"]},
    "operators/clear_sample_field": {"target": "DATASET", "field_names": ["score"]},
    "operators/clone_frame_field": {
        "target": "DATASET",
        "field_name": "blur",
        "new_field_name": "new",
    },
    "operators/clone_sample_field": {
        "target": "DATASET",
        "field_name": "score",
        "new_field_name": "new",
    },
    "operators/clone_selected_samples": {},
    "operators/create_and_activate_field": {
        "field_name": "new",
        "field_category": "primitive",
        "field_type": "str",
        "schema_config": {"component": "text"},
    },
    "operators/create_index": {"field_name": "score"},
    "operators/create_summary_field": {
        "path": "quality",
        "field_name|quality": "new",
    },
    "operators/deactivate_label_schemas": {"fields": ["weather"]},
    "operators/delete_brain_run": {"brain_key": "similar"},
    "operators/delete_frame_field": {"field_names": ["blur"]},
    "operators/delete_label_schemas": {"fields": ["weather"]},
    "operators/delete_sample_field": {"field_names": ["score"]},
    "operators/delete_saved_view": {"names": ["kept"]},
    "operators/delete_selected_labels": {},
    "operators/delete_selected_samples": {},
    "operators/delete_summary_field": {"field_names": ["labels"]},
    "operators/delete_workspace": {"names": ["kept"]},
    "operators/drop_index": {"index_names": ["quality"]},
    "operators/edit_field_info": {"path": "score", "description": "new"},
    "operators/edit_field_values": {
        "target": "DATASET",
        "path": "scene",
        "map": [{"current": ["day"], "new": "dusk"}],
    },
    "operators/edit_saved_view_info": {"name": "kept", "new_name": "new"},
    "operators/edit_workspace_info": {"name": "kept", "new_name": "new"},
    "operators/generate_label_schemas": {"field": "frames.detections"},
    "operators/remove_dynamic_frame_fields": {"fields": ["detections.detections.colour"]},
    "operators/remove_dynamic_sample_fields": {"fields": ["ground_truth.detections.colour"]},
    "operators/rename_frame_field": {"field_name": "blur", "new_field_name": "new"},
    "operators/rename_sample_field": {"field_name": "score", "new_field_name": "new"},
    "operators/save_view": {"name": "new"},
    "operators/save_workspace": {"name": "new"},
    "operators/set_active_label_schemas": {"fields": ["scene"]},
    "operators/sync_last_modified_at": {},
    "operators/update_summary_field": {"field_name": "labels"},
    "panels/init_similarity_run": {
        "brain_key": "similar",
        "query_type": "text",
        "query": "cat",
    },
    "panels/similarity_search": {
        "brain_key": "similar",
        "query_type": "text",
        "query": "cat",
        "run_name": "new",
    },
}
"""Built-in operators that edit, with what the App would send."""

GROUP_OPERATORS: dict[str, dict[str, Any]] = {
    "operators/add_group_slice": {"name": "new", "media_type": "image"},
    "operators/delete_group_slice": {"names": ["right"]},
    "operators/rename_group_slice": {"name": "right", "new_name": "new"},
}

READING_OPERATORS = {
    "operators/download_file",
    "operators/get_field_schema",
    "operators/get_label_schemas",
    "operators/list_files",
    "operators/list_me_scenarios",
    "operators/list_saved_views",
    "operators/list_valid_annotation_fields",
    "operators/list_workspaces",
    "operators/load_group_by",
    "operators/load_saved_view",
    "operators/load_workspace",
    "operators/mes_plot_resolver",
    "operators/model_evaluation_configure_scenario",
    # Generates patches and the like again
    "operators/reload_saved_view",
    "operators/validate_label_schemas",
    "panels/get_similarity_search_subscription_notifier",
    "panels/list_similarity_runs",
    "panels/model_evaluation_panel_builtin",
    "panels/similarity_search_panel",
}


def _etag(sample: fo.Sample) -> dict[str, str]:
    """The version of a sample that the App has seen."""
    stamp = sample.last_modified_at.isoformat().encode()
    return {"If-Match": f'"{base64.b64encode(stamp).decode()}"'}


@pytest.fixture
def video(tmp_path: Path) -> fo.Dataset:
    dataset = build(Media.VIDEO, "calls", tmp_path)
    dataset.add_dynamic_sample_fields(fields="ground_truth")
    dataset.add_dynamic_frame_fields(fields="detections")
    return snapshot_of(dataset)


@pytest.fixture
def server(tmp_path: Path) -> AppServer:
    """A server that loads the package when it starts."""
    return AppServer(tmp_path / "server.log", FIFTYONE_MODULE_PATH="fiftyone_snapshots")


def test_every_edit_in_the_app_is_refused_and_changes_nothing(
    video: fo.Dataset, server: AppServer, tmp_path: Path, subtests: pytest.Subtests
) -> None:
    group = snapshot_of(build(Media.GROUP, "groups", tmp_path / "groups"))
    with server:
        client = Client(server, video)
        before = DatabaseState()
        sample = client.sample
        version = _etag(sample)
        label = sample.weather

        answers = {
            "PATCH sample": client.send("PATCH", client.path, {"scene": "new"}, **version),
            "PATCH label": client.send(
                "PATCH",
                f"{client.path}/ground_truth.detections/{sample.ground_truth.detections[0].id}",
                [{"op": "replace", "path": "/label", "value": "new"}],
                **version,
            ),
            "POST commit-mask": client.send(
                "POST",
                f"{client.path}/commit-mask",
                {"field": "ground_truth", "detection_id": sample.ground_truth.detections[0].id},
            ),
            "POST tag": client.send(
                "POST",
                "/tag",
                {"dataset": video.name, "view": [], "changes": {"new": True}},
            ),
            "POST tag of labels": client.send(
                "POST",
                "/tag",
                {
                    "dataset": video.name,
                    "view": [],
                    "changes": {"new": True},
                    "target_labels": True,
                    "labels": [{"label_id": label.id, "sample_id": sample.id, "field": "weather"}],
                    "label_fields": ["weather"],
                },
            ),
        }
        for name in MUTATIONS:
            answers[name] = (200, json.dumps(client.mutate(name)))
        (tag,) = stored("tags", {"_dataset_id": video._doc.id})
        tags = f"{client.path}/tags"
        answers["DELETE temporal tag"] = client.send("DELETE", tags, {"ids": [str(tag["_id"])]})
        if importlib.util.find_spec("google") is not None:
            new = {"start": 0, "end": 5, "tag": "new"}
            answers["POST temporal tag"] = client.send("POST", tags, {"tags": [new]})
            answers["PATCH temporal tag"] = client.send("PATCH", f"{tags}/{tag['_id']}", new)
        label_schema = {**video.label_schemas["weather"], "read_only": True}
        schema = {"field": "weather", "label_schema": label_schema}
        answers["update_label_schema"] = (
            200,
            client.execute("operators/update_label_schema", schema),
        )
        for operator, parameters in OPERATORS.items():
            answers[operator] = (200, client.execute(operator, parameters))
        for operator, parameters in GROUP_OPERATORS.items():
            answers[operator] = (200, Client(server, group).execute(operator, parameters))

        for name, (_, content) in answers.items():
            with subtests.test(name):
                assert READ_ONLY in content
        owners = [document._doc.id for document in (video, group)]
        assert not harm(before.changes(DatabaseState()), *owners)

        _, content = client.send("POST", "/operators", {"dataset_name": video.name})
        known = {"operators/update_label_schema", *OPERATORS, *GROUP_OPERATORS, *READING_OPERATORS}
        theirs = {operator["uri"] for operator in json.loads(content)["operators"]}
        assert {uri for uri in theirs if uri.startswith("@voxel51")} == {
            f"@voxel51/{name}" for name in known
        }


@pytest.mark.usefixtures("installed_plugin")
def test_with_the_plugin_folder_only_a_snapshot_opens_once_the_app_has_loaded_plugins(
    video: fo.Dataset, tmp_path: Path
) -> None:
    with AppServer(tmp_path / "server.log") as server:
        client = Client(server, video)
        # MongoDB tells no indexes of views, and FiftyOne executes plugins later than this
        assert "errors" in client.open()
        client.send("POST", "/operators", {"dataset_name": video.name})
        assert "errors" not in client.open()
        assert READ_ONLY in client.execute("operators/save_view", {"name": "new"})


def test_a_snapshots_page_can_be_the_first_thing_a_new_server_is_asked_for(
    video: fo.Dataset, server: AppServer, subtests: pytest.Subtests
) -> None:
    head = fo.load_dataset("calls")
    with server:
        client = Client(server, video)
        answer = client.open()
        assert "errors" not in answer
        page = answer["data"]
        assert page["dataset"]["estimatedSampleCount"] == len(video)
        assert {"filepath_1", "quality_1"} <= {i["name"] for i in page["dataset"]["sampleIndexes"]}
        assert [view["name"] for view in page["dataset"]["savedViews"]] == ["kept"]
        ids = [edge["node"]["id"] for edge in page["samples"]["edges"]]
        assert ids == video.values("id")

        # What panels and the sidebar show is the same as of an ordinary dataset
        expected = _reading_answers(Client(server, head))
        for name, found in _reading_answers(client).items():
            with subtests.test(name):
                assert '"error": "' not in found
                assert found == expected[name]


def _reading_answers(client: Client) -> dict[str, str]:
    about = {"dataset": client.dataset.name, "view": [], "filters": {}, "extended": {}}
    requests = {
        "/tagging": {**about, "target_labels": False},
        "/frames": {
            **about,
            "frameNumber": 1,
            "frameCount": 3,
            "numFrames": 3,
            "sampleId": client.sample.id,
            "group_id": None,
        },
        "/embeddings/plot": {
            "datasetName": client.dataset.name,
            "brainKey": "map",
            "labelField": "weather.label",
            "view": [],
            "slices": None,
        },
        "/values": {**about, "path": "scene", "search": ""},
    }
    answers: dict[str, str] = {}
    for path, data in requests.items():
        status, content = client.send("POST", path, data)
        assert status == 200, content
        answers[path] = content
    query = """
        query ($form: AggregationForm!) {
            aggregations(form: $form) {
                ... on StringAggregation { path count values { value count } }
                ... on IntAggregation { path count min max }
            }
        }
        """
    form = {
        "index": 0,
        "dataset": client.dataset.name,
        "view": [],
        "filters": {},
        "extendedStages": {},
        "groupId": None,
        "hiddenLabels": [],
        "paths": ["scene", "quality", "frames.state.label"],
        "mixed": False,
        "sampleIds": [],
        "slice": None,
        "slices": None,
        "queryPerformance": True,
    }
    answers["histograms"] = json.dumps(client.query(query, form=form))
    answers["operator"] = client.execute("operators/list_saved_views", {})
    return answers


def test_a_process_without_the_package_can_read_a_snapshot_and_not_write_to_it(
    video: fo.Dataset,
) -> None:
    program = """
import sys
import fiftyone as fo
dataset = fo.load_dataset(sys.argv[1])
assert dataset.values("id") and dataset.first().ground_truth is not None
assert [len(sample.frames) for sample in dataset.iter_samples()] == [3, 3, 3]
scenes = sorted(dataset.count_values("scene").items())
print(len(dataset), scenes, len(dataset.load_saved_view("kept")))
try:
    dataset.add_sample(fo.Sample("/media/new.mp4"))
except Exception as error:
    print("refused:", error)
assert not any(name.startswith("fiftyone_snapshots") for name in sys.modules)
"""
    before = len(video)
    done = subprocess.run(
        [sys.executable, "-c", program, video.name], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    counts, refusal = done.stdout.strip().splitlines()[-2:]
    assert counts == f"{before} {sorted(video.count_values('scene').items())} 2"
    assert refusal.startswith("refused:")
    assert "is a view, not a collection" in refusal
