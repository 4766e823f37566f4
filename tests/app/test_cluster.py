"""``[cluster]`` in the settings, as the command line takes it."""

from __future__ import annotations

import json
import sys
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from linkspan import gnn
from linkspan.workspace import Workspace


def set_cluster(folder: Path, *lines: str) -> None:
    with (folder / "linkspan.toml").open("a") as file:
        file.write("\n".join(["\n[cluster]", *lines]) + "\n")


@pytest.mark.soak
def test_run_on_a_cluster_publishes_the_lists_of_one_process(linkspan: Any, project: Path) -> None:
    lists = []
    for number in range(2):
        if number:
            set_cluster(project, 'address = "local"', "workers = 2")
        answer = linkspan("run", "--json")
        assert answer.code == 0, answer.err
        run = Workspace(project / ".linkspan").run(json.loads(answer.out)["run"])
        lists.append(pd.read_parquet(run.lists))
    assert len(lists[0]) == 220 * 2 * 3
    pd.testing.assert_frame_equal(*lists, check_exact=False, atol=1e-4)
    assert "ray" not in answer.err.lower()


@pytest.mark.usefixtures("taken")
def test_without_ray_the_command_says_how_to_install_it(
    linkspan: Any, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [each for each in sys.modules if each.startswith("linkspan.gnn.cluster")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "ray", None)
    # Not by delattr, which looks first, and so loads it.
    monkeypatch.delitem(vars(gnn), "open_cluster", raising=False)
    set_cluster(project, 'address = "local"')
    answer = linkspan("train")
    assert answer.code == 5
    assert "[cluster] needs a package that is not installed (ray)" in answer.err
    assert "pip install 'linkspan[cluster]'" in answer.err.replace("\n", " ")


@pytest.mark.usefixtures("taken")
def test_trainings_on_cuda_are_refused(linkspan: Any, project: Path) -> None:
    with (project / "linkspan.toml").open("a") as file:
        file.write('\n[train.machine]\ndevice = "cuda"\n')
    set_cluster(project, 'address = "auto"')
    answer = linkspan("train")
    assert answer.code == 2
    assert "train on their CPUs" in answer.err.replace("\n", " ")


@pytest.mark.parametrize("address", ["127.0.0.1", "ray://127.0.0.1:10001", "auto"])
@pytest.mark.usefixtures("taken")
def test_an_address_of_no_cluster_is_told(
    linkspan: Any, project: Path, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    # "auto" would join the cluster of another test.
    monkeypatch.setattr("ray._private.services.find_gcs_addresses", cache(set))
    monkeypatch.setattr("ray._private.services.find_bootstrap_address", lambda _: None)
    set_cluster(project, f'address = "{address}"')
    answer = linkspan("train")
    assert answer.code == 2
    told = answer.err.replace("\n", " ")
    assert f"the Ray cluster at '{address}' does not answer" in told
    assert "Traceback" not in told
