"""Makes the next thing ready while this one is used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

T = TypeVar("T")


def ahead(items: Iterable[T]) -> Iterator[T]:
    """The same items in the same order, each made in a thread while the one before it is used.

    At most one item lies ready. An error comes out where its item would have; when the taker stops
    early, the item under way is finished and dropped.
    """
    remaining, end = iter(items), object()
    with ThreadPoolExecutor(max_workers=1) as thread:
        following = thread.submit(next, remaining, end)
        while (item := following.result()) is not end:
            following = thread.submit(next, remaining, end)
            yield item  # type: ignore[misc]
