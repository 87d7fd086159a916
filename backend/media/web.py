"""Asking servers of other systems over HTTP."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException, HTTPResponse
from typing import Any
from urllib.parse import urlsplit

_SECONDS = 60
_MOST_BYTES = 64 * 1024 * 1024
_MISSING = (404, 410)

_silent: dict[str, float] = {}
"""The servers that did not answer in time, and until when they are not asked again: else each of
thousands of files would be waited for."""


class WebError(Exception):
    """A server did not answer, or refused."""


class _Redirects(urllib.request.HTTPRedirectHandler):
    """Follows redirects, and tells who is asking only to the server that was asked."""

    def redirect_request(
        self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str
    ) -> urllib.request.Request | None:
        # With the body: what was asked is asked there
        if code in (307, 308) and req.data is not None:
            return None
        found = super().redirect_request(req, fp, code, msg, headers, newurl)
        if found is not None and urlsplit(newurl)[:2] != urlsplit(req.full_url)[:2]:
            found.remove_header("Authorization")
        return found


def get(url: str, headers: Mapping[str, str], body: Any = None) -> HTTPResponse | None:
    """Asks a server.

    Args:
        url: the address, of HTTP
        headers: headers
        body (None): what is sent, as JSON

    Returns:
        the answer, to be read and closed; None if there is no such thing

    Raises:
        WebError: if it does not answer, or did not a moment ago, or refuses
    """
    scheme, server = urlsplit(url)[:2]
    if scheme not in ("http", "https"):
        raise WebError(f"{url[:80]!r} is no address of HTTP")
    if time.monotonic() < _silent.get(server, 0):
        raise WebError(f"{server} did not answer a moment ago")
    data = None if body is None else json.dumps(body).encode()
    kind = {} if data is None else {"Content-Type": "application/json"}
    request = urllib.request.Request(url, data, {**headers, **kind})  # noqa: S310 (looked at above)
    try:
        opened: HTTPResponse = urllib.request.build_opener(_Redirects).open(
            request, timeout=_SECONDS
        )
    except urllib.error.HTTPError as error:
        error.close()
        if error.code in _MISSING:
            return None
        raise WebError(f"{server} answers {error.code}") from error
    except (OSError, HTTPException, ValueError) as error:
        if isinstance(getattr(error, "reason", error), TimeoutError):
            _silent[server] = time.monotonic() + _SECONDS
        raise WebError(f"{server} does not answer: {error}") from error
    _silent.pop(server, None)
    return opened


def get_json(url: str, headers: Mapping[str, str], body: Any = None) -> Any:
    """Asks a server for JSON.

    Args:
        url: the address
        headers: headers
        body (None): what is sent, as JSON

    Returns:
        what it told; None if there is no such thing

    Raises:
        WebError: if it does not answer, refuses, or tells something else
    """
    opened = get(url, headers, body)
    if opened is None:
        return None
    try:
        with opened:
            return json.loads(opened.read(_MOST_BYTES))
    except (OSError, HTTPException, ValueError, RecursionError) as error:
        raise WebError(f"{urlsplit(url).netloc} answers what is no JSON: {error}") from error
