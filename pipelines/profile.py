"""The only place that knows where things run; no arguments mean this machine."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from model import config
from model.errors import BadInput


@dataclass(frozen=True)
class Store:
    """An S3 endpoint; its credentials come from the environment or from ~/.aws/credentials, never from here."""

    endpoint: str = ""  # for example https://s3.example.org
    region: str = ""  # "" asks the endpoint


@dataclass(frozen=True)
class Profile:
    """Where a run keeps what it leaves."""

    tracking_uri: str = ""  # of MLflow; "" is a sqlite file in the run's directory
    store: Store = field(default_factory=Store)

    def tracking(self, out: Path) -> tuple[str, str]:
        """The address of MLflow, and where a new experiment keeps its files ("" leaves it to the server)."""
        if self.tracking_uri:
            return self.tracking_uri, ""
        return f"sqlite:///{out / 'mlflow.db'}", (out / "mlartifacts").as_uri()


def read(path: Path | None) -> Profile:
    """The profile of a YAML file.

    Raises:
        BadInput: no such file, no mapping, an unknown key or a wrong type.
    """
    if path is None:
        return Profile()
    import yaml

    try:
        data = yaml.safe_load(path.read_text()) or {}
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as e:
        raise BadInput(f"{path}: expected a profile in YAML. Received: {' '.join(str(e).split())}") from e
    if not isinstance(data, dict):
        raise BadInput(f"{path}: expected a profile in YAML. Received: {type(data).__name__}")
    return config.parse(Profile, data)
