"""Messages over Flower: a coordinator in a process of its own, sites here."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event
from time import sleep
from typing import Any

import numpy as np
import pytest
from certificates import self_signed

import linkspan
from linkspan.errors import ConfigError, ModelError
from linkspan.gnn import Coordinator, joined, lead
from linkspan.gnn.federation.flower import FlowerLink
from linkspan.gnn.federation.messages import BEGIN, EPOCH, PROTOCOL, STATES, Message
from servers import free_ports


@contextmanager
def coordinator(*options: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """Address of a coordinator that is waiting for sites, and its process."""
    address = f"127.0.0.1:{free_ports(1)[0]}"
    command = [sys.executable, "-m", "linkspan.cli", "federate", "lead", address, *options]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        yield address, process
    finally:
        process.kill()
        process.wait()


def begin(name: str, **about: Any) -> Message:
    facts = {"protocol": PROTOCOL, "version": linkspan.__version__, "site": name, **about}
    arrays = {"one": np.float32(1).reshape(()), "two": np.full((2, 3), 1.5, np.float32)}
    return Message(BEGIN, arrays, facts)


def take_part(address: str, name: str, authority: Path | None = None) -> list[Message]:
    """All that a site hears."""
    with joined(address, 30, authority) as link:
        heard = [link.exchange(begin(name))]
        for step in (1, 2):
            arrays = {n: a + len(name) * step for n, a in heard[-1].arrays.items()}
            heard.append(link.exchange(Message(EPOCH, arrays, {"events": len(name), "steps": 1})))
        heard.append(link.exchange(Message(STATES, {"states": np.array([len(name)], np.uint8)})))
    assert link.messages == {BEGIN: 1, EPOCH: 2, STATES: 1, "end": 1}
    assert link.sent[EPOCH] == 2 * 7 * 4
    return heard


def at_once(*tasks: Callable[[], Any]) -> list[Any]:
    with ThreadPoolExecutor(len(tasks)) as pool:
        return [each.result(timeout=60) for each in [pool.submit(task) for task in tasks]]


@pytest.mark.parametrize("tls", [False, True], ids=["plain", "tls"])
def test_three_sites_hear_the_averages_and_each_others_states(tls: bool, tmp_path: Path) -> None:
    options, authority = ["--sites", "3"], None
    if tls:
        authority, key = self_signed(tmp_path)
        options += ["--certificate", str(authority), "--key", str(key)]
    with coordinator(*options) as (address, process):
        names = ("a", "bb", "cccc")
        found = at_once(*(lambda name=name: take_part(address, name, authority) for name in names))
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 0, out
        assert "Done: a, bb, cccc; averaged 2 times." in out
    for name, heard in zip(names, found, strict=True):
        assert heard[0].about["sites"] == list(names)
        assert heard[0].arrays["one"].shape == () and heard[0].arrays["one"] == 1
        # Steps of 1, 2 and 4, weighted by as much; then of twice that.
        mean = (1 + 4 + 16) / 7
        assert heard[1].arrays["two"] == pytest.approx(np.full((2, 3), 1.5 + mean))
        assert heard[2].arrays["one"] == pytest.approx(1 + 3 * mean)
        others = {other: [len(other)] for other in names if other != name}
        assert {other: array.tolist() for other, array in heard[3].arrays.items()} == others


def test_two_go_on_without_one_that_leaves_and_it_is_told() -> None:
    def leaves(address: str) -> None:
        with pytest.raises(OSError, match="no room on the disk"), joined(address, 30) as link:
            link.exchange(begin("gone"))
            raise OSError("no room on the disk")

    with coordinator("--sites", "3") as (address, process):
        found = at_once(
            lambda: take_part(address, "a"),
            lambda: take_part(address, "bb"),
            lambda: leaves(address),
        )
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 0, out
    assert "site 'gone' is out: its connection was lost" in out
    assert found[0][1].arrays["two"] == pytest.approx(np.full((2, 3), 1.5 + (1 + 4) / 3))


def test_a_site_that_is_refused_hears_why_and_the_coordinator_tells_it() -> None:
    def refused(address: str) -> str:
        with pytest.raises(ModelError) as error, joined(address, 30) as link:
            link.exchange(begin("old", version="0.0.1"))
        return str(error.value)

    with coordinator("--sites", "2") as (address, process):
        found = at_once(lambda: refused(address), lambda: refused(address))
        out, _ = process.communicate(timeout=30)
    assert all("refuses this site: it has version 0.0.1" in each for each in found)
    assert process.returncode == 5
    assert "the sites did not train together: site 'old': it has version 0.0.1" in out
    assert "Traceback" not in out


def test_who_comes_late_is_told_at_once() -> None:
    def late(address: str, begun: Event) -> str:
        begun.wait(30)
        with pytest.raises(ModelError) as error, joined(address, 30) as link:
            link.exchange(begin("late"))
        return str(error.value)

    def slow(address: str, name: str, begun: Event) -> None:
        with joined(address, 30) as link:
            heard = link.exchange(begin(name))
            begun.set()
            for _ in range(6):
                sleep(0.3)
                link.exchange(Message(EPOCH, heard.arrays, {"events": 1, "steps": 1}))
            link.exchange(Message(STATES))

    begun = Event()
    with coordinator("--sites", "2") as (address, process):
        found = at_once(
            lambda: slow(address, "a", begun),
            lambda: slow(address, "b", begun),
            lambda: late(address, begun),
        )
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 0, out
    assert "the others have begun already" in found[2]
    assert "is out: the others have begun already" in out


def test_a_coordinator_that_falls_silent(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its machine was switched off: no end comes. Stopped by hand, it ends all links."""
    monkeypatch.setattr("linkspan.gnn.federation.flower.MARGIN", 0.5)
    with coordinator("--sites", "2") as (address, process):
        assert process.stdout is not None
        assert "Waiting at" in process.stdout.readline()
        link = FlowerLink(address, 0.5, None)
        with pytest.raises(ModelError, match="said nothing for"):
            link.exchange(begin("a"))
        process.send_signal(signal.SIGINT)
        out, _ = process.communicate(timeout=30)
        assert process.returncode == 130, out
        assert "Traceback" not in out
        link.close()


