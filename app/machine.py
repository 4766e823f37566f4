"""The machine that this process runs on."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path


def memory() -> int:
    """Bytes of memory that it has; where a container may use less, as many."""
    found = int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(OSError, ValueError):  # no container, or "max"
        found = min(found, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return found
