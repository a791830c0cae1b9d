"""Files and directories that appear whole or not at all."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from model.errors import BadInput


def check_free(path: Path) -> None:
    """Could a directory of that name be made?

    Raises:
        BadInput: something other than an empty directory is already there.
    """
    if path.exists() and not (path.is_dir() and not any(path.iterdir())):
        raise BadInput(f"{path}: expected a name that is free, or an empty directory. Received: one that is in use")


@contextmanager
def new_directory(path: Path) -> Iterator[Path]:
    """Gives a hidden directory beside `path` to fill, which takes that name when the block ends well.

    Raises:
        BadInput: something other than an empty directory is already there.
    """
    check_free(path)
    partial = path.with_name(f".{path.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)  # left by a run that was killed
    partial.mkdir(parents=True)
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        shutil.rmtree(partial, ignore_errors=True)
        raise


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Gives a hidden name beside `path` to write, which replaces `path` when the block ends well."""
    partial = path.with_name(f".{path.name}.partial")
    try:
        yield partial
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Writes a small file under a hidden name, then renames it."""
    with new_file(path) as partial:
        partial.write_text(text, encoding="utf-8")
