"""Arrows point one way: panels -> operators -> management -> backend, and cli -> management."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.environment import ROOT

LAYERS = ["backend", "management", "operators", "panels"]

# What may be imported besides what the arrows say: the names of errors, and how things are told
PLAIN = ("backend.errors", "backend.names", "backend.serialize", "backend.tables", "backend.times")


def modules(layer: str) -> Iterator[Path]:
    path = ROOT / layer
    yield from path.rglob("*.py") if path.is_dir() else [path.with_suffix(".py")]


def imports(module: Path) -> Iterator[str]:
    """Yields what a module imports from this package, as dotted names below its root."""
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
