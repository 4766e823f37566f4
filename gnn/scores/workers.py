"""Work that is done by several processes where the machine, or a cluster, has several cores."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import torch
from threadpoolctl import threadpool_limits
from torch.utils.data import DataLoader, Dataset

from linkspan.errors import LinkspanError, ModelError
from linkspan.gnn.elsewhere import find_cluster

Task = TypeVar("Task")
Result = TypeVar("Result")


def how_many(device: torch.device) -> int:
    """Processes that work at the same time: one for each thread of torch, 1 where none can be made.

    Where a cluster is open (`linkspan.gnn.elsewhere`), its workers, unless a device cannot be sent.
    Threads would not help: products of sparse matrices keep Python's lock.
    """
    if device.type == "cpu" and (cluster := find_cluster()):
        return cluster.workers
    forks = "fork" in multiprocessing.get_all_start_methods() and device.type == "cpu"
    return torch.get_num_threads() if forks else 1


def in_order(
    work: Callable[[Task], Result], tasks: Sequence[Task], processes: int
) -> Iterator[Result]:
    """Results of each task, in the order of the tasks.

    The processes are those of PyTorch's loader of data: forked, so that they share what is in
    memory, with a thread each, and gone when this one is; or the workers of the cluster that is
    open.

    Args:
        work: What is done; all that it needs is there before, and what it changes is lost.
        tasks: What it is done with.
        processes: How many, as `how_many` says; with 1, it is done in this one.

    Raises:
        ModelError: A process ended before its time, on a cluster more than once.
        LinkspanError: Whatever the work raises.
    """
    processes = min(processes, len(tasks))
    if processes < 2:
        yield from map(work, tasks)
        return
    if cluster := find_cluster():
        yield from cluster.in_order(work, tasks)
        return
    loader = DataLoader(
        _Tasks(work, tasks),
        batch_size=None,
        collate_fn=_same,
        num_workers=processes,
        multiprocessing_context="fork",
        worker_init_fn=_one_thread,
    )
    try:
        for result in loader:
            if isinstance(result, LinkspanError):
                raise result
            yield result
    except RuntimeError as error:
        if "exited unexpectedly" not in str(error):
            raise
        raise ModelError(
            f"a process that helped ended before its time ({error})",
            hint="Most often memory is short: with OMP_NUM_THREADS=1 there is one process",
        ) from error


class _Tasks(Dataset[Result | LinkspanError]):
    """Results by the places of their tasks."""

    def __init__(self, work: Callable[[Task], Result], tasks: Sequence[Task]) -> None:
        self._work, self._tasks = work, tasks

    def __len__(self) -> int:
        return len(self._tasks)

    def __getitem__(self, place: int) -> Result | LinkspanError:
        try:
            return self._work(self._tasks[place])
        except LinkspanError as error:  # raised there, it would come with a traceback
            return error


def _same(result: Result) -> Result:
    return result


def _one_thread(_: int) -> None:
    threadpool_limits(1)
