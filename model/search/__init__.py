"""A Katib Experiment as a search space, run on this machine with the same meaning."""
