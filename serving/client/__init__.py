"""A small client of the service, over REST and gRPC."""
