"""The files that a 3D scene is made of: a ``.fo3d`` file names them."""

from __future__ import annotations

import json
import logging
import os
import stat
from collections.abc import Iterator, Mapping
from typing import Any

from . import look

ENDING = ".fo3d"

MOST_BYTES = 256 * 1024 * 1024
"""A scene that is larger is none."""

logger = logging.getLogger(__name__)


def files_of(path: str) -> list[str]:
    """Lists the files that a scene refers to.

    Args:
        path: the scene, on this machine

    Returns:
        their paths; none if it cannot be read, which its own fingerprint tells
    """
    try:
        # Not read with FiftyOne, which looks into no scene that a later version has written
        with open(path, "rb", opener=look.opened_at_once) as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                return []
            scene = json.loads(file.read(MOST_BYTES))
    except (OSError, ValueError, RecursionError) as error:
        logger.debug("The scene '%s' was not read: %s", path, error)
        return []
    folder = os.path.dirname(path)  # noqa: PTH120
    named = dict.fromkeys(_named(scene))
    return [
        each if _leads_anywhere(each) else os.path.normpath(f"{folder}/{each}") for each in named
    ]


def renamed(content: bytes, paths: Mapping[str, str]) -> bytes:
    """Makes a scene name other files, where it names any by whole paths.

    Args:
        content: the scene
        paths: new paths by former ones

    Returns:
        the scene; the same bytes if nothing is other or it cannot be read
    """
    try:
        scene = json.loads(content)
        wanted = {each: paths[each] for each in _named(scene) if each in paths}
        if not wanted:
            return content
        new = _replaced(scene, wanted)
        text = _replaced_in_text(content.decode(), wanted)
        # So that naming the former files again gives the same bytes again
        if json.loads(text) == new:
            return text.encode()
    except (ValueError, RecursionError):
        return content
    return json.dumps(new).encode()


def named_in(content: bytes) -> list[str]:
    """Lists the files that a scene refers to, as it names them.

    Args:
        content: the scene

    Returns:
        their names; none if it cannot be read
    """
    try:
        return list(dict.fromkeys(_named(json.loads(content))))
    except (ValueError, RecursionError):
        return []


def _replaced_in_text(scene: str, paths: Mapping[str, str]) -> str:
    for former, new in paths.items():
        for is_ascii in (False, True):
            text = json.dumps(former, ensure_ascii=is_ascii)
            scene = scene.replace(text, json.dumps(new, ensure_ascii=is_ascii))
    return scene


def _replaced(value: Any, paths: Mapping[str, str], key: str = "") -> Any:
    if isinstance(value, dict):
        return {
            name: _replaced(inner, paths, _inner_key(key, name)) for name, inner in value.items()
        }
    if isinstance(value, list):
        return [_replaced(inner, paths, key) for inner in value]
    return paths.get(value, value) if isinstance(value, str) and _names_file(key) else value


def _named(value: Any, key: str = "") -> Iterator[str]:
    """Yields the values of keys such as ``gltfPath``, and the images around a scene."""
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from _named(inner, _inner_key(key, name))
    elif isinstance(value, list):
        for inner in value:
            yield from _named(inner, key)
    elif isinstance(value, str) and value and _names_file(key):
        yield value


def _inner_key(key: str, name: str) -> str:
    return key if key == "background" and name == "cube" else name


def _names_file(key: str) -> bool:
    return key.endswith("Path") or key in _IMAGES


_IMAGES = ("image", "cube", "background")


def _leads_anywhere(path: str) -> bool:
    return path.startswith("/") or "://" in path
