"""The two locks of packages: what everything needs, and what tests of other tools need besides."""

from __future__ import annotations

import re

from support.environment import ROOT


def packages(lock: str) -> set[str]:
    return set(re.findall(r"^([a-z0-9._-]+)==", (ROOT / lock).read_text(), re.MULTILINE))


def test_the_second_lock_changes_nothing_that_the_first_one_has() -> None:
    first, second = packages("requirements.lock"), packages("requirements-integrations.lock")
    assert {"fiftyone", "numpy"} <= first
    assert {"mlflow-skinny", "mlcroissant"} <= second
    assert not first & second


def test_nothing_is_installed_without_a_hash() -> None:
    for lock in ("requirements.lock", "requirements-integrations.lock"):
        pinned = re.findall(r"^[a-z0-9._-]+==.*", (ROOT / lock).read_text(), re.MULTILINE)
        assert all(line.endswith("\\") for line in pinned), lock
