"""Training and scoring by the workers of a Ray cluster: the same as by one process.

``make soak`` kills a worker 20 times in training and 20 times in scoring, at random moments.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import psutil
import pytest
import torch

from linkspan import gnn
from linkspan.errors import ConfigError, ModelError
from linkspan.gnn import ClusterSettings, Epoch, FittedModel, TrainSettings
from linkspan.gnn.cluster import opening, work
from linkspan.gnn.cluster.engine import ClusterEngine
from linkspan.gnn.cluster.work import RayCluster
from linkspan.gnn.elsewhere import Cluster, find_cluster, using
from linkspan.gnn.evaluation import ranking
from linkspan.gnn.models.weights import MixtureWeights
from linkspan.gnn.scores import scoring
from linkspan.gnn.scores.workers import how_many, in_order
from linkspan.gnn.training.engine import Engine
from linkspan.gnn.training.trainer import Trainer
from linkspan.gnn.training.tuning import Tuned
from linkspan.graph.snapshot import Snapshot
from linkspan.progress import Task

Text = dict[str, np.ndarray]
TextOf = Callable[[Snapshot], Text]
CPU = torch.device("cpu")
SOAK_KILLS = int(os.environ.get("LINKSPAN_KILLS", "20"))


class Done(NamedTuple):
    """What the whole job ends in; lists and ranks by the weights of one process."""

    weights: Mapping[str, MixtureWeights]
    curves: Sequence[Epoch]
    lists: pd.DataFrame
    ranks: pd.DataFrame


class Killed(RayCluster):
    """A cluster one of whose workers is killed once in a training, and once in other work.

    The training's dies while Ray writes what it notes of its checkpoints, in a file that is empty
    before it is written.
    """

    def __init__(self, workers: int, folder: Path) -> None:
        super().__init__(workers, str(folder / "storage"))
        self.folder = folder

    def learn(self, learn: Callable[..., Any], file: Path, *heard: Any) -> None:
        mark, storage = self.folder / "training", self.folder / "storage"

        def dying(*, checkpoint: Path, engine: ClusterEngine) -> Any:
            together, steps = engine.together, count(1)

            def counted(loss: float) -> float:
                if engine.place == 1 and next(steps) == 25 and not mark.exists():
                    while not (notes := list(storage.glob("*/checkpoint_manager_snapshot.json"))):
                        time.sleep(0.1)  # the epoch before this one is reported
                    notes[0].write_bytes(b"")
                    mark.touch()
                    os.kill(os.getpid(), signal.SIGKILL)
                return together(loss)

            engine.together = counted  # type: ignore[method-assign]
            return learn(checkpoint=checkpoint, engine=engine)

        super().learn(dying, file, *heard)

    def in_order(self, work: Callable[[Any], Any], tasks: Sequence[Any]) -> Iterator[Any]:
        mark = self.folder / "work"

        def dying(numbered: tuple[int, Any]) -> Any:
            number, task = numbered
            if number == 1 and not mark.exists():
                mark.touch()
                os.kill(os.getpid(), signal.SIGKILL)
            return work(task)

        return super().in_order(dying, list(enumerate(tasks)))


@pytest.fixture(scope="module")
def ray_cluster() -> Iterator[Cluster]:
    """Ray with two workers on this machine, started once; a test says when it is to be used."""
    with gnn.open_cluster(ClusterSettings(address="local", workers=2)):
        found = find_cluster()
        assert found is not None
        with using(None):
            yield found


@pytest.fixture(scope="module")
def noisy(build: Callable[..., Snapshot]) -> Snapshot:
    """Planted tastes, and as much chance: so that several parts count, and none for nothing.

    Where they all say the same, what each of them counts is up to the last digit of a score.
    """
    chance = np.random.default_rng(3)
    tastes = np.tile(np.arange(60) % 6, 3)
    histories = []
    for user in range(240):
        liked = chance.permutation(np.flatnonzero(tastes == user % 6))[:9]
        met = np.where(chance.random(9) < 0.5, chance.integers(0, 180, 9), liked)
        histories.append(list(dict.fromkeys(met.tolist())))
    return build({name: [item % 6 for item in range(60)] for name in ("a", "b", "c")}, histories)


@pytest.fixture(scope="module")
def job(
    noisy: Snapshot, text_of: TextOf, settings: TrainSettings
) -> Callable[[Mapping[str, MixtureWeights] | None], Done]:
    """Train, weigh, score and rank, in chunks so small that there are several."""
    split, text = gnn.last_out(noisy), text_of(noisy)
    chosen = settings.changed(dropout=0.2, epochs=3, batch_size=128)

    def run(weights: Mapping[str, MixtureWeights] | None = None) -> Done:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scoring, "CHUNK", 17)
            patch.setattr(ranking, "CHUNK", 17)
            found = gnn.fit_hybrid(gnn.train(noisy, split, text, chosen), split)
            found = gnn.with_weights(found, weights or found.weights)
            ranks = gnn.evaluate(found, split).ranks
            return Done(found.weights, found.curves, gnn.score_top(found, 5), ranks)

    return run


@pytest.fixture(scope="module")
def alone(job: Callable[..., Done]) -> Done:
    return job()


def assert_same(found: Done, expected: Done) -> None:
    """Lists of the same items in the same order, and scores but for the order of sums."""
    losses = [each.loss for each in found.curves]
    assert losses == pytest.approx([each.loss for each in expected.curves], abs=1e-5)
    exact = ["user", "item", "domain", "rank", "because", "eligible"]
    assert found.lists[exact].equals(expected.lists[exact])
    pd.testing.assert_frame_equal(found.lists, expected.lists, rtol=0, atol=1e-4)
    pd.testing.assert_frame_equal(found.ranks, expected.ranks)


@pytest.mark.slow
def test_two_workers_one_of_them_killed_end_in_the_lists_of_one_process(
    ray_cluster: Cluster,
    job: Callable[..., Done],
    alone: Done,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The killed one in mid-epoch of the first training, and one in mid-scoring."""

    def refuse(_: Trainer, task: Task | None = None) -> float:
        raise AssertionError("this process trains")

    monkeypatch.setattr(Trainer, "run_epoch", refuse)  # not in the workers
    with using(Killed(ray_cluster.workers, tmp_path)):
        found = job(alone.weights)
    assert {each.name for each in tmp_path.iterdir()} == {"training", "work", "storage"}
    assert not list((tmp_path / "storage").iterdir())
    assert_same(found, alone)


