"""`make bench`: how fast the parts are, each beside a reference that is measured in the same run."""

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # as the command has it; read when numpy is imported
