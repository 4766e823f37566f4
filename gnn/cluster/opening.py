"""Joining a Ray cluster, or starting one, and seeing that it can do the work."""

from __future__ import annotations

import logging
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from typing import Any
from urllib.parse import urlsplit

import ray
from ray.exceptions import GetTimeoutError, RayError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from linkspan.errors import ConfigError
from linkspan.gnn.cluster.work import RayCluster
from linkspan.gnn.elsewhere import find_cluster, using
from linkspan.gnn.settings import ClusterSettings

ANSWER = 20.0
"""Seconds that the head of a cluster has to answer."""
_START = 60
"""Seconds that a machine of a cluster has to start a process and to tell its version."""


@contextmanager
def open_cluster(settings: ClusterSettings) -> Iterator[None]:
    """Inside, trainings and scores are done by the workers of a Ray cluster.

    A cluster that is open already is used as it is, and a Ray that the program has started itself
    is joined and left running.

    Args:
        settings: With an address.

    Raises:
        ConfigError: The address does not answer, the cluster has too few CPUs or no common
            storage, or its machines have another version of Linkspan.
    """
    if find_cluster() is not None:
        yield
        return
    joined = ray.is_initialized()
    if not joined:
        _connect(settings)
    try:
        with using(RayCluster(_count_workers(settings), settings.storage)):
            yield
    finally:
        if not joined:
            ray.shutdown()


def _connect(settings: ClusterSettings) -> None:
    """Start Ray on this machine, or join a cluster, without telling anyone of it."""
    address = str(settings.address)
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    quiet: dict[str, Any] = {"logging_level": logging.ERROR, "log_to_driver": False}
    if address == "local":
        ray.init("local", num_cpus=settings.workers, include_dashboard=False, **quiet)
        return
    if address == "auto":
        address = os.environ.get("RAY_ADDRESS", address)
    try:
        _knock(address)
        ray.init(address, **quiet)
    except (OSError, ValueError, RuntimeError) as error:
        raise ConfigError(
            f"the Ray cluster at '{address}' does not answer ({_first_line(error)})",
            hint="Start one with 'ray start --head', or mend 'address' in [cluster]",
        ) from error


def _knock(address: str) -> None:
    """See that a cluster answers: Ray itself would try for minutes, and then end the process.

    Raises:
        OSError: None does.
        ValueError: It is neither an address nor ``auto``, the cluster of this machine.
    """
    command = [sys.executable, "-m", "ray.scripts.scripts", "health-check"]
    missing = "none runs on this machine"
    if address != "auto":
        parts = urlsplit(f"//{address}")
        if "://" in address or not (parts.hostname and parts.port):
            raise ValueError("it has to be HOST:PORT, seen from a machine of the cluster")
        socket.create_connection((parts.hostname, parts.port), timeout=ANSWER).close()
        command += ["--address", address]
        missing = "what listens there is no Ray cluster"
    try:
        subprocess.run(command, check=True, capture_output=True, timeout=ANSWER)
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        raise OSError(f"{missing}, or it takes more than {ANSWER:.0f} s to answer") from error


def _count_workers(settings: ClusterSettings) -> int:
    """Number of workers that there are to be, all of which can work.

    Raises:
        ConfigError: They cannot.
    """
    cpus = int(ray.cluster_resources().get("CPU", 0))  # type: ignore[no-untyped-call]
    wanted = settings.workers or cpus
    if not 1 <= wanted <= cpus:
        raise ConfigError(
            f"the Ray cluster has {cpus} CPUs, and [cluster] asks for {wanted} workers of one each",
            hint="Lower 'workers', or add machines with 'ray start --address'",
        )
    nodes = ray.nodes()  # type: ignore[no-untyped-call]
    machines = {each["NodeID"]: each["NodeManagerAddress"] for each in nodes if each["Alive"]}
    if settings.storage is None and len(machines) > 1:
        raise ConfigError(
            f"the Ray cluster has {len(machines)} machines, which need a common place for "
            "checkpoints",
            hint="Name a folder or an address that all of them can write to as 'storage' in "
            "[cluster]",
        )
    _check_versions(machines)
    return wanted


def _check_versions(machines: dict[str, str]) -> None:
    """See that each machine, by its id and address, has this version of Linkspan."""

    def tell() -> str:  # sent as it is: a machine need not have Linkspan to run it
        from importlib.metadata import PackageNotFoundError, version

        try:
            return version("linkspan")
        except PackageNotFoundError:
            return "none"

    own, task = version("linkspan"), ray.remote(num_cpus=0)(tell)
    where = [NodeAffinitySchedulingStrategy(machine, soft=False) for machine in machines]
    answers = [task.options(scheduling_strategy=each).remote() for each in where]
    for address, answer in zip(machines.values(), answers, strict=True):
        try:
            theirs = ray.get(answer, timeout=_START)
        except (RayError, GetTimeoutError) as error:
            raise ConfigError(
                f"machine {address} of the Ray cluster runs nothing ({_first_line(error)})",
                hint="See 'ray status' there",
            ) from error
        if theirs != own:
            raise ConfigError(
                f"machine {address} of the Ray cluster has Linkspan {theirs}, and this is {own}",
                hint=f"Install it there with: pip install 'linkspan[train,cluster]=={own}'",
            )


def _first_line(error: Exception) -> str:
    return next(iter(str(error).splitlines()), type(error).__name__)
