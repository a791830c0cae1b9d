"""What is installed: the wheel holds every file, the locks hold every version, the licences allow it."""

import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
NAMES = ("model", "components", "pipelines", "serving")  # our import names, those to come as well
PACKAGES = [name for name in NAMES if (ROOT / name).is_dir()]
RUN = PROJECT["project"]["dependencies"]
DEV = PROJECT["project"]["optional-dependencies"]["dev"]
BUILD = PROJECT["build-system"]["requires"]
LOCKS = ("requirements.lock", "requirements-dev.lock")
PERMISSIVE = {
    *("0BSD", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "CC0-1.0", "ISC", "MIT", "PSF-2.0", "Zlib"),
    "MPL-2.0",  # asks for changes of its own files only, and there are none
    *("Apache License 2.0", "Apache 2.0"),  # as packages without classifiers spell it
    *("Apache Software License", "BSD License", "MIT License", "Python Software Foundation License"),
}


def locked(name):
    """The requirements of a lock file, each as name==version with its hashes."""
    lines = (line for line in (ROOT / name).read_text().splitlines() if not line.lstrip().startswith("#"))
    return "\n".join(lines).replace("\\\n", " ").splitlines()


def pins(name):
    return {line.split()[0] for line in locked(name)}


def licences(package):
    """What a package says of its licence: the expression, else the classifiers, else the free text."""
    about = metadata.metadata(package)  # .get: once a backport is loaded, [] raises
    if about.get("License-Expression"):
        return re.split(r" AND | OR |[()]", about["License-Expression"])
    classifiers = [text for text in about.get_all("Classifier") or [] if text.startswith("License :: ")]
    return [text.rpartition(" :: ")[2] for text in classifiers] or [about.get("License", "none")]


def test_every_package_is_listed():
    found = {
        ".".join(path.parent.relative_to(ROOT).parts) for name in PACKAGES for path in ROOT.glob(f"{name}/**/*.py")
    }
    listed = PROJECT["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(found)
    assert [name for name in listed if not (ROOT / name.replace(".", "/") / "__init__.py").is_file()] == []


def test_the_wheel_holds_every_file(tmp_path):
    source = tmp_path / "source"  # a copy: building writes beside the code, and what it left there would be packed
    for name in PACKAGES:
        shutil.copytree(ROOT / name, source / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, source / name)
    pip = [sys.executable, "-m", "pip", "wheel", "--no-index", "--no-deps", "--no-build-isolation", "-w", tmp_path]
    done = subprocess.run([*pip, source], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    [wheel] = tmp_path.glob("unforeseen-*.whl")
    packed = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    written = [path.relative_to(source) for name in PACKAGES for path in (source / name).rglob("*") if path.is_file()]
    assert sorted(packed) == sorted(path.as_posix() for path in written)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in zipfile.ZipFile(wheel).namelist())


def test_nobody_else_provides_our_import_names():
    providers = metadata.packages_distributions()
    assert {name: set(providers[name]) for name in PACKAGES} == {name: {"unforeseen"} for name in PACKAGES}
    assert [name for name in NAMES if set(providers.get(name, [])) - {"unforeseen"}] == []


def test_it_cannot_be_uploaded_by_mistake():
    assert "Private :: Do Not Upload" in PROJECT["project"]["classifiers"]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_holds_versions_and_hashes_only(name):
    wrong = [
        line[:80]
        for line in locked(name)
        if not re.fullmatch(r"[a-z0-9.-]+==\S+( +--hash=sha256:[0-9a-f]{64})+ *", line)
    ]
    assert wrong == []  # so no address of an index, no path, no version left open
    assert "://" not in (ROOT / name).read_text()


@pytest.mark.parametrize(("name", "wanted"), [(LOCKS[0], BUILD + RUN), (LOCKS[1], BUILD + RUN + DEV)])
def test_a_lock_holds_what_the_project_asks_for(name, wanted):
    assert set(wanted) - pins(name) == set()


def test_one_environment_serves_both_locks():
    assert pins(LOCKS[0]) - pins(LOCKS[1]) == set()


@pytest.mark.parametrize("requirement", BUILD + RUN + DEV)
def test_licences_of_what_we_ask_for_are_permissive(requirement):
    assert {text.strip() for text in licences(requirement.partition("==")[0])} - {""} - PERMISSIVE == set()
