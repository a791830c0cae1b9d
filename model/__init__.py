"""The library: arrays in, arrays out. It knows nothing of pipelines, registries or clusters."""
