"""The library: arrays in, arrays out. It knows nothing of pipelines, registries or clusters."""

import os

# Before numpy is loaded; what is set stays. The second thread of OpenBLAS goes on spinning after each call and takes
# the core from the next frame's network and flow: a stream was a third slower for it.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
