"""Makes files and names in folders last: they are on the disk before anything relies on them."""

import os
from pathlib import Path


def fsync(path: Path) -> None:
    """Waits until a file's content, or a folder's names, are on the disk. Raises OSError."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
