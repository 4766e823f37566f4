"""The cluster that does the work, where one is open; here nothing is known of how it does."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any, Protocol, TypeVar

Task = TypeVar("Task")
Result = TypeVar("Result")


class Cluster(Protocol):
    """Workers on other machines, or on this one.

    Attributes:
        workers: How many there are, with a core each.
    """

    workers: int

    def learn(
        self, learn: Callable[..., Any], file: Path, heard: Callable[[], object] = ...
    ) -> None:
        """Do all epochs of a training, each worker on its part of every batch.

        Args:
            learn: Takes ``checkpoint`` and ``engine`` as `linkspan.gnn.train` does.
            file: Checkpoint to go on from, if it is there; then the one after the last epoch.
            heard: Called after an epoch.

        Raises:
            ModelError: Workers ended before their time, too often.
            LinkspanError: Whatever the training raises.
        """

    def in_order(self, work: Callable[[Task], Result], tasks: Sequence[Task]) -> Iterator[Result]:
        """Results of each task, as `linkspan.gnn.scores.workers.in_order` gives them."""


_CLUSTER: ContextVar[Cluster | None] = ContextVar("cluster", default=None)


def find_cluster() -> Cluster | None:
    """The cluster that is open."""
    return _CLUSTER.get()


@contextmanager
def using(cluster: Cluster | None) -> Iterator[None]:
    """Inside, trainings and scores are the cluster's work; with None, this process's."""
    before = _CLUSTER.set(cluster)
    try:
        yield
    finally:
        _CLUSTER.reset(before)
