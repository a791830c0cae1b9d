"""MLflow: a camera's runs with what they measured, and its detectors: champion, challenger, previous."""

from components.registry.registry import Champion, Registry, experiment_name

__all__ = ["Champion", "Registry", "experiment_name"]
