"""The command line: every verb, for people and for programs."""

from __future__ import annotations

import io
import json
import os
import pty
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import fiftyone as fo
import pytest
from pymongo.database import Database

import fiftyone_snapshots as fos
from fiftyone_snapshots.cli import main, output, table, verbs
from support.crash import killed_at
from support.datasets import grouped_dataset, image_dataset, video_dataset
from support.docs import check_console
from support.environment import ROOT
from support.full import Document

NAME = "Füchse 数据集"
COMMAND = Path(sys.executable).with_name("fiftyone-snapshots")


class Ended:
    """What a command has said and how it has ended."""

    def __init__(self, code: int, captured: Any) -> None:
        self.code = code
        self.out: str = captured.out
        self.err: str = captured.err

    @property
    def json(self) -> Any:
        """What it has printed, which is one JSON document and nothing else."""
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs a command in this process."""

    def run(*arguments: str) -> Ended:
        capsys.readouterr()
        try:
            code = main(list(arguments))
        except SystemExit as ended:
            code = int(ended.code or 0)
        return Ended(code, capsys.readouterr())

    return run


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


# The program


def test_every_command_has_a_function_and_help(run: Run) -> None:
    for command in table.COMMANDS:
        assert callable(getattr(verbs, command.function))
        assert callable(getattr(verbs, f"preview_{command.function}", None)) is command.destroys
        ended = run(command.name, "--help")
        assert ended.code == 0
        assert "--json" in ended.out
        assert ("--dry-run" in ended.out) is command.destroys
    functions = {
        name
        for name, value in vars(verbs).items()
        if callable(value) and getattr(value, "__module__", "").startswith(verbs.__name__)
    }
    public = {name for name in functions if not name.startswith(("_", "preview_"))}
    assert public == {command.function for command in table.COMMANDS}


@pytest.mark.parametrize(
    "arguments", [["--help"], ["--version"], ["revert", "--help"], ["bogus"], []]
)
def test_help_and_usage_do_not_import_fiftyone(arguments: list[str]) -> None:
    program = (
        "import sys\nimport fiftyone_snapshots_command as command\n"
        f"sys.argv = ['fiftyone-snapshots', *{arguments!r}]\n"
        "try: command.main()\n"
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
        "restore", "restore-samples", "revert", "recover", "resolve",
    }  # fmt: skip
    assert complete("fiftyone-snapshots delete a b --d") == {"--dry-run"}


def test_the_installed_program(dataset: fo.Dataset) -> None:
    ended = execute("create", NAME, "第一版", "--tag", "gold", "--json")
    assert ended.returncode == 0, ended.stderr
    created = json.loads(ended.stdout)
    assert (created["name"], created["tags"]) == ("第一版", ["gold"])
    assert created["created_at"].endswith("+00:00")
    listed = execute("list", NAME)
    assert listed.returncode == 0
    assert "第一版" in listed.stdout
    refused = execute("delete", NAME, "第一版")
    assert refused.returncode == 2
    assert "say --yes" in refused.stderr
    assert fos.list_snapshots(NAME) == ["第一版"]
    unknown = execute("info", NAME, "v2")
    assert (unknown.returncode, unknown.stdout) == (1, "")
    assert unknown.stderr.splitlines()[-1].startswith("error: Dataset")
    assert "Traceback" not in unknown.stderr


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


@pytest.mark.parametrize(("said", "code"), [("y\n", 0), ("YES\n", 0), ("n\n", 1), ("\n", 1)])
def test_on_a_terminal_it_asks(dataset: fo.Dataset, said: str, code: int) -> None:
    fos.create_snapshot(dataset, "v1")
    ours, theirs = pty.openpty()
    os.write(ours, said.encode())
    ended = subprocess.run(
        [COMMAND, "delete", NAME, "v1"], stdin=theirs, capture_output=True, text=True, check=False
    )
    os.close(ours)
    os.close(theirs)
    assert ended.returncode == code, ended.stderr
    assert "Would delete snapshot 'v1'" in ended.stderr
    assert "Go on? [y/N]" in ended.stderr
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


# The commands


def test_create_list_info(dataset: fo.Dataset, run: Run) -> None:
    ended = run("create", NAME, "v1", "-d", "said of it", "-t", "gold", "--tag", "訓練")
    assert (ended.code, ended.out) == (0, f"Created snapshot 'v1' of '{NAME}' (+4 -0 ~0)\n")
    dataset.tag_samples("x")
    run("create", NAME, "v2")
    listed = run("list", NAME)
    lines = listed.out.splitlines()
    assert lines[0].split() == [
        "snapshot", "created", "by", "samples", "size", "changes", "kept", "tags", "description",
    ]  # fmt: skip
    assert [line.split()[0] for line in lines[2:]] == ["v1", "v2"]
    assert lines[2].endswith("gold, 訓練  said of it")
    entries = run("list", NAME, "--json").json
    assert [entry["name"] for entry in entries] == ["v1", "v2"]
    assert entries[1]["changes"]["num_samples_changed"] == 4
    assert entries[0]["tags"] == ["gold", "訓練"]
    everything = run("list", "--json").json
    assert [(item["dataset_name"], item["name"]) for item in everything] == [
        (NAME, "v1"),
        (NAME, "v2"),
    ]
    info = run("info", NAME, "v1", "--json").json
    assert (info["description"], info["load_status"]) == ("said of it", "LOADED")
    assert "said of it" in run("info", NAME, "v1").out
    assert run("list", "nowhere").code == 1


def test_load(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    grouped = grouped_dataset("groups", 2, 2, persistent=True)
    fos.create_snapshot(grouped, "v1")
    data = run("load", NAME, "v1", "--json").json
    assert (data["name"], data["samples"]) == (f"{NAME}@v1", 4)
    assert "größe" in data["fields"]
    assert f"{NAME}@v1" in run("load", NAME, "v1").out
    assert run("load", "groups", "v1", "--json").json["media_type"] == "group"


def test_edit_and_tags(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1", "old")
    assert run("edit", NAME, "v1", "--name", "w1").code == 0
    assert run("edit", NAME, "w1", "--json").json["description"] == "old"
    assert run("edit", NAME, "w1", "-d", "new", "--json").json["description"] == "new"
    assert run("edit", NAME, "w1", "-d", "", "--json").json["description"] is None
    assert run("tag", NAME, "w1", "a", "b", "--json").json["tags"] == ["a", "b"]
    assert run("untag", NAME, "w1", "a").out == "Its tags are: b\n"


def test_delete_restore_and_empty(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    preview = run("delete", NAME, "v1", "--dry-run")
    assert (preview.code, fos.list_snapshots(NAME)) == (0, ["v1"])
    assert preview.out.startswith("Would delete snapshot 'v1'")
    assert run("delete", NAME, "v1", "--dry-run", "--yes").code == 0
    assert fos.list_snapshots(NAME) == ["v1"]
    deleted = run("delete", NAME, "v1", "--yes")
    assert "can be restored until" in deleted.out
    assert fos.list_snapshots(NAME) == []
    assert run("restore", NAME, "v1").code == 0
    assert run("delete", NAME, "v1", "--yes", "--json").json == {
        "snapshot": "v1",
        "restorable": True,
    }
    (item,) = run("trash", NAME, "--json").json
    assert (item["kind"], item["name"]) == ("snapshot", "v1")
    assert run("empty-trash", NAME, "-n", "--json").json == [item]
    assert "Would destroy for good:" in run("empty-trash", NAME, "-n").out
    assert run("empty-trash", NAME, "-y", "--json").json == [item]
    assert run("trash").out == "The trash is empty\n"
    assert run("delete", NAME, "v1", "-n").code == 1


def test_delete_without_a_trash_says_so(
    dataset: fo.Dataset, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    fos.create_snapshot(dataset, "v1")
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_TRASH_DAYS", "0")
    assert run("delete", NAME, "v1", "--yes").out == "Deleted snapshot 'v1' for good\n"


def test_revert_and_undo(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    dataset.delete_samples([dataset.first().id])
    dataset.add_sample_field("neu", fo.StringField)
    fos.create_snapshot(dataset, "v2")
    plan = run("revert", NAME, "v1", "--dry-run", "--json").json
    assert (plan["samples_to_add_back"], plan["snapshots_to_delete"]) == (1, ["v2"])
    text = run("revert", NAME, "v1", "-n").out
    assert "1 samples come back" in text
    assert "fields that are removed: neu" in text
    assert len(dataset) == 3
    assert "undo-revert" in run("revert", NAME, "v1", "-y").out
    assert (len(dataset), fos.list_snapshots(NAME)) == (4, ["v1"])
    assert run("undo-revert", NAME, "--json").json["snapshots"] == ["v1", "v2"]
    assert len(dataset) == 3


def test_restore_samples(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    ids = dataset.values("id")
    dataset.delete_samples(ids[:1])
    dataset.set_values("größe", [99.0] * 3)
    assert run("restore-samples", NAME, "v1", ids[0], "--json").json["samples_added"] == 1
    ended = run("restore-samples", NAME, "v1", *ids, "-f", "größe", "--json")
    assert ended.json["samples_changed"] == 3
    assert sorted(dataset.values("größe")) == [0.0, 1.0, 2.0, 3.0]


def test_comparing(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    assert run("diff", NAME, "v1", "--exit-code").code == 0
    assert run("changes", NAME, "--cached").out == "+0 -0 ~0, 4 samples\n"
    first = dataset.first()
    first["weather"].label = "foggy"
    first.save()
    assert run("diff", NAME, "v1").code == 0
    different = run("diff", NAME, "v1", "--exit-code", "--json")
    assert (different.code, different.json["changed"]) == (3, 1)
    assert run("changes", NAME, "--exit-code").code == 3
    assert run("changes", NAME, "--json").json["num_samples_changed"] == 1
    fos.create_snapshot(dataset, "v2")
    assert "foggy" in run("diff", NAME, "v1", "v2").out
    history = run("history", NAME, first.id, "--json").json
    assert "v2" in json.dumps(history)
    assert "v2" in run("history", NAME, first.id).out
    assert run("history", NAME, first["weather"].id, "--label").code == 0
    assert run("history", NAME, "0" * 24).code == 1


def test_verify(
    dataset: fo.Dataset,
    run: Run,
    database: Database[Document],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # With it, what damages one snapshot leaves the others alone
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_BACKEND", "duplication")
    assert run("verify", NAME).out == "No snapshots\n"
    for name in ("v1", "v2"):
        fos.create_snapshot(dataset, name)
    assert run("verify", NAME, "v1").code == 0
    record = database["snapshots.catalog"].find_one({"name": "v2"})
    assert record is not None
    database[f"snapshots.masters.{record['_id']}.samples"].delete_one({})
    damaged = run("verify", NAME, "--json")
    assert damaged.code == 3
    assert [report["ok"] for report in damaged.json] == [True, False]
    assert "DAMAGED" in run("verify").out


def test_search(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "第一版", tags=["gold"])
    fos.create_snapshot(video_dataset("videos", 1, 1, persistent=True), "v1")

    def found(*arguments: str) -> list[str]:
        return [item["name"] for item in run("search", *arguments, "--json").json]

    assert found() == ["v1", "第一版"]
    assert found("第一") == ["第一版"]
    assert found("--tag", "gold") == ["第一版"]
    assert found("--since", "2020-01-01", "--label", "turn") == ["v1"]
    assert found("--until", "2020-01-01T12:00:00") == []
    assert found("--field", "frames.objects") == ["v1"]
    assert found("--contains-sample", dataset.first().id) == ["第一版"]
    assert found("--created-by", "nobody else") == []
    assert run("search", "--since", "yesterday").code == 2
    assert run("search", "--contains-sample", "x").code == 1
    assert "第一版" in run("search").out


def test_naming_and_lineage(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    address = run("uri", NAME, "v1").out.strip()
    assert address == fos.snapshot_uri(NAME, "v1")
    assert run("resolve", address, "--json").json == {"dataset": NAME, "snapshot": "v1"}
    assert run("resolve", "v1").code == 1
    assert run("hash", NAME).out == run("hash", NAME, "v1").out
    assert run("lineage", NAME).out == "Nothing is known\n"
    dataset.register_run("run", dataset.init_run(method="x"))
    (known,) = run("lineage", NAME, "run", "--json").json
    assert (known["snapshot_name"], known["head"], known["kind"]) == ("v1", "equal", "custom")
    assert "equal" in run("lineage", NAME).out


def test_operations(dataset: fo.Dataset, run: Run, database: Database[Document]) -> None:
    assert killed_at("create.captured", lambda: fos.create_snapshot(NAME, "v1"))
    ended = run("recover", "--json")
    assert ended.json == {"operations": 1, "deleted_datasets": 0, "stray_collections": 0}
    assert run("operations", NAME).out == "Nothing is under way\n"
    (entry,) = run("operations", NAME, "--ended-within", "600", "--json").json
    assert (entry["verb"], entry["state"]) == ("create", "undone")
    assert run("operation", entry["id"]).out == "create: undone\n"
    assert run("cancel", entry["id"], "--json").json == {"cancelled": False}
    assert run("operation", "x").code == 1


def test_clone(dataset: fo.Dataset, run: Run) -> None:
    fos.create_snapshot(dataset, "v1")
    assert run("clone", NAME, "v1", "copy", "--json").json == {"dataset": "copy", "samples": 4}
    assert fo.dataset_exists("copy")
    again = run("clone", NAME, "v1", "copy")
    assert (again.code, again.out) == (1, "")
    assert "copy" in again.err


def test_convert(dataset: fo.Dataset, run: Run, database: Database[Document]) -> None:
    fos.create_snapshot(dataset, "v1")
    (used,) = database["snapshots.catalog"].distinct("backend")
    other = "duplication" if used == "delta" else "delta"
    assert run("convert", NAME, other).out == f"Moved 1 snapshots of '{NAME}' to {other}\n"
    assert run("convert", NAME, other, "--json").json == {"backend": other, "moved": 0}
    assert database["snapshots.catalog"].distinct("backend") == [other]
    assert run("create", NAME, "v2", "--trust-timestamps").code == 0
    unknown = run("convert", NAME, "git")
    assert (unknown.code, unknown.out) == (1, "")
    assert "git" in unknown.err


def test_ctrl_c_is_no_traceback(
    dataset: fo.Dataset, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(fos.management, "create_snapshot", interrupt)
    assert run("create", NAME, "v1").code == 130


def test_tables_are_aligned_in_any_script() -> None:
    text = output.table(("a", "b"), [("数据", 1), ("e\u0301", 2), ("x\ny", 3)], "none")
    assert text.splitlines() == ["a     b", "----  -", "数据  1", "e\u0301     2", "x y   3"]
    assert output.table(("a",), [], "none") == "none"


def test_archive_and_bring_back(
    dataset: fo.Dataset, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fos.create_snapshot(NAME, "v1")
    assert "FIFTYONE_SNAPSHOTS_ARCHIVE_PATH" in run("archive", NAME, "v1").err
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path))
    assert run("archive", NAME, "v1", "--json").json == {"snapshot": "v1", "archived": True}
    assert run("info", NAME, "v1", "--json").json["is_archived"]
    fos.pin_snapshot(NAME, "v1")
    assert "  archived, pinned" in run("list", NAME).out
    assert run("load", NAME, "v1").code == output.FAILED
    assert run("unarchive", NAME, "v1", "--json").json == {"snapshot": "v1", "archived": False}
    assert run("load", NAME, "v1").code == output.DONE


def test_export_and_import(dataset: fo.Dataset, run: Run, tmp_path: Path) -> None:
    fos.create_snapshot(NAME, "v1")
    path = tmp_path / "v1.tar"
    exported = run("export", NAME, "v1", str(path), "--json").json
    assert exported == {"path": str(path), "size_bytes": path.stat().st_size}
    fo.delete_dataset(NAME)
    assert run("import", str(path), "--dataset-name", "again", "--json").json["name"] == "v1"
    assert fos.list_snapshots("again") == ["v1"]


def test_pin_and_prune(dataset: fo.Dataset, run: Run) -> None:
    for name in ("v1", "v2", "v3"):
        fos.create_snapshot(NAME, name)
    assert run("pin", NAME, "v1", "--json").json["is_pinned"]
    planned = run("prune", NAME, "--keep-last", "1", "--dry-run", "--json").json
    assert [snapshot["name"] for snapshot in planned["pruned"]] == ["v2"]
    assert run("prune", NAME, "--keep-last", "1").code == output.USAGE
    assert fos.list_snapshots(NAME) == ["v1", "v2", "v3"]
    assert run("unpin", NAME, "v1").code == output.DONE
    assert run("prune", NAME, "--older-than", "1", "--yes").code == output.DONE
    assert fos.list_snapshots(NAME) == ["v1", "v2", "v3"]
    assert run("prune", NAME, "--keep-last", "1", "--yes").code == output.DONE
    assert fos.list_snapshots(NAME) == ["v3"]


def test_the_documentation(run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_USER", "anna")
    (tmp_path / "archives").mkdir()
    monkeypatch.setenv("FIFTYONE_SNAPSHOTS_ARCHIVE_PATH", str(tmp_path / "archives"))
    monkeypatch.chdir(tmp_path)
    digits = image_dataset("digits", 10, persistent=True)
    fo.Dataset("spare", persistent=True)

    def edit() -> None:
        digits.delete_samples(digits.limit(2).values("id"))
        digits.match(fo.ViewField("weather.label") == "sunny").set_values(
            "weather.label", ["cloudy"] * digits.count_values("weather.label")["sunny"]
        )

    check_console(ROOT / "docs" / "command-line.md", run, edit)
