"""Folders on disk: that a file was made or deleted in one is durable only once the folder itself is."""

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable; OSError if it cannot be. Where folders cannot be opened, files alone are."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
