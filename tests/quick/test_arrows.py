"""Arrows point one way: panels -> operators -> management -> backend, and cli -> management."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import re
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

import pytest

from support.environment import ROOT

PACKAGE = "fiftyone_snapshots"

LAYERS = ["backend", "management", "operators", "panels"]

# What may be imported besides what the arrows say: the names of errors and of what can be done,
# and how things are told
PLAIN = (
    "backend.actions",
    "backend.errors",
    "backend.results",
    "backend.catalog.names",
)


def modules(layer: str) -> Iterator[Path]:
    path = ROOT / layer
    yield from path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]


@cache
def imports(module: Path) -> tuple[str, ...]:
    """Returns what a module imports from this package, as dotted names below its root."""
    return tuple(_imports(module))


def _imports(module: Path) -> Iterator[str]:
    package = [*module.relative_to(ROOT).parent.parts]
    for node in ast.walk(ast.parse(module.read_text())):
        if isinstance(node, ast.ImportFrom) and node.level:
            start = package[: len(package) - node.level + 1]
            base = [*start, *(node.module or "").split(".")]
            for alias in node.names:
                yield ".".join(part for part in [*base, alias.name] if part)


def imported_layers(layer: str) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for module in modules(layer):
        for name in imports(module):
            found.setdefault(name.split(".")[0], set()).add(f"{module.relative_to(ROOT)}: {name}")
    return found


@pytest.mark.parametrize("layer", LAYERS)
def test_no_layer_imports_one_above_it(layer: str) -> None:
    above = {*LAYERS[LAYERS.index(layer) + 1 :], "cli", "install"}
    wrong = [found for name, found in imported_layers(layer).items() if name in above]
    assert not wrong


def test_the_command_line_uses_the_sdk_alone() -> None:
    found = imported_layers("cli")
    assert "management" in found
    for name, places in found.items():
        assert name in ("cli", "management") or all(
            any(f": {plain}" in place for plain in PLAIN) for place in places
        ), places


def test_only_the_guard_hooks_into_fiftyone() -> None:
    """Whoever replaces functions needs the table of hooks, which only the doctor reads besides."""
    users = {
        str(module.relative_to(ROOT))
        for module in modules("backend")
        for name in imports(module)
        if name.startswith("backend.guard") and "guard" not in module.parts
    }
    assert users == {"backend/doctor.py"}


#: The rooms of the backend, from the ground up: each may import those before it, no other.
ROOMS = [
    *("errors", "actions", "version", "config", "faults", "progress", "results"),
    *("rawbson", "mongo", "dataset", "access", "catalog", "manifest", "operations", "storage"),
    *(
        "archive",
        "audit",
        "projection",
        "media",
        "diff",
        "search",
        "trackers",
        "trash",
        "guard",
        "snapshots",
    ),
    *(
        "snapshots",
        "revert",
        "restore",
        "branches",
        "remote",
        "cards",
        "merge",
        "undo",
        "overview",
        "maintenance",
        "purge",
        "doctor",
    ),
]


def room_of(parts: Sequence[str]) -> str:
    return parts[1] if len(parts) > 1 else "__init__"


def test_every_place_in_the_backend_has_its_floor() -> None:
    places = {
        path.stem if path.suffix == ".py" else path.name
        for path in (ROOT / "backend").iterdir()
        if path.suffix == ".py" or (path / "__init__.py").exists()
    }
    assert places == {*ROOMS, "__init__"}


def test_a_room_imports_only_from_rooms_below_it() -> None:
    wrong = []
    for module in modules("backend"):
        own = room_of(module.relative_to(ROOT).with_suffix("").parts)
        for name in imports(module):
            other = room_of(name.split("."))
            if own not in (other, "__init__") and ROOMS.index(other) > ROOMS.index(own):
                wrong.append(f"{module.relative_to(ROOT)}: {name}")
    assert not wrong


def test_no_room_is_without_a_word_of_what_it_is_for() -> None:
    for room in (ROOT / "backend").glob("*/__init__.py"):
        assert ast.get_docstring(ast.parse(room.read_text())), room


def test_the_backend_opens_on_few_modules() -> None:
    """Whoever opens it sees rooms, and what belongs to none."""
    assert len(list((ROOT / "backend").glob("*.py"))) <= 10


def test_modules_have_one_subject() -> None:
    """A module above 400 lines is two."""
    layers = [*LAYERS, "cli", "testing"]
    lengths = {
        str(module.relative_to(ROOT)): len(module.read_text().splitlines())
        for layer in layers
        for module in modules(layer)
    }
    assert not {name: length for name, length in lengths.items() if length > 400}


@pytest.mark.parametrize("folder", ["benchmarks", "demo"])
def test_what_is_run_by_hand_imports_what_there_is(folder: str) -> None:
    for path in (ROOT / folder).glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(PACKAGE):
                module = importlib.import_module(str(node.module))
                for alias in node.names:
                    inner = f"{node.module}.{alias.name}"
                    is_there = hasattr(module, alias.name) or importlib.util.find_spec(inner)
                    assert is_there, f"{path.name} imports {inner}"


def test_every_package_is_shipped() -> None:
    listed = re.findall(
        r'^    "fiftyone_snapshots\.(.+)",$', (ROOT / "pyproject.toml").read_text(), re.MULTILINE
    )
    there = {
        ".".join(init.relative_to(ROOT).parent.parts)
        for layer in (*LAYERS, "cli", "testing")
        for init in (ROOT / layer).rglob("__init__.py")
    }
    assert there == set(listed)