def test_weights_and_lists_of_the_same_network_are_equal_to_the_last_bit(
    ray_cluster: Cluster, noisy: Snapshot, text_of: TextOf, settings: TrainSettings
) -> None:
    split = gnn.last_out(noisy)
    trained = gnn.train(noisy, split, text_of(noisy), settings.changed(epochs=1))
    found = []
    for cluster in (None, ray_cluster):
        with using(cluster), pytest.MonkeyPatch.context() as patch:
            patch.setattr(scoring, "CHUNK", 17)
            model = gnn.fit_hybrid(trained, split)
            found.append((model.weights, gnn.score_top(model, 5)))
    assert found[0][0] == found[1][0]
    pd.testing.assert_frame_equal(found[0][1], found[1][1], check_exact=True)


@pytest.mark.slow
def test_workers_try_settings_at_the_same_time(
    ray_cluster: Cluster, noisy: Snapshot, settings: TrainSettings, tmp_path: Path
) -> None:
    """The first trial is that of one process; the worker of the second dies and is replaced."""
    short = settings.changed(epochs=1)

    def search(name: str, trials: int) -> Tuned:
        return gnn.tune(noisy, gnn.last_out(noisy), {}, short, tmp_path / name, trials)

    alone = search("alone", 1)
    with using(Killed(ray_cluster.workers, tmp_path)):
        found = search("shared", 3)
    assert found.trials + found.given_up == 3
    assert found.first == pytest.approx(alone.first, abs=1e-6)
    assert (tmp_path / "work").exists()


class Noted(RayCluster):
    """A cluster whose trainings are done here, and counted."""

    def __init__(self) -> None:
        super().__init__(1)
        self.trainings = 0

    def learn(self, learn: Callable[..., Any], file: Path, *heard: Any) -> None:
        self.trainings += 1
        learn(checkpoint=file, engine=Engine(CPU))


