"""The DAG, where it runs, and the command line."""
