"""Knowledge-base search: Markdown articles in, ready answers out, misses seen and closed."""

import os

__version__ = "0.1.0"

# Loading numpy starts a thread for each further processor; no sum of ours is large enough for two.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
