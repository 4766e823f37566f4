"""A cluster that does not answer is told in time, and none costs nothing."""

from __future__ import annotations

import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from linkspan.errors import ConfigError
from linkspan.gnn import ClusterSettings
from linkspan.gnn.cluster import opening


@pytest.mark.parametrize("listens", [False, True], ids=["nobody", "another server"])
def test_an_address_that_does_not_answer_is_told_in_time(
    listens: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(opening, "ANSWER", 4.0)
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
        if not listens:
            server.close()
        began = time.monotonic()
        with pytest.raises(ConfigError) as raised:
            opening._connect(ClusterSettings(address=address))
    told = str(raised.value)
    assert told.startswith(f"the Ray cluster at '{address}' does not answer (")
    assert "Start one with 'ray start --head'" in told
    assert time.monotonic() - began < 8


def test_the_cluster_of_this_machine_is_knocked_at_before_ray_joins_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Ray ends the process where one that was there goes just then."""
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    monkeypatch.setattr(opening, "ANSWER", 0.0)  # as if it had gone
    monkeypatch.setattr("ray.init", lambda *_, **__: pytest.fail("joined"))
    with pytest.raises(ConfigError, match="the Ray cluster at 'auto' does not answer"):
        opening._connect(ClusterSettings(address="auto"))


def test_without_a_cluster_ray_is_not_imported_nor_pyg_before_a_graph_is_made(
    tmp_path: Path,
) -> None:
    """Nor by the command line, which reads the settings of a cluster."""
    program = (
        "import sys\n"
        "from linkspan import cli, gnn\n"
        "from linkspan.opening import shared_out\n"
        "from linkspan.settings import load_settings\n"
        "with shared_out(load_settings()):\n"
        "    gnn.train, gnn.score_top, gnn.evaluate, gnn.tune, gnn.load\n"
        "assert 'torch' in sys.modules\n"
        "heavy = 'ray', 'torch_geometric'\n"
        "print(sorted(name for name in sys.modules if name.split('.')[0] in heavy))\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert told.stdout == "[]\n"
