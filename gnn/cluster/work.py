"""Trainings and tasks as the workers of a Ray cluster do them."""

from __future__ import annotations

import shutil
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import ExitStack, suppress
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, TypeVar
from uuid import uuid4

import ray
from ray.exceptions import WorkerCrashedError
from ray.train import (
    Checkpoint,
    CheckpointConfig,
    FailureConfig,
    RunConfig,
    ScalingConfig,
    TrainingFailedError,
    UserCallback,
)
from ray.train.torch import TorchConfig, TorchTrainer
from threadpoolctl import threadpool_limits

from linkspan.errors import LinkspanError, ModelError
from linkspan.gnn.cluster.engine import ClusterEngine
from linkspan.gnn.cluster.tasks import do_task

Task = TypeVar("Task")
Found = TypeVar("Found")

FAILURES = 3
"""Times that workers which ended before their time are started again."""

_FILE = "checkpoint"
_LOOK = 1.0
"""Seconds between two looks for a new checkpoint."""
_AHEAD = 2
"""Tasks for each worker that are asked for before their results are."""
_MEMORY = "Most often memory is short: lower 'workers' in [cluster]"


class RayCluster:
    """The workers of the Ray cluster that this process has joined.

    Attributes:
        workers: How many there are, with a core each.

    Args:
        workers: The same.
        storage: Where checkpoints of trainings are kept while they run; None: on this machine.
    """

    def __init__(self, workers: int, storage: str | None = None) -> None:
        self.workers, self._storage = workers, storage
        if storage and "://" not in storage:
            self._storage = str(Path(storage).resolve())

    def learn(
        self, learn: Callable[..., Any], file: Path, heard: Callable[[], object] = lambda: None
    ) -> None:
        """Do all epochs of a training, as `linkspan.gnn.elsewhere.Cluster.learn` says.

        Workers that end before their time begin again at the last epoch that was finished.
        """
        job = ray.put((learn, file.read_bytes() if file.exists() else None))
        file.parent.mkdir(parents=True, exist_ok=True)
        with ExitStack() as stack:
            storage = self._storage or stack.enter_context(TemporaryDirectory())
            name = f"linkspan-{uuid4().hex}"
            # Its annotations are those of another version of Ray Train.
            trainer: Any = TorchTrainer(
                _learn_here,  # type: ignore[arg-type]
                train_loop_config={"job": job},
                torch_config=TorchConfig(backend="gloo"),
                scaling_config=ScalingConfig(num_workers=self.workers),
                run_config=RunConfig(
                    name=name,
                    storage_path=storage,
                    failure_config=FailureConfig(max_failures=FAILURES),
                    checkpoint_config=CheckpointConfig(num_to_keep=1),
                    callbacks=[_Kept(file)],  # type: ignore[list-item]
                ),
            )
            # In a thread of its own it leaves SIGINT alone.
            running = stack.enter_context(ThreadPoolExecutor(1)).submit(trainer.fit)
            latest = _written(file)
            try:
                while not running.done():
                    wait([running], _LOOK)
                    before, latest = latest, _written(file)
                    if latest != before:
                        heard()
                result: Any = running.result()
            except KeyboardInterrupt:
                ray.shutdown()  # ends its workers, and with them the thread
                raise
            except TrainingFailedError as error:
                raise ModelError(
                    f"the workers of the cluster failed in training ({error})", hint=_MEMORY
                ) from error
            if result.checkpoint is not None:  # else there was no epoch left to do
                _copy(result.checkpoint, file)
            if self._storage:
                result.filesystem.delete_dir(result.path)
        if isinstance(result.return_value, LinkspanError):
            raise result.return_value

    def in_order(self, work: Callable[[Task], Found], tasks: Sequence[Task]) -> Iterator[Found]:
        """Results of each task, as `linkspan.gnn.scores.workers.in_order` gives them.

        A task whose worker ended before its time is done again.
        """
        held = ray.put(work)
        task = ray.remote(num_cpus=1, max_retries=FAILURES)(do_task)
        asked: deque[Any] = deque()
        for each in tasks:
            asked.append(task.remote([held], each))
            if len(asked) > _AHEAD * self.workers:
                yield _result(asked.popleft())
        while asked:
            yield _result(asked.popleft())


class _Kept(UserCallback):
    """A copy of each checkpoint in a file of the machine that asked for the training.

    Ray calls it in the process that leads the training, which runs on that machine. What Ray
    notes of its checkpoints beside them is not to be read before the training is over: it is
    written in place, and a reader may find it empty.
    """

    def __init__(self, file: Path) -> None:
        self._file = file

    def after_report(
        self, run_context: object, metrics: object, checkpoint: Checkpoint | None
    ) -> None:
        if checkpoint is not None:
            with suppress(OSError):  # told where the last one cannot be copied either
                _copy(checkpoint, self._file)


def _written(file: Path) -> int | None:
    return file.stat().st_mtime_ns if file.exists() else None


def _copy(checkpoint: Checkpoint, file: Path) -> None:
    fresh = file.with_name(f"{file.name}.new")
    with checkpoint.as_directory() as folder:
        shutil.copyfile(Path(folder) / _FILE, fresh)
    fresh.replace(file)


def _result(answer: Any) -> Any:
    try:
        found = ray.get(answer)
    except WorkerCrashedError as error:
        raise ModelError(
            "a worker of the cluster ended before its time, again and again", hint=_MEMORY
        ) from error
    if isinstance(found, LinkspanError):
        raise found
    return found


def _learn_here(job: dict[str, Any]) -> LinkspanError | None:
    """A worker's part of a training; the error to raise on the machine that asked for it."""
    threadpool_limits(1)
    learn, begun = ray.get(job["job"])
    context, latest = ray.train.get_context(), ray.train.get_checkpoint()
    with TemporaryDirectory() as folder:
        file = Path(folder) / _FILE
        if latest is not None:
            with latest.as_directory() as there:
                shutil.copyfile(Path(there) / _FILE, file)
        elif begun is not None:
            file.write_bytes(begun)
        engine = ClusterEngine(context.get_world_rank(), context.get_world_size(), _report)
        try:
            learn(checkpoint=file, engine=engine)
        except LinkspanError as error:
            return error
    return None


def _report(file: Path) -> None:
    """Hand a checkpoint, written by the first worker, to Ray, as all workers have to."""
    first = ray.train.get_context().get_world_rank() == 0
    ray.train.report({}, checkpoint=Checkpoint.from_directory(file.parent) if first else None)
