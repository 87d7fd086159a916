"""However the package comes into a process: one copy of it, hooks applied once."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
import yaml
from fiftyone.core import cli

ROOT = Path(__file__).resolve().parent.parent

# Hides the installed package, as on a machine where the plugin was only dropped into a folder
HIDE = """
import sys
sys.meta_path[:] = [finder for finder in sys.meta_path if "editable" not in repr(finder).lower()]
sys.path[:] = [path for path in sys.path if "fiftyone_snapshots" not in path.lower()]
import importlib.util
assert importlib.util.find_spec("fiftyone_snapshots") is None
"""

USE_AS_PLUGIN = """
import fiftyone.operators as foo
for _ in range(3):
    operators = {operator.uri for operator in foo.list_operators()}
expected = {"create_snapshot", "list_snapshots", "revert_to_snapshot"}
missing = {name for name in expected if f"@snapshots/versioning/{name}" not in operators}
assert not missing, (missing, sorted(operators))
"""

REPORT = """
import json, sys
import fiftyone as fo
import fiftyone.core.dataset as fod
import fiftyone.management as fom
import fiftyone_snapshots as fos

assert fo.load_dataset is fod.load_dataset, "a hook covers only one of the names"
assert fom.create_snapshot is fos.create_snapshot
copies = [
    name
    for name, module in sys.modules.items()
    if (getattr(module, "__file__", None) or "").endswith("/backend/operations/journal.py")
]
dataset = fo.Dataset("loading", persistent=True)
dataset.add_sample(fo.Sample("/media/1.jpg"))
fos.create_snapshot(dataset, "v1")
dataset.clear()
lengths = [
    len(fo.load_dataset("loading", snapshot="v1")),
    len(fo.load_dataset("loading", "v1")),
    len(fo.load_dataset("loading")),
]
dataset.delete()
print(json.dumps({"copies": copies, "lengths": lengths}))
"""

AS_PACKAGE = "import fiftyone_snapshots\n"


def run(program: str, **environment: str) -> dict[str, list]:
    ended = subprocess.run(
        [sys.executable, "-c", program],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    return json.loads(ended.stdout.strip().splitlines()[-1])


@pytest.mark.parametrize(
    ("program", "environment"),
    [
        pytest.param(HIDE + USE_AS_PLUGIN, {}, id="plugin folder only"),
        pytest.param(AS_PACKAGE, {}, id="installed only"),
        pytest.param("import fiftyone\n" + AS_PACKAGE, {}, id="installed, after fiftyone"),
        pytest.param(AS_PACKAGE + USE_AS_PLUGIN, {}, id="installed, then as plugin"),
        pytest.param(USE_AS_PLUGIN + AS_PACKAGE, {}, id="as plugin, then installed"),
        pytest.param(
            "import fiftyone\n", {"FIFTYONE_MODULE_PATH": "fiftyone_snapshots"}, id="by FiftyOne"
        ),
        pytest.param(
            USE_AS_PLUGIN + AS_PACKAGE,
            {"FIFTYONE_MODULE_PATH": "fiftyone_snapshots"},
            id="every way in one process",
        ),
    ],
)
def test_one_copy_with_its_hooks(program, environment, installed_plugin):
    report = run(program + REPORT, **environment)
    assert report == {
        "copies": ["fiftyone_snapshots.backend.operations.journal"],
        "lengths": [1, 1, 0],
    }


@pytest.fixture
def fiftyone(capsys, monkeypatch):
    """Runs FiftyOne's command line, as its program does, and returns what that prints."""

    def run(*arguments: str) -> str:
        monkeypatch.setattr(sys, "argv", ["fiftyone", *arguments])
        cli.main()
        return capsys.readouterr().out

    return run


def test_fiftyone_lists_the_plugin(fiftyone, installed_plugin):
    assert "@snapshots/versioning" in fiftyone("plugins", "list")


def test_fiftyone_finds_the_requirements_met(fiftyone, installed_plugin):
    fiftyone("plugins", "requirements", "@snapshots/versioning", "--ensure")


def test_another_package_may_provide_fiftyone_management(tmp_path):
    """FiftyOne's package is extensible: ``fiftyone.management`` may be somebody else's."""
    other = tmp_path / "fiftyone" / "management"
    other.mkdir(parents=True)
    (other / "__init__.py").write_text("somebody_elses = True\n")
    program = AS_PACKAGE + (
        "import json, fiftyone.management as fom\n"
        "print(json.dumps({'ours': hasattr(fom, 'create_snapshot')}))"
    )
    ended = run(
        "import fiftyone\nfiftyone.__path__.append(" + repr(str(other.parent)) + ")\n" + program
    )
    assert ended == {"ours": False}


