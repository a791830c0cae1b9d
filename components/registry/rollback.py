"""The way back in the registry: the version that was champion before is it again."""

from __future__ import annotations

from components.registry.connection import answering, connect
from components.registry.models import resolve

CHAMPION, PREVIOUS = "champion", "previous"  # aliases


def take_back(tracking_uri: str, name: str) -> str:
    """Makes `previous` the champion, and says so on the version that was it; then there is no `previous`.

    What was interrupted may be done again.

    Returns:
        The version that is champion now.

    Raises:
        BadInput: no version was champion before, or MLflow does not answer.
    """
    before, now = (resolve(tracking_uri, f"models:/{name}@{alias}").version for alias in (PREVIOUS, CHAMPION))
    client = connect(tracking_uri)
    with answering(tracking_uri):
        if now != before:
            client.set_model_version_tag(name, now, "gate_decision", "taken back")
        client.set_registered_model_alias(name, CHAMPION, before)
        client.delete_registered_model_alias(name, PREVIOUS)
    return before
