"""MLflow: a camera's runs with what they measured, and its detectors: champion, challenger, previous."""

from components.registry.registry import Champion, Registry

__all__ = ["Champion", "Registry"]
