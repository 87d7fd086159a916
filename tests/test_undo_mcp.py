"""The MCP server for FiftyOne as a client: it lists, runs, and undoes what it ran."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, Any, cast

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from support.datasets import image_dataset

SERVER = os.environ.get("SNAPSHOTS_TEST_MCP_SERVER", "")
"""The folder in which ``pip install --target`` has put the server and what it needs."""

pytestmark = [
    pytest.mark.skipif(
        not SERVER,
        reason="the MCP server for FiftyOne is not installed: make test-clients",
    ),
    pytest.mark.usefixtures("installed_plugin"),
]


class Client:
    """What speaks to the server over its standard input and output, as agents do."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process
        self._number = 0
        self.ask(
            "initialize",
            protocolVersion="2025-06-18",
            capabilities={},
            clientInfo={"name": "tests", "version": "0"},
        )
        self._send({"method": "notifications/initialized"})

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """Asks for something and returns the answer."""
        self._number += 1
        self._send({"id": self._number, "method": method, "params": params})
        while line := cast("IO[str]", self._process.stdout).readline():
            answer = json.loads(line)
            if answer.get("id") == self._number:
                assert "error" not in answer, answer
                return cast("dict[str, Any]", answer["result"])
        raise AssertionError("The server has ended")

    def call(self, tool: str, **arguments: Any) -> dict[str, Any]:
        """Calls a tool and returns what it has found."""
        answer = self.ask("tools/call", name=tool, arguments=arguments)
        told = json.loads(answer["content"][0]["text"])
        assert told["success"], told
        return cast("dict[str, Any]", told["data"])

    def run(self, operator: str, **params: Any) -> dict[str, Any]:
        """Runs an operator on the dataset and returns its result."""
        return cast(
            "dict[str, Any]",
            self.call(
                "execute_operator", operator_uri=operator, dataset_name="street", params=params
            )["result"],
        )

    def _send(self, message: dict[str, Any]) -> None:
        stdin = cast("IO[str]", self._process.stdin)
        stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        stdin.flush()


@contextmanager
def client() -> Iterator[Client]:
    # What it needs comes after what is installed here
    code = textwrap.dedent(
        f"""
        import sys
        sys.path.append({SERVER!r})
        from fiftyone_mcp.server import run
        run()
        """
    )
    with subprocess.Popen(
        [sys.executable, "-c", code],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as process:
        try:
            yield Client(process)
        finally:
            process.kill()


def test_an_agent_undoes_what_it_did(monkeypatch: pytest.MonkeyPatch) -> None:
    dataset = image_dataset("street", 4, persistent=True)
    fos.set_undo_mode(dataset, "on")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_UNDO_SAMPLES", "0")
    before = dataset.values("weather.label")
    with client() as agent:
        names = {each["uri"] for each in agent.call("list_operators")["operators"]}
        ours = "@snapshots/versioning"
        assert {f"{ours}/list_undoable", f"{ours}/undo_operation"} <= names
        deleted = agent.run("@voxel51/operators/delete_sample_field", field_names=["weather"])
        dataset.reload()
        assert not dataset.has_field("weather")
        (done,) = agent.run(f"{ours}/list_undoable")["operations"]
        assert deleted["operation_id"] == done["id"]
        undone = agent.run(f"{ours}/undo_operation", operation=deleted["operation_id"])
        assert fo.load_dataset("street", reload=True).values("weather.label") == before
        agent.run(f"{ours}/undo_operation", operation=undone["operation_id"])
    assert not fo.load_dataset("street", reload=True).has_field("weather")
