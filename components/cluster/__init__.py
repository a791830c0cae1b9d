"""Custom resources of a cluster: create, apply, watch, wait, delete, and the logs of their pods."""

from components.cluster.cluster import Cluster
from components.cluster.connection import connect
from components.cluster.resource import EXPERIMENT, INFERENCE_SERVICE, Kind, Resource, condition

__all__ = ["EXPERIMENT", "INFERENCE_SERVICE", "Cluster", "Kind", "Resource", "condition", "connect"]
