"""The machine that this process runs on."""

from __future__ import annotations

import ctypes
import os
import platform
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _MMAP_MAX = -1, -3, -4
"""Names of settings in glibc's ``malloc.h``."""


def memory() -> int:
    """Bytes of memory that it has; where a container may use less, as many."""
    found = int(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    with suppress(OSError, ValueError):  # no container, or "max"
        found = min(found, int(Path("/sys/fs/cgroup/memory.max").read_text()))
    return found


@contextmanager
def memory_kept() -> Iterator[None]:
    """Keep memory that is freed for what is asked for next; at the end give it back.

    By default glibc gives large arrays back at once, and the system hands out new ones page by
    page, each of them cleared: a quarter of a training step over five million events. With other
    C libraries, nothing is changed.
    """
    if platform.libc_ver()[0] != "glibc":
        yield
        return
    library = ctypes.CDLL(None)
    library.mallopt(_MMAP_MAX, 0)
    library.mallopt(_TRIM_THRESHOLD, -1)
    try:
        yield
    finally:  # to the values that glibc itself comes to where arrays are large
        library.mallopt(_MMAP_MAX, 2**16)
        library.mallopt(_MMAP_THRESHOLD, 2**25)
        library.mallopt(_TRIM_THRESHOLD, 2**26)
        library.malloc_trim(0)
