"""The project's HTML templates."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, Template

from model.report.verdict import number, spoken


def template(name: str, **filters: Callable[..., Any]) -> Template:
    """One that escapes every text from outside: clip names, categories and a trial's last lines are strangers'."""
    environment = Environment(
        loader=PackageLoader("model.report", "."), autoescape=True, undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    )  # fmt: skip
    environment.filters.update(number=number, spoken=spoken, **filters)
    return environment.get_template(name)
