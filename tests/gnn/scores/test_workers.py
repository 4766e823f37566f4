"""Work that several processes share: in order, the same as alone, and with errors one can read."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
import pytest
import torch

from linkspan import gnn
from linkspan.errors import ModelError
from linkspan.gnn.evaluation import ranking
from linkspan.gnn.events.domains import AT_ONCE
from linkspan.gnn.scores import scoring
from linkspan.gnn.scores.workers import how_many, in_order
from linkspan.gnn.settings import SplitSettings, TrainSettings
from linkspan.graph.snapshot import Snapshot

CPU = torch.device("cpu")
Chunk = np.ndarray


@pytest.fixture
def two_threads() -> Iterator[None]:
    torch.set_num_threads(2)
    yield
    torch.set_num_threads(1)


def test_results_come_in_order_from_other_processes() -> None:
    def work(task: int) -> tuple[int, int, int]:
        return task * task, os.getpid(), torch.get_num_threads()

    squares, processes, threads = zip(*in_order(work, range(9), 2), strict=True)
    assert squares == tuple(task * task for task in range(9))
    assert len(set(processes)) == 2 and os.getpid() not in processes
    assert set(threads) == {1}


@pytest.mark.parametrize(("tasks", "processes"), [(range(9), 1), (range(1), 2), (range(0), 2)])
def test_little_work_is_done_here(tasks: range, processes: int) -> None:
    assert {*in_order(lambda _: os.getpid(), tasks, processes)} <= {os.getpid()}


def test_there_are_as_many_as_threads_and_one_where_a_device_cannot_be_shared() -> None:
    assert how_many(CPU) == torch.get_num_threads() == 1
    assert how_many(torch.device("cuda")) == 1


@pytest.mark.usefixtures("two_threads")
def test_each_thread_makes_a_process() -> None:
    assert how_many(CPU) == 2


def test_errors_of_a_process_are_told_as_its_own() -> None:
    def work(task: int) -> int:
        if task == 3:
            raise ModelError("three is not to be had", hint="Take four")
        return task

    found = in_order(work, range(9), 2)
    assert [next(found) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(ModelError, match=r"^three is not to be had. Take four.$") as raised:
        next(found)
    assert raised.value.hint == "Take four"


def test_a_process_that_is_killed_is_told() -> None:
    with pytest.raises(ModelError, match=r"ended before its time.*OMP_NUM_THREADS=1"):
        list(in_order(lambda _: os.kill(os.getpid(), signal.SIGKILL), range(4), 2))


@pytest.mark.parametrize("budget", [AT_ONCE, 100_000])
def test_users_are_cut_into_the_same_chunks_for_any_number_of_processes(
    build: Callable[..., Snapshot], monkeypatch: pytest.MonkeyPatch, budget: int
) -> None:
    """Else the last digit of a score depends on it. Two workers have nearly as many users each."""
    snapshot = build({"a": [0] * 40}, [[0, 1, 2], [3, 4]])
    model = gnn.train_all(snapshot, {}, TrainSettings.of(embedding_size=8, device="cpu"), 1)
    monkeypatch.setattr("linkspan.gnn.events.domains.AT_ONCE", budget)
    found = []

    def kept(work: Callable[[Chunk], object], chunks: list[Chunk], _: int) -> Iterator[object]:
        found.append([len(each) for each in chunks])
        return (work(each[:1]) for each in chunks)

    monkeypatch.setattr(scoring, "in_order", kept)
    for processes in (1, 2, 16):
        monkeypatch.setattr(scoring, "how_many", lambda _, many=processes: many)
        gnn.score_top(model, 3, users=np.zeros(3_000, np.int64))
    assert found[0] == found[1] == found[2]
    assert sum(found[0]) == 3_000 >= 1.9 * sum(found[0][::2])


def test_lists_ranks_and_weights_are_those_of_one_process(
    build: Callable[..., Snapshot], monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(0)
    histories = [random.choice(40, 12, replace=False).tolist() for _ in range(30)]
    snapshot = build({"a": [0] * 15, "b": [0] * 25}, histories)
    split = gnn.split_events(snapshot, SplitSettings(protocol="random"))
    settings = TrainSettings.of(encoder="hash", embedding_size=8, epochs=2, device="cpu")
    trained = gnn.train(snapshot, split, {}, settings)
    monkeypatch.setattr(scoring, "CHUNK", 7)
    monkeypatch.setattr(ranking, "CHUNK", 7)

    def found() -> tuple[object, pd.DataFrame, pd.DataFrame]:
        model = gnn.fit_hybrid(trained, split)
        return model.weights, gnn.score_top(model, 3), gnn.evaluate(model, split).ranks

    weights, lists, ranks = found()
    torch.set_num_threads(2)
    try:
        shared = found()
    finally:
        torch.set_num_threads(1)
    assert shared[0] == weights
    pd.testing.assert_frame_equal(shared[1], lists)
    pd.testing.assert_frame_equal(shared[2], ranks)
