"""The App's requests to its server, without an App."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from typing import Any

import fiftyone as fo

from support.app import AppServer

MUTATIONS: dict[str, tuple[str, str, str]] = {
    "createSavedView": ("viewName: $name, viewStages: [], form: {}", "{ name }", "new"),
    "deleteSavedView": ("viewName: $name", "", "kept"),
    "setDatasetColorScheme": (
        "colorScheme: {colorPool: [$name], fields: []}",
        "{ id }",
        "#123456",
    ),
    "setSidebarGroups": ("stages: [], sidebarGroups: [{name: $name, paths: []}]", "", "new"),
    "updateSavedView": ('viewName: $name, updatedInfo: {name: "new"}', "{ name }", "kept"),
}
"""Mutations that edit the dataset: arguments, what is asked for, and the name in them."""


class Client:
    """Talks to a server about a dataset, as the App does."""

    def __init__(self, server: AppServer, dataset: fo.Dataset) -> None:
        self.server = server
        self.dataset = dataset
        self.sample = dataset.first()
        self.path = f"/dataset/{dataset._doc.id}/sample/{self.sample.id}"

    def send(self, method: str, path: str, data: Any = None, **headers: str) -> tuple[int, str]:
        """Sends a request and returns status and content of the answer."""
        request = urllib.request.Request(
            self.server.url + path,
            None if data is None else json.dumps(data).encode(),
            {"Content-Type": "application/json", **headers},
            method=method,
        )
        try:
            with urllib.request.urlopen(request, timeout=60) as answer:
                return answer.status, answer.read().decode()
        except urllib.error.HTTPError as error:
            return error.code, error.read().decode()

    def query(self, query: str, **variables: Any) -> dict[str, Any]:
        """Asks by GraphQL."""
        _, content = self.send("POST", "/graphql", {"query": query, "variables": variables})
        answer: dict[str, Any] = json.loads(content)
        return answer

    def mutate(self, name: str) -> dict[str, Any]:
        """Executes one of :data:`MUTATIONS`."""
        arguments, selection, value = MUTATIONS[name]
        dataset = "dataset" if name == "setSidebarGroups" else "datasetName"
        session = "" if name == "setDatasetColorScheme" else "session: null,"
        return self.query(
            f"""
            mutation ($dataset: String!, $name: String!) {{
                {name}(subscription: "", {session} {dataset}: $dataset, {arguments}) {selection}
            }}
            """,
            dataset=self.dataset.name,
            name=value,
        )

    def execute(self, operator: str, parameters: dict[str, Any]) -> str:
        """Executes an operator as the Operator Browser does, and returns the answer."""
        label = self.sample.ground_truth.detections[0]
        _, content = self.send(
            "POST",
            "/operators/execute",
            {
                "operator_uri": f"@voxel51/{operator}",
                "dataset_name": self.dataset.name,
                "view": [],
                "filters": {},
                "extended": {},
                "spaces": json.loads(fo.Space(children=[fo.Panel(type="Samples")]).to_json()),
                "workspace_name": "kept",
                "selected": [self.sample.id],
                "selected_labels": [
                    {"label_id": label.id, "sample_id": self.sample.id, "field": "ground_truth"}
                ],
                "params": parameters,
            },
        )
        return content

    def open(self) -> dict[str, Any]:
        """Opens the dataset's page."""
        return self.query(
            """
            query ($name: String!) {
                dataset(name: $name, view: []) {
                    name
                    estimatedSampleCount
                    sampleIndexes { name }
                    sampleFields { path }
                    savedViews { name }
                }
                samples(dataset: $name, view: [], first: 20) {
                    ... on SampleItemStrConnection {
                        edges { node { ... on VideoSample { id } ... on ImageSample { id } } }
                    }
                }
            }
            """,
            name=self.dataset.name,
        )
