"""A camera's own settings, in `settings.yaml` beside its footage."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

from model import config
from model.errors import BadInput

PRESET, PAUSED = "preset", "paused"


class Settings(NamedTuple):
    """Of one camera.

    Attributes:
        preset: small or paper.
        overrides: as of `--set`.
        config: both, checked.
        paused: starts nothing.
    """

    preset: str
    overrides: tuple[str, ...]
    config: config.Config
    paused: bool = False


def read(text: str, where: str) -> Settings:
    """The settings of a YAML file: sections as in `model/config.py`, and `preset` and `paused` beside them.

    Raises:
        BadInput: it is no YAML, or one of them is unknown or wrong.
    """
    import yaml

    try:
        data = yaml.safe_load(text) or {}
        if not isinstance(data, dict):
            raise BadInput(f"expected settings by section. Received: {type(data).__name__}")
        preset, paused = data.pop(PRESET, "small"), data.pop(PAUSED, False)
        if not isinstance(paused, bool):
            raise BadInput(f"expected {PAUSED} as true or false. Received: {paused!r}")
        overrides = tuple(_overrides(data))
        return Settings(preset, overrides, config.build(preset, overrides), paused)
    except (yaml.YAMLError, BadInput) as e:
        raise BadInput(f"{where}: {' '.join(str(e).split())}") from e


def _overrides(data: dict[str, Any]) -> list[str]:
    found = []
    for section, values in data.items():
        if not isinstance(values, dict):
            raise BadInput(f"expected {section} as settings by name. Received: {values!r}")
        found += [f"{section}.{key}={json.dumps(value, default=str)}" for key, value in values.items()]
    return found
