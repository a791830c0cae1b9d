"""One pipeline step a file, and the two places they reach: the object store and the registry.

A step's file holds the function that KFP ships, one import and one call, and what it calls. `pipelines.training` makes
components of them: at run time the shipped function imports its file, where KFP offers no decorator.
"""
