"""One pipeline step a file, and the two places they reach: the object store and the registry."""
