"""Every command in the README is one that exists: flags by the real parser, targets by the Makefile."""

import contextlib
import importlib.util
import io
import re
import shlex
import subprocess
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
TARGETS = set(re.findall(r"^([a-z][a-z-]*):(?!=)", (ROOT / "Makefile").read_text(), re.MULTILINE))
ELSEWHERE = {"git", "cd"}  # how one gets here


def commands(markdown):
    """The command lines of all ```bash blocks: comments dropped, continued lines joined, chains taken apart."""
    for block in re.findall(r"^```bash\n(.*?)^```", markdown, re.MULTILINE | re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            words: list[str] = []
            lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
            lexer.whitespace_split = True
            for word in [*lexer, ";"]:
                if word not in (";", "&", "&&", "|", "||"):
                    words.append(word)
                elif words:
                    yield words
                    words = []


def wrong_arguments(words):
    """What argparse says of an unforeseen command that it refuses."""
    from pipelines.cli import parser

    said = io.StringIO()
    try:
        with contextlib.redirect_stderr(said), contextlib.redirect_stdout(said):
            parser().parse_args(words)
    except SystemExit as end:
        return said.getvalue() if end.code else ""
    return ""


def wrong_options(words):
    """What click says of an mlflow command that it refuses; with --help nothing is run, but every option is read."""
    mlflow = Path(sysconfig.get_path("scripts")) / "mlflow"
    done = subprocess.run([mlflow, *words, "--help"], capture_output=True, text=True, check=False)
    return done.stderr if done.returncode else ""


def fault(words):
    """Why a command cannot work here, or nothing."""
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words = words[1:]
    program, arguments = words[0].removeprefix(".venv/bin/"), words[1:]
    if program == "unforeseen":
        return wrong_arguments(arguments)
    if program == "mlflow":
        return wrong_options(arguments)
    if program == "make":
        return " ".join({word for word in arguments if "=" not in word} - TARGETS)
    if program == "python" and arguments[:1] == ["-m"]:
        return "" if importlib.util.find_spec(arguments[1]) else f"no module {arguments[1]}"
    if program == "bash":
        return "" if (ROOT / arguments[0]).is_file() else f"no file {arguments[0]}"
    return "" if program in ELSEWHERE else f"no test knows {program}"


def test_the_readme_shows_the_two_commands():
    assert {"run", "test"} <= {words[1] for words in commands(README) if words[0] == "make"}


@pytest.mark.parametrize("words", list(commands(README)), ids=" ".join)
def test_a_command_of_the_readme_works(words):
    assert fault(words) == ""


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("unforeseen run --out a --no-such-flag", "--no-such-flag"),
        ("unforeseen no-such-command", "no-such-command"),
        ("A=1 .venv/bin/unforeseen run --out a --no-such-flag", "--no-such-flag"),
        ("cd x && make no-such-target", "no-such-target"),
        ("make run \\\n  no-such-target", "no-such-target"),
        ("mlflow ui --no-such-option 1", "--no-such-option"),
        ("python -m no_such_module", "no_such_module"),
        ("bash no/such/file", "no/such/file"),
        ("curl example.org | sh", "no test knows curl"),
    ],
)
def test_a_wrong_command_is_seen(line, said):
    assert said in " ".join(fault(words) for words in commands(f"```bash\n{line}  # why\n```\n"))


@pytest.mark.parametrize("line", ["make run PYTHON=python3.11", "cd a; git log"])
def test_a_right_command_passes(line):
    assert [fault(words) for words in commands(f"```bash\n{line}\n```\n")].count("") == line.count(";") + 1