BROKEN = """
import sys
from linkspan.gnn import Coordinator
from linkspan.cli import main

def answer(self, told):
    raise ZeroDivisionError("a fault of ours")

Coordinator.answer = answer
main()
"""


def test_a_fault_of_the_coordinator_ends_all_sites() -> None:
    address = f"127.0.0.1:{free_ports(1)[0]}"
    command = [sys.executable, "-c", BROKEN, "federate", "lead", address]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:

        def told() -> str:
            with pytest.raises(ModelError) as error, joined(address, 30) as link:
                link.exchange(begin("a"))
            return str(error.value)

        assert all("the coordinator has failed" in each for each in at_once(told, told))
        _, err = process.communicate(timeout=30)
        assert process.returncode == 1 and "a fault of ours" in err


def test_files_that_are_no_certificates(tmp_path: Path) -> None:
    certificate, key = tmp_path / "certificate.pem", tmp_path / "key.pem"
    certificate.write_text("not PEM")
    key.write_text("nor this")
    with coordinator("--certificate", str(certificate), "--key", str(key)) as (_, process):
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 2 and "no server can be made of" in out
    assert "Traceback" not in out


def test_nobody_is_there() -> None:
    link = FlowerLink(f"127.0.0.1:{free_ports(1)[0]}", 0.5, None)
    with pytest.raises(ModelError, match="is not there"):
        link.exchange(begin("a"))
    link.close()


def test_sites_that_do_not_come(tmp_path: Path) -> None:
    with coordinator("--sites", "2", "--timeout", "1") as (_, process):
        out, _ = process.communicate(timeout=30)
    assert process.returncode == 5 and "0 of 2 sites came within 1 seconds" in out


def test_an_address_that_cannot_be_listened_at() -> None:
    with pytest.raises(ConfigError, match="'here' is no HOST:PORT"):
        lead(Coordinator("1"), "here", 2, 1)
    with pytest.raises(ConfigError, match="nothing can listen at"):
        lead(Coordinator("1"), "192.0.2.1:9400", 2, 1)
