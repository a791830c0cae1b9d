"""`make bench`: how fast the parts are, each beside a reference that is measured in the same run."""
