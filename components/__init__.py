"""One pipeline step a file, and the two places they reach: the object store and the registry."""

IMAGE = "unforeseen:0.1.0"  # whose Python holds this project; a profile names another
