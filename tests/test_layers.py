"""The rules that hold for every file: which package may import which, and nothing happens at import."""

import ast
import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
MAY_IMPORT = {  # pipelines -> components -> model <- serving; the command line starts all
    "model": {"model"},
    "components": {"components", "model"},
    "pipelines": {"pipelines", "components", "serving", "model"},
    "serving": {"serving", "model"},
}
PLATFORM = {"kfp", "mlflow", "minio", "kserve", "kubernetes"}  # what the library must work without
HEAVY = {"tensorflow", "keras", "kfp", "mlflow", "cv2", "sklearn", "matplotlib"}
PACKAGES = [name for name in MAY_IMPORT if (ROOT / name).is_dir()]
FILES = [path for name in PACKAGES for path in sorted((ROOT / name).rglob("*.py"))]
MODULES = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in FILES]


def imported(source):
    """Every module that the source imports, inside functions too."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom):
            yield "." * node.level + (node.module or "")


def forbidden(package, source):
    """The imports that a file of this package must not have."""
    refused = set(MAY_IMPORT) - MAY_IMPORT[package] | (PLATFORM if package == "model" else set())
    return [name for name in imported(source) if name.startswith(".") or name.partition(".")[0] in refused]


def read_at_import(source):
    """Lines outside functions that touch the environment."""
    nodes = list(ast.parse(source).body)
    while nodes:
        node = nodes.pop()
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)):
            nodes += [*getattr(node, "decorator_list", []), *node.args.defaults, *filter(None, node.args.kw_defaults)]
            continue
        if getattr(node, "attr", getattr(node, "id", None)) in ("environ", "getenv", "putenv"):
            yield node.lineno
        nodes += ast.iter_child_nodes(node)


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_imports_follow_the_arrows(path):
    source = path.read_text()
    assert forbidden(path.relative_to(ROOT).parts[0], source) == []
    assert list(read_at_import(source)) == []


@pytest.mark.parametrize(
    ("package", "source", "found"),
    [
        ("model", "import kfp.dsl", ["kfp.dsl"]),
        ("model", "def f():\n    from mlflow import log", ["mlflow"]),  # a late import is an import
        ("model", "from components.storage import open_store", ["components.storage"]),
        ("components", "from pipelines import cli", ["pipelines"]),
        ("components", "import mlflow, model.config", []),
        ("components", "import modelled", []),  # not our package, only a longer name
        ("pipelines", "from components import fetch\nfrom model import gate", []),
        ("serving", "from components import storage", ["components"]),
        ("model", "from ..components import fetch", ["..components"]),  # one way to name a module
    ],
)
def test_a_wrong_import_is_seen(package, source, found):
    assert forbidden(package, source) == found


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("import os\nhome = os.environ['HOME']", [2]),
        ("from os import getenv\nclass A:\n    x = getenv('X')", [3]),
        ("import os\ndef f(home=os.environ['HOME']):\n    pass", [2]),  # a default is evaluated at import
        ("import os\ndef f():\n    return os.environ['HOME']", []),
    ],
)
def test_a_read_of_the_environment_at_import_is_seen(source, lines):
    assert list(read_at_import(source)) == lines


def run(code, directory):
    """Runs Python code in an empty home and working directory; what it printed last, as JSON."""
    home = directory / "home"
    home.mkdir(exist_ok=True)
    environment = {"HOME": str(home), "PATH": os.environ["PATH"], "TMPDIR": str(home)}
    command = [sys.executable, "-c", code]
    done = subprocess.run(command, cwd=home, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_help_answers_at_once_and_loads_nothing_heavy(tmp_path):
    code = f"""
import json, sys, time
from pipelines.cli import main
sys.argv = ["unforeseen", "--help"]
try:
    status = main()
except SystemExit as end:
    status = end.code
print(json.dumps([status or 0, time.process_time(), sorted({HEAVY!r} & set(sys.modules))]))
"""
    answers = [run(code, tmp_path) for _ in range(3)]  # the first may compile
    assert [(status, heavy) for status, _, heavy in answers] == [(0, [])] * 3
    assert min(seconds for _, seconds, _ in answers) < 1.0


def test_the_command_is_the_entry_point(tmp_path):
    command = Path(sysconfig.get_path("scripts")) / "unforeseen"
    done = subprocess.run([command, "--help"], cwd=tmp_path, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: unforeseen"), done.stdout


def test_importing_changes_no_environment_and_makes_no_directory(tmp_path):
    # Other people's packages do both, so what our files import from them at the top is imported before the first look.
    theirs = sorted(
        {
            ast.unparse(node)
            for path in FILES
            for node in ast.parse(path.read_text()).body
            if isinstance(node, (ast.Import, ast.ImportFrom))
            and not {name.partition(".")[0] for name in imported(ast.unparse(node))} & {"__future__", *MAY_IMPORT}
        }
    )
    code = f"""
import importlib, json, os
from pathlib import Path
def look():
    return {{str(found) for found in [*os.environ.items(), *Path.home().rglob("*"), Path.cwd()]}}
for statement in {theirs!r}:
    exec(statement)
before = look()
for module in {MODULES!r}:
    importlib.import_module(module)
print(json.dumps(sorted(before ^ look())))
"""
    assert run(code, tmp_path) == []
