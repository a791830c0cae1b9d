"""Custom resources of a cluster: create, watch, read the result, delete."""