def test_an_unsupported_fiftyone_is_named():
    program = """
import json
import fiftyone.constants as foc
told = {}
for foc.VERSION in ["1.20.0", "1.23.0", "2.0.0"]:
    try:
        import fiftyone_snapshots
    except Exception as error:
        told[foc.VERSION] = [type(error).__name__, str(error)]
print(json.dumps(told))
"""
    told = run(program)
    assert list(told) == ["1.20.0", "1.23.0", "2.0.0"]
    for version, (name, message) in told.items():
        assert name == "UnsupportedFiftyOneError"
        assert version in message
        assert "1.22" in message or "1.23" in message


def test_the_wheel_lists_every_package():
    """An explicit list keeps tests out of the wheel; this keeps it complete."""
    declared = {
        line.strip().strip('",')
        for line in (ROOT / "pyproject.toml").read_text().splitlines()
        if line.strip().startswith('"fiftyone_snapshots')
    }
    left_out = {"tests", "benchmarks", "demo", "scripts", "build"}
    found = {
        ".".join(["fiftyone_snapshots", *file.parent.relative_to(ROOT).parts])
        for file in ROOT.rglob("__init__.py")
        if not {part for part in file.relative_to(ROOT).parts if part.startswith(".")}
        and file.relative_to(ROOT).parts[0] not in left_out
    }
    assert found == {name for name in declared if "." in name or name == "fiftyone_snapshots"}


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """What ``pip install .`` installs, unpacked."""
    # Of a copy: what an earlier build left in the tree would end up in the wheel as well
    folder = tmp_path_factory.mktemp("wheel")
    left_out = shutil.ignore_patterns(".*", "build", "*.egg-info", "__pycache__", "tests")
    shutil.copytree(ROOT, folder / "source", ignore=left_out)
    build = ["-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--no-index", "--quiet"]
    subprocess.run(
        [sys.executable, *build, "--wheel-dir", folder, folder / "source"],
        capture_output=True,
        check=True,
    )
    (archive,) = folder.glob("*.whl")
    with zipfile.ZipFile(archive) as opened:
        opened.extractall(folder / "installed")
    return folder / "installed"


def test_the_wheel_is_a_whole_plugin(wheel):
    folder = wheel / "fiftyone_snapshots"
    manifest = yaml.safe_load((folder / "fiftyone.yml").read_text())
    assert (folder / manifest["js_bundle"]).read_text() == (ROOT / "js" / "index.js").read_text()
    assert (folder / manifest["py_entry"]).is_file()
    program = HIDE + USE_AS_PLUGIN + REPORT
    (plugins := wheel / "plugins").mkdir()
    (plugins / "fiftyone-snapshots").symlink_to(folder, target_is_directory=True)
    report = run(program, FIFTYONE_PLUGINS_DIR=str(plugins))
    assert report == {
        "copies": ["fiftyone_snapshots.backend.operations.journal"],
        "lengths": [1, 1, 0],
    }


def test_the_wheel_holds_nothing_but_the_product(wheel):
    (information,) = wheel.glob("*.dist-info")
    assert {item.name for item in wheel.iterdir()} - {"plugins"} == {
        "fiftyone-stubs",
        "fiftyone_snapshots",
        "fiftyone_snapshots_command.py",
        "fiftyone_snapshots_mlflow.py",
        information.name,
    }
    parts = {item.name for item in (wheel / "fiftyone_snapshots").iterdir()}
    assert not parts & {"tests", "benchmarks", "demo", "scripts", "docs", "build"}


def test_editors_find_fiftyone_management(wheel):
    stubs = wheel / "fiftyone-stubs"
    assert (stubs / "py.typed").read_text() == "partial\n"
    for name in ("__init__", "snapshot"):
        assert (
            "from fiftyone_snapshots.management import *"
            in (stubs / "management" / f"{name}.pyi").read_text()
        )


def test_a_star_import_brings_names_of_ours_only():
    import fiftyone_snapshots as fos

    names: dict = {}
    exec("from fiftyone_snapshots import *", names)
    brought = set(names) - {"__builtins__"}
    assert brought == set(fos.__all__)
    assert {"create_snapshot", "SnapshotError"} <= brought
    assert not brought & {"Any", "Path", "sys", "errors", "management"}
    manifest = yaml.safe_load((ROOT / "fiftyone.yml").read_text())
    assert fos.__version__ == manifest["version"]
