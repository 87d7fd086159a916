"""What was done decides how a command ends, whatever its output can show or take."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.cli import main
from fiftyone_snapshots.cli.table import ANSWERING, COMMANDS
from support.datasets import image_dataset

NAME = "Füchse 数据集"
COMMAND = Path(sys.executable).with_name("fiftyone-snapshots")

End = Callable[..., tuple[int, str]]


@pytest.fixture
def dataset() -> fo.Dataset:
    return image_dataset(NAME, 4, persistent=True)


@pytest.fixture(params=["ascii", "cp1252"])
def narrow(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> End:
    """Runs a command whose output has a small alphabet, and returns how it ended."""

    def run(*arguments: str) -> tuple[int, str]:
        written = io.BytesIO()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=request.param))
            return main(list(arguments)), written.getvalue().decode(request.param)

    return run


def test_names_that_the_output_cannot_show(dataset: fo.Dataset, narrow: End) -> None:
    for arguments in (
        ("create", NAME, "第一版"),
        ("create", NAME, "第二版"),
        ("list", NAME),
        ("revert", NAME, "第一版", "--yes"),
        ("undo-revert", NAME),
        ("verify", NAME),
        ("diff", NAME, "第一版"),
        ("delete", NAME, "第二版", "--yes"),
    ):
        code, text = narrow(*arguments)
        assert code == 0, arguments
        assert "\\u6570\\u636e\\u96c6" in text or "\\u7248" in text, (arguments, text)
    assert fos.list_snapshots(NAME) == ["第一版"]
    assert narrow("diff", NAME, "nothing")[0] == 1


def test_json_is_plain_ascii(dataset: fo.Dataset, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["create", NAME, "第一版", "--json"]) == 0
    text = capsys.readouterr().out
    assert text.isascii()
    assert json.loads(text)["name"] == "第一版"


@pytest.mark.parametrize("closed", [False, True])
def test_an_output_that_takes_nothing(
    closed: bool,
    dataset: fo.Dataset,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    def run(*arguments: str) -> int:
        with monkeypatch.context() as patch:
            if closed:
                patch.setattr(sys, "stdout", None)
                return main(list(arguments))
            with Path("/dev/full").open("w", encoding="utf-8") as full:
                patch.setattr(sys, "stdout", full)
                return main(list(arguments))

    for name in ("v1", "v2"):
        assert run("create", NAME, name) == 0
        assert "could not be written" in capsys.readouterr().err
    assert run("delete", NAME, "v2", "--yes") == 0
    assert fos.list_snapshots(NAME) == ["v1"]
    dataset.tag_samples("x")
    assert run("list", NAME) == 1
    assert run("diff", NAME, "v1", "--exit-code") == 3


def test_the_program_has_no_traceback_for_it(dataset: fo.Dataset) -> None:
    for redirection in (">/dev/full", ">&-", ">&- 2>&-"):
        ended = subprocess.run(
            ["sh", "-c", f'exec "{COMMAND}" create "{NAME}" "v {len(redirection)}" {redirection}'],
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, (redirection, ended.stderr)
        assert "Traceback" not in ended.stderr
        assert "Exception ignored" not in ended.stderr
    assert len(fos.list_snapshots(NAME)) == 3


def test_those_that_only_answer_are_commands() -> None:
    assert {command.name for command in COMMANDS} >= ANSWERING
    assert not {command.name for command in COMMANDS if command.destroys} & ANSWERING


def _start(tmp_path: Path, before: str, *arguments: str, **settings: str) -> tuple[int, str]:
    """Runs the program where FiftyOne has to start a MongoDB of its own."""
    program = (
        f"import sys\n{before}\nimport fiftyone_snapshots_command as command\n"
        f"sys.argv = {['fiftyone-snapshots', *arguments]!r}\nsys.exit(command.main())"
    )
    own = {key: value for key, value in os.environ.items() if key != "FIFTYONE_DATABASE_URI"}
    ended = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", program],
        env={**own, "FIFTYONE_DATABASE_DIR": str(tmp_path / "db"), **settings},
        capture_output=True,
        text=True,
        check=False,
    )
    return ended.returncode, ended.stdout + ended.stderr


def test_a_system_for_which_fiftyone_brings_no_mongodb(tmp_path: Path) -> None:
    bare = f"import fiftyone.constants as c; c.FIFTYONE_DB_BIN_DIR = {str(tmp_path)!r}"
    code, text = _start(tmp_path, bare, "list")
    assert (code, len(text.splitlines())) == (3, 1)
    assert "Install MongoDB and set FIFTYONE_DATABASE_URI" in text


def test_a_database_folder_that_cannot_be_written_to(tmp_path: Path) -> None:
    nowhere = {"FIFTYONE_DATABASE_DIR": "/proc/nowhere"}
    code, text = _start(tmp_path, "", "create", "x", "v1", **nowhere)
    assert (code, len(text.splitlines())) == (3, 1)
    assert "Set FIFTYONE_DATABASE_DIR" in text
    assert _start(tmp_path, "", "verify", **nowhere)[0] == 4
    code, text = _start(tmp_path, "", "doctor", **nowhere)
    assert code == 3
    assert "Traceback" not in text
    assert "Set FIFTYONE_DATABASE_DIR" in text


def test_a_graphql_core_that_fiftyone_cannot_use(tmp_path: Path) -> None:
    (tmp_path / "graphql").mkdir()
    (tmp_path / "graphql" / "__init__.py").touch()
    about = tmp_path / "graphql_core-3.3.2.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: graphql-core\nVersion: 3.3.2\n")
    code, text = _start(tmp_path, "", "doctor", PYTHONPATH=str(tmp_path))
    assert (code, len(text.splitlines())) == (3, 1)
    assert "pip install 'graphql-core<3.3'" in text


def test_what_would_command_the_terminal_is_shown(
    dataset: fo.Dataset, capsys: pytest.CaptureFixture[str]
) -> None:
    evil = "a\x1b[2J\x1b]0;b\x07\rc\x9b1m"
    fos.create_snapshot(NAME, "v1", description=evil)
    for arguments in (["list", NAME], ["info", NAME, "v1"], ["search"], ["info", NAME, evil]):
        main(arguments)
        written = "".join(capsys.readouterr())
        assert "a\\x1b[2J" in written, arguments
        assert not set(evil) & set(written) & set("\x1b\x07\r\x9b"), arguments
    assert main(["info", NAME, "v1", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["description"] == evil
