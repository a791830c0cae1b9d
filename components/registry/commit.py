"""Which commit of the project a run came from."""

from __future__ import annotations

import subprocess
from pathlib import Path

CHECKOUT = Path(__file__).resolve().parents[2]


def git_commit(checkout: Path = CHECKOUT) -> dict[str, str]:
    """MLflow's tag for the commit; empty where the project is installed rather than checked out."""
    if not (checkout / ".git").exists():  # asking git would find whatever repository lies around an installation
        return {}
    try:
        git = subprocess.run(["git", "rev-parse", "HEAD"], cwd=checkout, capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError):  # no git, or not this user's repository
        return {}
    return {"mlflow.source.git.commit": git.stdout.strip()}
