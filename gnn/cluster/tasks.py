"""Tasks as a worker of a Ray cluster does them; its process loads this, and not Ray Train."""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import ray
from threadpoolctl import threadpool_limits

from linkspan.errors import LinkspanError


def do_task(held: list[Any], task: Any) -> Any:
    """Result of a task on a worker, or the error to raise here: there it would get a traceback.

    Args:
        held: Reference to what is done, in a list so that Ray does not fetch it for each task.
        task: What it is done with.
    """
    threadpool_limits(1)
    try:
        return _work(held[0])(task)
    except LinkspanError as error:
        return error


@lru_cache(maxsize=1)
def _work(held: Any) -> Callable[[Any], Any]:
    """Work to be done, read once by each worker."""
    work: Callable[[Any], Any] = ray.get(held)
    return work