def test_the_training_on_all_events_is_the_cluster_s_too(
    noisy: Snapshot, settings: TrainSettings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only handed to it: `make soak` does it by workers, which are killed."""
    expected = gnn.train_all(noisy, {}, settings, 2).model.state_dict()
    noted, epochs, run = Noted(), list[bool](), Trainer.run_epoch

    def counted(trainer: Trainer, task: Task | None = None) -> float:
        epochs.append(True)
        return run(trainer, task)

    monkeypatch.setattr(Trainer, "run_epoch", counted)
    with using(noted):
        found = gnn.train_all(noisy, {}, settings, 2).model.state_dict()
    assert noted.trainings == 1 and len(epochs) == 2  # and none of them again
    assert all(found[name].equal(value) for name, value in expected.items())


@pytest.mark.soak
def test_workers_killed_at_random_moments_change_nothing(
    ray_cluster: Cluster, noisy: Snapshot, settings: TrainSettings
) -> None:
    chance, epochs = random.Random(20261130), 40

    def fit() -> FittedModel:
        return gnn.train_all(noisy, {}, settings, epochs)

    def score() -> pd.DataFrame:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(scoring, "CHUNK", 3)
            return gnn.score_top(model, 5)

    with using(ray_cluster):
        model = fit()
        lists = score()
        for number in range(1, SOAK_KILLS + 1):
            with killing("RayTrainWorker", chance.uniform(0, 12)) as training:
                found = fit().model.state_dict()
            assert all(found[name].equal(value) for name, value in model.model.state_dict().items())
            with killing("ray::do_task", chance.uniform(0, 0.5)) as scored:
                pd.testing.assert_frame_equal(score(), lists, check_exact=True)
            print(f"kill {number}: training {training}, scoring {scored}", flush=True)


@contextmanager
def killing(title: str, seconds: float) -> Iterator[list[float]]:
    """Kills one of Ray's workers with such a title so long after the first was there; yields when
    it did, in a list that is empty where the work was done before."""
    over, done = threading.Event(), list[float]()

    def kill() -> None:
        while not workers_of(title) and not over.wait(0.02):
            pass
        if not over.wait(seconds) and (there := workers_of(title)):
            there[-1].kill()
            done.append(round(seconds, 2))

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield done
    finally:
        over.set()
        thread.join()


def workers_of(title: str) -> list[psutil.Process]:
    """Processes of Ray's workers that do such work now; they tell it in their titles."""
    found = []
    for each in psutil.Process().children(recursive=True):
        try:
            if title in " ".join(each.cmdline()):
                found.append(each)
        except psutil.Error:
            pass
    return found


@pytest.mark.soak
def test_an_error_of_the_training_is_told_as_its_own(
    ray_cluster: Cluster, planted: Snapshot, settings: TrainSettings
) -> None:
    wild = settings.changed(learning_rate=1e30, epochs=2)
    errors = []
    for cluster in (None, ray_cluster):
        with using(cluster), pytest.raises(ModelError) as raised:
            gnn.train_all(planted, {}, wild, 2)
        errors.append(str(raised.value))
    assert "is not finite" in errors[0] or "are not finite" in errors[0]
    assert errors[1] == errors[0]


def test_errors_of_a_task_and_workers_that_always_die_are_told(
    ray_cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "FAILURES", 0)

    def picky(task: int) -> int:
        if task == 3:
            raise ModelError("three is not to be had", hint="Take four")
        return task

    def dying(_: int) -> None:
        os.kill(os.getpid(), signal.SIGKILL)

    with using(ray_cluster):
        assert how_many(CPU) == 2 and how_many(torch.device("cuda")) == 1
        found = in_order(picky, range(9), 2)
        assert [next(found) for _ in range(3)] == [0, 1, 2]
        with pytest.raises(ModelError, match=r"^three is not to be had. Take four.$"):
            next(found)
        with pytest.raises(ModelError, match="ended before its time, again and again"):
            list(in_order(dying, range(2), 2))


class Loaded:
    """Work that notes in a folder each process that reads it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        (self.folder / f"{os.getpid()}-{time.monotonic_ns()}").touch()

    def __call__(self, task: int) -> tuple[int, int]:
        time.sleep(0.02)  # so that no worker does all
        return task, os.getpid()


def test_a_worker_reads_the_work_once_whatever_the_number_of_tasks(
    ray_cluster: Cluster, tmp_path: Path
) -> None:
    with using(ray_cluster):
        found, pids = zip(*in_order(Loaded(tmp_path), range(40), 2), strict=True)
    read = [int(each.name.partition("-")[0]) for each in tmp_path.iterdir()]
    assert list(found) == list(range(40))
    assert sorted(read) == sorted(set(pids))


def test_terms_that_look_at_whole_batches_are_refused(
    ray_cluster: Cluster, planted: Snapshot, settings: TrainSettings
) -> None:
    with using(ray_cluster), pytest.raises(ModelError, match=r"\[train.transfer\] look at whole"):
        gnn.train_all(planted, {}, settings.changed(coral=1.0), 1)


@pytest.mark.usefixtures("ray_cluster")
def test_a_cluster_that_cannot_do_the_work_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with (
        pytest.raises(ConfigError, match=r"has 2 CPUs, and \[cluster\] asks for 3 workers"),
        gnn.open_cluster(ClusterSettings(address="auto", workers=3)),
    ):
        pass
    own = opening.version("linkspan")
    monkeypatch.setattr(opening, "version", lambda _: "9.9")
    with (
        pytest.raises(ConfigError, match=rf"has Linkspan {own}, and this is 9\.9"),
        gnn.open_cluster(ClusterSettings(address="auto")),
    ):
        pass


JOINING = """
import sys
from linkspan import gnn
from linkspan.gnn.scores.workers import in_order
with gnn.open_cluster(gnn.ClusterSettings(address=sys.argv[1])):
    print(list(in_order(lambda task: task * task, range(4), 2)))
"""


@pytest.mark.usefixtures("ray_cluster")
def test_a_running_cluster_is_joined_by_its_address() -> None:
    import ray

    child = [sys.executable, "-c", JOINING, ray.get_runtime_context().gcs_address]
    told = subprocess.run(child, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[-1] == "[0, 1, 4, 9]"
