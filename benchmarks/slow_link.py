"""A link to the database that takes its time, as one to another town does."""

from __future__ import annotations

import queue
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from pymongo.uri_parser import parse_uri

_CHUNK = 1 << 16


@contextmanager
def slow_link(uri: str, seconds: float) -> Iterator[str]:
    """Forwards connections to a MongoDB server on this machine, each way with a delay.

    Args:
        uri: the server's address
        seconds: how long everything takes, each way

    Returns:
        a context manager giving the address of the slow way
    """
    server = parse_uri(uri)["nodelist"][0]
    listener = socket.create_server(("127.0.0.1", 0))
    threading.Thread(target=_accept, args=(listener, server, seconds), daemon=True).start()
    try:
        yield f"mongodb://127.0.0.1:{listener.getsockname()[1]}/?directConnection=true"
    finally:
        listener.close()


def _accept(listener: socket.socket, server: tuple[str, int], seconds: float) -> None:
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        upstream = socket.create_connection(server)
        for one, other in ((client, upstream), (upstream, client)):
            one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            _forward(one, other, seconds)


def _forward(source: socket.socket, target: socket.socket, seconds: float) -> None:
    """Sends on what comes from a socket, later; what comes together also arrives together."""
    under_way: queue.Queue[tuple[float, bytes]] = queue.Queue()

    def read() -> None:
        data = b"first"
        while data:
            try:
                data = source.recv(_CHUNK)
            except OSError:
                data = b""
            under_way.put((time.monotonic() + seconds, data))

    def write() -> None:
        while True:
            due, data = under_way.get()
            time.sleep(max(0.0, due - time.monotonic()))
            try:
                if not data:
                    target.shutdown(socket.SHUT_WR)
                    return
                target.sendall(data)
            except OSError:
                return

    threading.Thread(target=read, daemon=True).start()
    threading.Thread(target=write, daemon=True).start()
