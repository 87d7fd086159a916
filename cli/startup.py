"""Why FiftyOne cannot be imported, in a line.

Nothing here imports it, as that has just failed.
"""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

_GRAPHQL = (3, 3)
"""The first version of graphql-core without what FiftyOne imports from it."""


class StartError(Exception):
    """FiftyOne cannot be imported; the message says why, and what to do."""


def explained() -> StartError | None:
    """Says in our words why FiftyOne cannot be imported.

    Returns:
        the error for people, or None if it is none that is known
    """
    found = _version("graphql-core")
    numbers = found.split(".")[:2]
    if all(number.isdigit() for number in numbers) and tuple(map(int, numbers)) >= _GRAPHQL:
        return StartError(
            f"FiftyOne {_version('fiftyone')} does not work with graphql-core {found}, which is "
            "installed. Install another one: pip install 'graphql-core<3.3'"
        )
    return None


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "?"
