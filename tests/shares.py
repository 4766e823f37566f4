"""One step of a training, as each worker of a process group takes it in a process of its own."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np
import torch
from torch import distributed

from linkspan.gnn import TrainSettings, View
from linkspan.gnn.cluster.engine import ClusterEngine
from linkspan.gnn.training.engine import Engine
from linkspan.gnn.training.memory import Plan
from linkspan.gnn.training.trainer import Trainer
from linkspan.graph.snapshot import Snapshot

Found = TypeVar("Found")
CPU = torch.device("cpu")
WORKERS = 2


class Case(NamedTuple):
    """What is learned from: the events of the first so many users."""

    snapshot: Snapshot
    text: dict[str, np.ndarray]
    settings: TrainSettings
    plan: Plan | None = None
    users: int = 1000


class Learned(NamedTuple):
    """What a worker learned from its part of the batch, and what it goes on with.

    Attributes:
        loss: Of its part.
        total: Of the whole batch.
        gradients: Of the whole batch, by the names of the parameters.
        drawn: States of both generators of random numbers.
        columns: Of the states, how many it passed messages for.
    """

    loss: float
    total: float
    gradients: dict[str, np.ndarray]
    drawn: tuple[Any, bytes]
    columns: int


def begin(case: Case, engine: Engine) -> Trainer:
    """A training whose parameters are all far from zero, the same for any engine."""
    torch.manual_seed(1)
    view = View.whole(case.snapshot, case.text)
    trainer = Trainer(view, case.settings, engine=engine)
    trainer.learner.plan = case.plan or trainer.learner.plan
    for each in trainer.model.parameters():
        torch.nn.init.normal_(each, std=0.2)
    return trainer


def learn(case: Case, engine: Engine) -> Learned:
    """Gradients of a batch of 300 events."""
    trainer = begin(case, engine)
    histories = trainer._histories()
    batch = np.flatnonzero(histories.begun & (histories.users < case.users))[:300]
    batch = batch[np.argsort(histories.domains[batch], kind="stable")]
    passed: list[int] = []
    trainer.model.convs[0].register_forward_pre_hook(
        lambda _, given: passed.append(given[0]["item"].shape[1])
    )
    loss = trainer.learner.learn(batch, histories.take(batch))
    total = engine.together(loss)
    named = trainer.model.named_parameters()
    gradients = {name: each.grad.numpy() for name, each in named if each.grad is not None}
    drawn = trainer.random.bit_generator.state, torch.get_rng_state().numpy().tobytes()
    return Learned(loss, total, gradients, drawn, passed[0])


def by_workers(folder: Path, work: Callable[[int], Found]) -> list[Found]:
    """What each of `WORKERS` processes, which are a process group, finds; by its place.

    Args:
        folder: Where they meet; one for each call.
        work: What they do.
    """
    with ProcessPoolExecutor(WORKERS, mp_context=get_context("spawn")) as pool:
        meeting = f"file://{folder / 'meeting'}"
        asked = [pool.submit(_work, meeting, place, work) for place in range(WORKERS)]
        return [each.result(timeout=120) for each in asked]


def learn_all(cases: dict[str, Case], place: int) -> dict[str, Learned]:
    """What a worker learns from each of some cases, one after the other."""
    return {
        name: learn(case, ClusterEngine(place, WORKERS, lambda _: None))
        for name, case in cases.items()
    }


def _work(meeting: str, place: int, work: Callable[[int], Found]) -> Found:
    torch.set_num_threads(1)
    distributed.init_process_group("gloo", meeting, rank=place, world_size=WORKERS)
    try:
        return work(place)
    finally:
        distributed.destroy_process_group()
