"""Kubeflow Pipelines as a profile names it: connection, versions of the pipeline, runs and recurring runs."""
