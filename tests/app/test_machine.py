"""Memory that is freed: kept for a while, then given back."""

from __future__ import annotations

import platform
import subprocess
import sys

import pytest

LOOK = """
import numpy as np, psutil
from linkspan.machine import memory_kept

def held():
    return psutil.Process().memory_info().rss / 2**20

def use():
    np.ones(2**25)  # 256 MiB

before = held()
with memory_kept():
    use()
    print(held() - before)
print(held() - before)
use()
print(held() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="only glibc is told to keep memory")
def test_freed_memory_is_kept_and_given_back() -> None:
    told = subprocess.run([sys.executable, "-c", LOOK], check=True, capture_output=True, text=True)
    inside, after, later = map(float, told.stdout.split())
    assert inside > 250
    assert after < 50
    assert later < 50
