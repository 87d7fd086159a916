"""Servers on this machine that answer as the documentation of lakeFS and of the Hub says.

They are not these systems: what is not documented, or done otherwise, would go unnoticed.
"""

from __future__ import annotations

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit


@dataclass
class Versions:
    """Contents of files, by commit, and which commit each branch is at."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    branches: dict[str, str] = field(default_factory=dict)
    staged: dict[str, bytes] = field(default_factory=dict)
    """What nobody has committed, which reading a branch of lakeFS gives."""
    large: set[str] = field(default_factory=set)
    """The files that the Hub has in its LFS."""
    asked: list[str] = field(default_factory=list)
    authorizations: list[str] = field(default_factory=list)
    down: bool = False
    elsewhere: str = ""
    """Another server, to which the Hub sends whoever wants the content of a large file."""

    def commit(self, branch: str, **files: str) -> str:
        """Adds a commit, and returns its id."""
        before = self.commits.get(self.branches.get(branch, ""), {})
        now = {**before, **{name: content.encode() for name, content in files.items()}}
        told = json.dumps([len(self.commits), *sorted(files.items())]).encode()
        self.branches[branch] = hashlib.sha1(told).hexdigest()
        self.commits[self.branches[branch]] = now
        return self.branches[branch]

    def resolved(self, reference: str) -> str | None:
        """Returns the commit that a branch or a commit is."""
        commit = self.branches.get(reference, reference)
        return commit if commit in self.commits else None


@contextmanager
def serving(versions: Versions, kind: type[BaseHTTPRequestHandler]) -> Iterator[str]:
    """Runs a server.

    Args:
        versions: what it has
        kind: which one; :class:`LakeFs` or :class:`Hub`

    Returns:
        a context manager giving its address
    """
    handler: Any = type("Handler", (kind,), {"versions": versions})
    server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Answering(BaseHTTPRequestHandler):
    versions: Versions

    def answer(self, status: int, body: bytes = b"", **headers: str) -> None:
        """Sends an answer."""
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def tell(self, told: object) -> None:
        """Sends JSON."""
        self.answer(200, json.dumps(told).encode())

    def begin(self) -> tuple[list[str], dict[str, str]]:
        """Returns the parts of the path, and what was asked besides."""
        self.versions.asked.append(self.path)
        self.versions.authorizations.append(self.headers.get("Authorization") or "")
        found = urlsplit(self.path)
        asked = {key: values[0] for key, values in parse_qs(found.query).items()}
        return found.path.strip("/").split("/"), asked

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Says nothing."""


class LakeFs(_Answering):
    """``/api/v1/repositories/{repository}/refs/{ref}/...`` of lakeFS."""

    def do_GET(self) -> None:
        """Answers."""
        parts, asked = self.begin()
        if self.versions.down:
            self.answer(500)
            return
        assert parts[:3] == ["api", "v1", "repositories"], parts
        _, reference, what = parts[3], unquote(parts[5]), "/".join(parts[6:])
        commit = self.versions.resolved(reference)
        if commit is None:
            self.answer(404)
            return
        if what == "commits":
            self.tell({"pagination": {"has_more": True}, "results": [{"id": commit}]})
            return
        files = dict(self.versions.commits[commit])
        if reference in self.versions.branches:
            files.update(self.versions.staged)
        content = files.get(asked["path"])
        if content is None:
            self.answer(404)
        elif what == "objects/stat":
            checksum = hashlib.md5(content).hexdigest()
            self.tell({"checksum": checksum, "size_bytes": len(content), "mtime": 1_700_000_000})
        else:
            self.answer(200, content, ETag=f'"{hashlib.md5(content).hexdigest()}"')


class Hub(_Answering):
    """``/api/datasets/{repository}/...`` and ``resolve`` of the Hugging Face Hub."""

    def do_GET(self) -> None:
        """Answers."""
        parts, _ = self.begin()
        if self.versions.down:
            self.answer(503)
        elif parts[0] == "api":
            commit = self.versions.resolved(unquote(parts[5]))
            assert parts[4] == "revision", parts
            if commit is None:
                self.answer(404)
            else:
                self.tell({"id": "/".join(parts[2:4]), "sha": commit})
        else:
            self._send(parts)

    def _send(self, parts: list[str]) -> None:
        commit, name = parts[4], unquote("/".join(parts[5:]))
        content = self.versions.commits.get(commit, {}).get(name)
        if content is None:
            self.answer(404)
        elif name in self.versions.large and self.versions.elsewhere:
            self.answer(302, Location=f"{self.versions.elsewhere}{self.path}")
        else:
            self.answer(200, content)

    def do_POST(self) -> None:
        """Answers ``paths-info``."""
        parts, _ = self.begin()
        assert parts[4] == "paths-info", parts
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        files = self.versions.commits[unquote(parts[5])]
        told: list[dict[str, Any]] = []
        for path in body["paths"]:
            if path in files:
                content = files[path]
                blob = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
                found = {"type": "file", "path": path, "size": len(content), "oid": blob}
                if path in self.versions.large:
                    oid = hashlib.sha256(content).hexdigest()
                    found["lfs"] = {"oid": oid, "size": len(content), "pointerSize": 134}
                told.append(found)
        self.tell(told)
