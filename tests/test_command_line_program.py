"""The command line as a program: help, questions, exit codes, and what is printed where."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest

import fiftyone_snapshots as fos
from fiftyone_snapshots.backend.results import tables
from fiftyone_snapshots.cli import output, table, verbs
from support.command_line import Run, in_this_process
from support.datasets import image_dataset

NAME = "Füchse 数据集"
COMMAND = Path(sys.executable).with_name("fiftyone-snapshots")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    return in_this_process(capsys)


@pytest.fixture
def dataset() -> fo.Dataset:
    return image_dataset(NAME, 4, persistent=True)


def execute(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """Runs the installed program as shells do, with nobody to be asked."""
    return subprocess.run(
        [COMMAND, *arguments],
        env={**os.environ, **environment},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_every_command_has_a_function_and_help(run: Run) -> None:
    for command in table.COMMANDS:
        assert callable(getattr(verbs, command.function))
        is_told = command.destroys or command.previews
        assert callable(getattr(verbs, f"preview_{command.function}", None)) is is_told
        ended = run(*command.name.split(), "--help")
        assert ended.code == 0
        assert "--json" in ended.out
        assert ("--dry-run" in ended.out) is is_told
    functions = {
        name
        for name, value in vars(verbs).items()
        if callable(value) and getattr(value, "__module__", "").startswith(verbs.__name__)
    }
    public = {name for name in functions if not name.startswith(("_", "preview_", "asks_"))}
    assert public == {command.function for command in table.COMMANDS}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["revert", "--help"], ["bogus"], []]
)
def test_help_and_usage_do_not_import_fiftyone(arguments: list[str]) -> None:
    program = (
        "import sys\nimport fiftyone_snapshots_command as command\n"
        f"sys.argv = ['fiftyone-snapshots', *{arguments!r}]\n"
        "try: code = command.main()\n"
        "except SystemExit as ended: code = ended.code or 0\n"
        "slow = {'fiftyone', 'pymongo', 'numpy'} & set(sys.modules)\n"
        "assert not slow, slow\nsys.exit(code)"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, check=False)
    expected = 0 if set(arguments) & {"--help", "--version"} else 2
    assert ended.returncode == expected, ended.stderr


def test_shells_complete_commands_and_options_without_fiftyone(tmp_path: Path) -> None:
    answers = tmp_path / "answers"

    def complete(line: str) -> set[str]:
        program = (
            "import os, sys\n"
            "os._exit = lambda code: (sys.stderr.write(' '.join(sys.modules)), sys.exit(code))\n"
            "import fiftyone_snapshots_command as command\ncommand.main()"
        )
        environment = {
            "_ARGCOMPLETE": "1",
            "_ARGCOMPLETE_STDOUT_FILENAME": str(answers),
            "_ARGCOMPLETE_IFS": "\n",
            "COMP_LINE": line,
            "COMP_POINT": str(len(line)),
        }
        ended = subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, **environment},
            capture_output=True,
            text=True,
            check=True,
        )
        assert "fiftyone.core" not in ended.stderr
        assert "argcomplete" in ended.stderr
        return {word.strip() for word in answers.read_text().splitlines()}

    assert complete("fiftyone-snapshots re") == {
        "restore", "restore-samples", "revert", "recover", "remote", "resolve",
    }  # fmt: skip
    assert complete("fiftyone-snapshots delete a b --d") == {"--dry-run"}


def test_the_installed_program(dataset: fo.Dataset) -> None:
    ended = execute("create", NAME, "第一版", "--tag", "gold", "--json")
    assert ended.returncode == 0, ended.stderr
    created = json.loads(ended.stdout)
    assert (created["name"], created["tags"]) == ("第一版", ["gold"])
    assert created["created_at"].endswith("+00:00")
    # What else it does is tried in this process: it takes seconds to start
    assert fos.list_snapshots(NAME) == ["第一版"]
    unknown = execute("info", NAME, "v2")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr.splitlines()[-1].startswith("error: Dataset")
    assert "Traceback" not in unknown.stderr


def test_what_it_lists_and_what_it_refuses(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "第一版")
    listed = run("list", NAME)
    assert listed.code == 0
    assert "第一版" in listed.out
    refused = run("delete", NAME, "第一版")
    assert refused.code == 2
    assert "pass --yes" in refused.err
    assert fos.list_snapshots(NAME) == ["第一版"]


def test_as_a_module(dataset: fo.Dataset) -> None:
    fos.create_snapshot(dataset, "v1")
    ended = subprocess.run(
        [sys.executable, "-m", "fiftyone_snapshots", "info", NAME, "v1", "--json"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(ended.stdout)["name"] == "v1"


def test_hooks_are_installed_in_the_program(dataset: fo.Dataset) -> None:
    ended = execute("doctor", "--json")
    findings = {item["subject"]: item for item in json.loads(ended.stdout)["findings"]}
    assert findings["hooks"]["severity"] == "ok"
    assert findings["package"]["severity"] == "ok"


def test_a_server_that_cannot_be_reached() -> None:
    uri = "mongodb://127.0.0.1:1/?serverSelectionTimeoutMS=300"
    ended = execute("list", "x", FIFTYONE_DATABASE_URI=uri)
    assert ended.returncode == 1
    assert "FIFTYONE_DATABASE_URI" in ended.stderr.splitlines()[-1]
    assert "Traceback" not in ended.stderr


def test_without_a_terminal_nothing_that_destroys_is_done(
    dataset: fo.Dataset, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fos.create_snapshot(dataset, "v1")
    fos.create_snapshot(dataset, "v2")
    fos.delete_snapshot(dataset, "v2")
    dataset.tag_samples("x")
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    for command in (["delete", NAME, "v1"], ["revert", NAME, "v1"], ["empty-trash", NAME]):
        ended = run(*command)
        assert (ended.code, ended.out) == (2, "")
        assert "--yes" in ended.err
    assert fos.list_snapshots(NAME) == ["v1"]
    assert len(fos.list_trash(NAME)) == 1
    assert "x" in dataset.distinct("tags")


def test_what_cannot_be_done_is_told_before_anybody_is_asked(
    dataset: fo.Dataset, run: Run
) -> None:
    fos.create_snapshot(dataset, "v1")
    for command, reason in (
        (["prune", NAME], "Without a rule"),
        (["revert", NAME, "v2"], "no snapshot 'v2'"),
        (["delete", NAME, "v2"], "no snapshot 'v2'"),
    ):
        ended = run(*command)
        assert ended.code == 1
        assert reason in ended.err
        assert "--yes" not in ended.err


def test_an_undo_that_reverts_again_asks(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    fos.create_snapshot(dataset, "v2")
    dataset.tag_samples("x")
    assert run("revert", NAME, "v1", "--yes").code == 0
    told = run("undo-revert", NAME, "--dry-run").out
    assert "has discarded" in told
    assert "snapshots that come back: v2" in told
    assert "Brought back" in run("undo-revert", NAME).out

    again = run("undo-revert", NAME)
    assert again.code == 2
    assert "to 'v1' again" in again.err
    assert "snapshots that are deleted: v2" in again.err
    assert fos.list_snapshots(NAME) == ["v1", "v2"]
    assert "x" in dataset.distinct("tags")

    redone = run("undo-revert", NAME, "--yes")
    assert (redone.code, fos.list_snapshots(NAME)) == (0, ["v1"])
    assert redone.out.startswith(f"Rolled '{NAME}' back to 'v1' again.")


def test_restoring_samples_is_previewed(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    ids = dataset.values("id")[:2]
    dataset.select(ids).tag_samples("x")
    told = run("restore-samples", NAME, "v1", *ids, "--dry-run").out
    assert "0 samples come back, 2 are restored" in told
    assert len(dataset.match_tags("x")) == 2
    assert run("restore-samples", NAME, "v1", *ids).code == 0
    assert "2 samples become what they were" in run("undo-restore", NAME, "--dry-run").out
    assert len(dataset.match_tags("x")) == 0


@pytest.mark.parametrize(("said", "code"), [("y\n", 0), ("YES\n", 0), ("n\n", 1), ("\n", 1)])
def test_on_a_terminal_it_asks(
    said: str, code: int, dataset: fo.Dataset, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fos.create_snapshot(dataset, "v1")
    ours, theirs = pty.openpty()
    os.write(ours, said.encode())
    with os.fdopen(theirs) as terminal:
        monkeypatch.setattr(sys, "stdin", terminal)
        ended = run("delete", NAME, "v1")
    os.close(ours)
    assert ended.code == code, ended.err
    assert "Would delete snapshot 'v1'" in ended.err
    assert "Go on? [y/N]" in ended.err
    assert fos.list_snapshots(NAME) == ([] if code == 0 else ["v1"])


def test_what_others_print_does_not_get_into_the_answer(
    dataset: fo.Dataset, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    original = fos.management.list_trash

    def noisy(*arguments: Any) -> Any:
        print("noise")
        return original(*arguments)

    monkeypatch.setattr(fos.management, "list_trash", noisy)
    ended = run("trash", "--json")
    assert ended.json == []
    assert "noise" in ended.err


def test_readers_that_have_had_enough(dataset: fo.Dataset) -> None:
    fos.create_snapshot(dataset, "v1")
    ended = subprocess.run(
        ["sh", "-c", f'"{COMMAND}" list "{NAME}" | sh -c "exec <&-; sleep 0"'],
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.stderr == ""


def test_progress_is_drawn_for_those_who_see_it(
    dataset: fo.Dataset, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    assert run("create", NAME, "v0").err == ""
    for command in (["create", NAME, "v1"], ["revert", NAME, "v0", "--yes"], ["verify", NAME]):
        screen = Terminal()
        monkeypatch.setattr(sys, "stderr", screen)
        assert run(*command).code == 0
        monkeypatch.undo()
        assert "%" in screen.getvalue(), command
        assert screen.getvalue().endswith("\r\033[K"), command


def test_ctrl_c_is_no_traceback(
    dataset: fo.Dataset, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fos.management, "create_snapshot", interrupt)
    assert run("create", NAME, "v1").code == 130


def test_what_is_mistyped(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "labelled")
    assert "Did you mean 'create'?" in run("crate", NAME, "v1").err
    assert run("list", f"{NAME}x").err.endswith(f"not found. Did you mean '{NAME}'?\n")
    for command in (["info"], ["load"], ["delete", "--yes"], ["delete", "-n"], ["diff"], ["hash"]):
        ended = run(command[0], NAME, "labeled", *command[1:])
        assert ended.code == 1, command
        assert "it has: labelled. Did you mean 'labelled'?" in ended.err, command


@pytest.mark.parametrize(
    "arguments",
    [
        ("undoable", "mode", NAME, "maybe"),
        ("media", "capture", NAME, "v1", "--level", "hsh"),
        ("card", NAME, "v1", "--format", "html"),
        ("create", NAME, "v1", "--media", "foo"),
    ],
)
def test_a_choice_that_there_is_not_is_wrong_usage(arguments: tuple[str, ...], run: Run) -> None:
    ended = run(*arguments)
    assert ended.code == 2
    assert f"invalid choice: '{arguments[-1]}' (choose from" in ended.err
    assert not ended.out


def test_numbers_that_nobody_can_mean(run: Run) -> None:
    for arguments in (
        *(["events", "--limit", "-1"], ["prune", "x", "--keep-last", "many"]),
        *(["prune", "x", "--older-than", number] for number in ("nan", "inf", "-1", "1e300")),
        ["operations", "x", "--ended-within", "-5"],
    ):
        ended = run(*arguments)
        assert (ended.code, ended.out) == (2, ""), arguments
        assert "invalid number" in ended.err, arguments
    for arguments in (["search", "--until", "9999-12-31"], ["events", "--since", "0001-01-01"]):
        assert "invalid time value" in run(*arguments).err


def test_without_a_command_it_shows_help(run: Run) -> None:
    ended = run()
    assert ended.code == 2
    assert "move a snapshot to the trash" in ended.out


@pytest.mark.parametrize("group", ["branch", "merge", "undoable"])
def test_without_a_command_of_a_group_it_shows_the_help_of_that(group: str, run: Run) -> None:
    ended = run(group)
    assert ended.code == 2
    assert f"usage: fiftyone-snapshots {group} [-h] COMMAND" in ended.out
    assert "list" in ended.out
    assert not ended.err


def test_nobody_is_asked_where_nothing_would_go(
    dataset: fo.Dataset, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
    fos.create_snapshot(dataset, "v1")
    assert run("empty-trash", NAME).out == "The trash is empty\n"
    assert "0 of 1 snapshots deleted" in run("prune", NAME, "--keep-last", "1").out


def test_the_log_is_not_written_over_another_file(
    dataset: fo.Dataset, run: Run, tmp_path: Path
) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text("precious")
    assert "exists already" in run("export-events", str(path)).err
    assert path.read_text() == "precious"


def test_tables_fit_the_terminal() -> None:
    rows = [("数据一二三四五六", "two words and more of them", "x")]
    text = tables.table(("name", "description", "n"), rows, 30)
    assert text.splitlines() == [
        "name          description    n",
        "------------  -------------  -",
        "数据一二三四  two words and  x",
        "五六          more of them",
    ]
    assert max(map(tables.width, text.splitlines())) <= 30
    assert tables.table(("name",), [("x" * 40,)], None).splitlines()[-1] == "x" * 40


def test_tables_are_aligned_in_any_script() -> None:
    text = output.table(("a", "b"), [("数据", 1), ("e\u0301", 2), ("x\ny", 3)], "none")
    assert text.splitlines() == ["a     b", "----  -", "数据  1", "e\u0301     2", "x y   3"]
    assert output.table(("a",), [], "none") == "none"
