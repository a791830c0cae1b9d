"""Start a network from another one: a detector of another camera, or published weights."""
