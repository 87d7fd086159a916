"""An S3 server of our own on this machine, and a proxy in front of it that makes trouble."""

from __future__ import annotations

import http.client
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import pytest

from fiftyone_snapshots.backend.archive import cloud

BUCKET = "archives"
ACCESS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_REGION": "us-east-1",
}

Trouble = Callable[["Request"], "str | int | None"]
"""What to do to a request: an HTTP status to answer, "drop" the connection, or None."""


@dataclass(frozen=True)
class Request:
    """A request that passes the proxy."""

    method: str
    path: str
    number: int
    """How many of this method came before."""


@dataclass
class Proxy:
    """Passes requests on, but for those that it is told to spoil."""

    server_port: int
    trouble: Trouble = lambda request: None
    requests: list[Request] = field(default_factory=list)

    @property
    def methods(self) -> list[str]:
        """The methods of the requests so far."""
        return [request.method for request in self.requests]


@contextmanager
def s3_server() -> Iterator[int]:
    """Runs a server with an empty bucket.

    Returns:
        a context manager giving its port
    """
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        _wait_for(port, process)
        client(port).create_bucket(Bucket=BUCKET)
        yield port
    finally:
        process.kill()
        process.wait()


def client(port: int) -> Any:
    """Returns Amazon's own client, which knows nothing of this package."""
    return boto3.client(
        "s3",
        endpoint_url=f"http://127.0.0.1:{port}",
        region_name="us-east-1",
        aws_access_key_id="testing",
        aws_secret_access_key="testing",
    )


def objects(port: int) -> dict[str, int]:
    """Returns the objects in the bucket, and their sizes."""
    found = client(port).list_objects_v2(Bucket=BUCKET).get("Contents", [])
    return {item["Key"]: item["Size"] for item in found}


def unfinished_uploads(port: int) -> int:
    """Returns how many uploads in parts were begun and neither completed nor given up."""
    return len(client(port).list_multipart_uploads(Bucket=BUCKET).get("Uploads", []))


@contextmanager
def proxy(server_port: int) -> Iterator[tuple[Proxy, int]]:
    """Runs a proxy.

    Args:
        server_port: where to pass requests on to

    Returns:
        a context manager giving the proxy and its port
    """
    state = Proxy(server_port)

    class Handler(_Handler):
        proxy = state

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield state, server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def empty_bucket(server_port: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[Proxy]:
    """Has this process reach an empty bucket through a proxy; repeats come quickly.

    Args:
        server_port: where the bucket is
        monkeypatch: takes the settings back

    Returns:
        a context manager giving the proxy
    """
    for item in objects(server_port):
        client(server_port).delete_object(Bucket=BUCKET, Key=item)
    backoff = {
        "init_backoff": timedelta(milliseconds=10),
        "max_backoff": timedelta(milliseconds=50),
        "base": 2,
    }
    retries = {"max_retries": 3, "retry_timeout": timedelta(seconds=20), "backoff": backoff}
    monkeypatch.setattr(cloud, "RETRIES", retries)
    with proxy(server_port) as (state, port):
        for name, value in ACCESS.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("AWS_ENDPOINT_URL", f"http://127.0.0.1:{port}")
        yield state


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    proxy: Proxy

    def _handle(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        number = self.proxy.methods.count(self.command)
        request = Request(self.command, self.path, number)
        self.proxy.requests.append(request)
        trouble = self.proxy.trouble(request)
        if trouble == "drop":
            # In the middle of the request, if it has a body
            self.rfile.read(length // 2)
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True
            return
        body = self.rfile.read(length)
        if isinstance(trouble, int):
            self._answer(trouble, {}, b"<Error><Code>InternalError</Code></Error>")
            return
        upstream = http.client.HTTPConnection("127.0.0.1", self.proxy.server_port)
        upstream.request(self.command, self.path, body, dict(self.headers))
        response = upstream.getresponse()
        data = response.read()
        headers = {
            name: value
            for name, value in response.getheaders()
            if name.lower() not in ("transfer-encoding", "connection", "server", "date")
        }
        upstream.close()
        if trouble == "cut":
            self._answer(response.status, headers, data[: len(data) // 2], cut=True)
            return
        self._answer(response.status, headers, data)

    do_GET = do_PUT = do_POST = do_DELETE = do_HEAD = _handle  # noqa: N815

    def _answer(
        self, status: int, headers: dict[str, str], data: bytes, cut: bool = False
    ) -> None:
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        if not any(name.lower() == "content-length" for name in headers):
            self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(data)
        if cut:
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)
            self.close_connection = True

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
        """Says nothing."""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert process.poll() is None, "the S3 server did not start"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.1)
    raise AssertionError("the S3 server does not answer")
