"""Many cameras: what lies in a bucket, what is remembered of each, what is to be trained, and who trains it."""
