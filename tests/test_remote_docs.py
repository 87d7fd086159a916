"""The story of docs/remote.md: two MongoDB servers, one remote, two processes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import fiftyone as fo

import fiftyone_snapshots as fos
from support.datasets import image_dataset
from support.docs import check_python
from support.environment import ROOT
from support.mongod import Mongod

PAGE = ROOT / "docs" / "remote.md"

_SESSION = re.compile(r"^```python\n(>>> # (\w+)\n.*?)^```", re.MULTILINE | re.DOTALL)

_BEN = """
import os, sys
from pathlib import Path
sys.path[:0] = [{tests!r}]
from support.environment import isolate
isolate(Path({home!r}), uri={uri!r}, database="ben")
os.environ["FIFTYONE_SNAPSHOTS_MEDIA"] = "none"
from support.docs import check_python
import fiftyone as fo
import fiftyone_snapshots as fos
for page in sys.stdin:
    try:
        check_python(Path(page.strip()), {{"remote": {remote!r}, "fo": fo, "fos": fos}})
    except BaseException as error:
        print(repr(error), file=sys.stderr)
        raise
    print("done", flush=True)
"""


def test_the_story_of_two_servers(tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    remote.mkdir()
    image_dataset("digits", 6, persistent=True)
    with Mongod(tmp_path / "ben-db", cache_gb=0.25) as server:
        program = _BEN.format(
            tests=str(ROOT / "tests"),
            home=str(tmp_path / "ben"),
            uri=server.uri,
            remote=str(remote),
        )
        with subprocess.Popen(
            [sys.executable, "-c", program],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=dict(os.environ),
            text=True,
        ) as ben:
            assert ben.stdin is not None
            assert ben.stdout is not None
            sessions = _SESSION.findall(PAGE.read_text())
            assert [who for _, who in sessions] == ["Anna", "Ben", "Anna", "Anna", "Ben"]
            for number, (session, who) in enumerate(sessions):
                page = tmp_path / f"{number}.md"
                page.write_text(f"```python\n{session}```\n")
                if who == "Anna":
                    check_python(page, {"remote": str(remote), "fo": fo, "fos": fos})
                    continue
                print(page, file=ben.stdin, flush=True)
                assert ben.stdout.readline().strip() == "done"
            ben.stdin.close()
            assert ben.wait(60) == 0
