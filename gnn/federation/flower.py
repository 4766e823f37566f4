"""Flower as the carrier of a federation's messages.

The coordinator is a Flower server, a site a Flower client, each started from here. Flower's newer
way, in which a site's machine takes the program to run from the coordinator, would not do: a site
that may not hand out its events runs what was installed there, and nothing that is sent to it.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Thread
from time import monotonic, sleep
from types import FrameType
from typing import Any, NamedTuple

os.environ.setdefault("FLWR_TELEMETRY_ENABLED", "0")  # read while Flower is imported

from flwr.client import NumPyClient, start_client
from flwr.common import FitIns, ndarrays_to_parameters, parameters_to_ndarrays
from flwr.common.logger import FLOWER_LOGGER
from flwr.server import History, Server, ServerConfig, SimpleClientManager, start_server
from flwr.server.server import fit_clients

from linkspan.errors import ConfigError, ModelError
from linkspan.gnn.federation.coordinator import Coordinator
from linkspan.gnn.federation.messages import END, REFUSED, WAIT, Array, Message

MESSAGE_BYTES = 2**31 - 1
"""Longest message that gRPC carries."""
MARGIN = 60.0
"""Seconds that a site waits longer than a coordinator of the same timeout, which tells it more."""
_HELLO = "hello"
"""Kind of what a coordinator says first."""


class Certificates(NamedTuple):
    """PEM files of a coordinator that is reached by TLS.

    Attributes:
        authority: Who signed its certificate.
        certificate: Its own.
        key: To its own.
    """

    authority: Path
    certificate: Path
    key: Path


def lead(
    coordinator: Coordinator,
    address: str,
    sites: int,
    timeout: float,
    certificates: Certificates | None = None,
    waiting: Callable[[], object] = lambda: None,
) -> None:
    """Wait for sites, and carry messages until all of them have ended.

    Args:
        coordinator: Answers them.
        address: ``HOST:PORT`` to listen at.
        sites: How many to wait for.
        timeout: Seconds for the sites to come, and for each to send its next message.
        certificates: For TLS; without, anyone on the way can read the parameters.
        waiting: Called when the sites can come.

    Raises:
        ConfigError: Nothing can listen there, or a file cannot be read or is no certificate.
        ModelError: Not all sites came, or too few were left.
    """
    _check_free(address)
    files = None if certificates is None else tuple(map(_read, certificates))
    server = _Lead(coordinator, sites, waiting)
    try:
        with _quiet():
            start_server(
                server_address=address,
                server=server,
                config=ServerConfig(num_rounds=0, round_timeout=timeout),
                grpc_max_message_length=MESSAGE_BYTES,
                certificates=files,  # type: ignore[arg-type]
            )
    except RuntimeError as error:  # gRPC takes none of it
        raise ConfigError(
            f"no server can be made of {address}, the certificate and its key ({error})",
            hint="See that they are PEM files, and belong together",
        ) from error
    if server.error is not None:
        raise server.error
    if server.failed:
        raise ModelError(server.failed, hint="Start all sites within the time of --timeout")
    if len(coordinator.ended) < 2:
        gone = "; ".join(f"site '{name}': {why}" for name, why in coordinator.gone.items())
        raise ModelError(f"the sites did not train together: {gone}", hint="Mend it, start again")


@contextmanager
def joined(address: str, timeout: float, authority: Path | None = None) -> Iterator[FlowerLink]:
    """A site's link to a coordinator; it is told of the end, or that this site has failed.

    Args:
        address: ``HOST:PORT`` of the coordinator.
        timeout: Seconds for it to be there, and for each of its answers.
        authority: PEM file of who signed its certificate; without, no TLS.

    Raises:
        ConfigError: The file cannot be read.
        ModelError: As `FlowerLink.exchange` raises it.
    """
    link = FlowerLink(address, timeout, None if authority is None else _read(authority))
    try:
        yield link
        link.exchange(Message(END))
    finally:
        link.close()


class FlowerLink:
    """A site's end of the connection: Flower asks it in a thread of its own.

    Attributes:
        sent: Bytes of the arrays that were sent, by kind of message.
        received: Likewise, that came.
        messages: Number of messages by kind.

    Args:
        address: ``HOST:PORT``.
        timeout: Seconds for the coordinator to be there, and for each of its answers.
        authority: PEM of who signed its certificate; without, no TLS.
    """

    def __init__(self, address: str, timeout: float, authority: bytes | None) -> None:
        self._address, self._timeout, self._authority = address, timeout, authority
        self._out: SimpleQueue[Message | None] = SimpleQueue()
        self._in: SimpleQueue[Message | Exception] = SimpleQueue()
        self._thread = Thread(target=self._run, name="federation", daemon=True)
        self._thread.start()
        self.sent: dict[str, int] = {}
        self.received: dict[str, int] = {}
        self.messages: dict[str, int] = {}

    def exchange(self, message: Message) -> Message:
        """Send a message, and wait for the answer.

        Raises:
            ModelError: The coordinator refuses, cannot be reached, or is gone.
        """
        self._out.put(message)
        answer = self._wait()
        if isinstance(answer, Exception):
            raise ModelError(
                f"the coordinator at {self._address} is not there "
                f"({next(iter(str(answer).splitlines()), type(answer).__name__)})",
                hint="Start it with 'linkspan federate lead', and see that both ends use TLS or "
                "neither does; nothing of this training was kept",
            ) from answer
        if answer.kind == REFUSED:
            raise ModelError(
                f"the coordinator refuses this site: {answer.about['why']}",
                hint="Mend it, and start all sites again; nothing of this training was kept",
            )
        for counts, each in ((self.sent, message), (self.received, answer)):
            counts[message.kind] = counts.get(message.kind, 0) + each.size
        self.messages[message.kind] = self.messages.get(message.kind, 0) + 1
        return answer

    def _wait(self) -> Message | Exception:
        """The next answer; one that says to wait is a sign of life, and no more."""
        try:
            while True:
                answer = self._in.get(timeout=self._timeout + MARGIN)
                if isinstance(answer, Exception) or answer.kind != WAIT:
                    return answer
        except Empty:
            return TimeoutError(f"it has said nothing for {self._timeout:g} seconds")

    def close(self) -> None:
        """Leave; a coordinator that was not told of the end takes this site for gone."""
        self._out.put(None)
        self._thread.join(timeout=10)

    def _run(self) -> None:
        """Flower's client, until the coordinator ends the connection."""
        try:
            with _quiet():
                _reach(self._address, self._timeout)
                start_client(
                    server_address=self._address,
                    client=_Site(self._in, self._out).to_client(),
                    grpc_max_message_length=MESSAGE_BYTES,
                    root_certificates=self._authority,
                    insecure=self._authority is None,
                )
            self._in.put(ConnectionError("it has ended the connection"))
        except Exception as error:
            self._in.put(error)


class _Site(NumPyClient):
    """Flower's client: hands answers over, and waits for what the site says next."""

    def __init__(
        self, answers: SimpleQueue[Message | Exception], told: SimpleQueue[Message | None]
    ) -> None:
        self._answers, self._told = answers, told

    def fit(self, parameters: Any, config: Mapping[str, Any]) -> tuple[list[Array], int, Any]:
        """Take the answer to the last message, and give the next one."""
        answer = _unpacked(parameters, config)
        if answer.kind != _HELLO:
            self._answers.put(answer)
        if answer.kind in (WAIT, END, REFUSED):
            return _fit_result(Message(WAIT))
        message = self._told.get()
        if message is None:
            raise ConnectionError("this site has failed")
        return _fit_result(message)


class _Lead(Server):
    """Flower's server: brings what all sites say to the coordinator, and its answers to them."""

    def __init__(self, coordinator: Coordinator, sites: int, waiting: Callable[[], object]) -> None:
        super().__init__(client_manager=SimpleClientManager())
        self._coordinator, self._sites, self._waiting = coordinator, sites, waiting
        self.failed = ""
        self.error: Exception | None = None

    def fit(self, num_rounds: int, timeout: float | None) -> tuple[History, float]:
        """Rounds, until every site has heard its last answer."""
        for number in (signal.SIGINT, signal.SIGTERM):
            _interrupt_after(number)
        manager = self.client_manager()
        self._waiting()
        if not manager.wait_for(self._sites, int(timeout or 0)):
            here = manager.num_available()
            self.failed = f"{here} of {self._sites} sites came within {timeout:g} seconds"
            return History(), 0.0
        answers = dict.fromkeys(dict(manager.all()), Message(_HELLO))
        known = set(answers)
        while answers:
            there = dict(manager.all())
            told = [(there[site], _packed(each)) for site, each in answers.items() if site in there]
            results, _ = fit_clients(told, len(told) or 1, timeout, 0)
            last = {site for site, each in answers.items() if each.kind in (END, REFUSED)}
            found = {
                site.cid: _unpacked(parameters_to_ndarrays(each.parameters), each.metrics)
                for site, each in results
                if site.cid not in last
            }
            try:
                answers = self._coordinator.answer(found)
            except Exception as error:
                self.error = error
                why = {"why": "the coordinator has failed"}
                answers = {site: Message(REFUSED, about=why) for site in found}
            late = set(manager.all()) - known
            known |= late
            answers |= {site: self._coordinator.refuse(f"connection {site[:8]}") for site in late}
        return History(), 0.0


def _interrupt_after(number: int) -> None:
    """Let Flower's handler of a signal end the connections, but not leave as if all were done."""
    flowers = signal.getsignal(number)

    def interrupt(signum: int, frame: FrameType | None) -> None:
        if callable(flowers):
            with suppress(SystemExit):
                flowers(signum, frame)
        raise KeyboardInterrupt

    signal.signal(number, interrupt)


def _packed(message: Message) -> FitIns:
    arrays, config = _parts(message)
    return FitIns(ndarrays_to_parameters(arrays), config)


def _fit_result(message: Message) -> tuple[list[Array], int, dict[str, Any]]:
    arrays, config = _parts(message)
    return arrays, 1, config


def _parts(message: Message) -> tuple[list[Array], dict[str, Any]]:
    """Arrays, and all else as Flower's numbers and texts."""
    about = {"names": list(message.arrays), "about": dict(message.about)}
    return list(message.arrays.values()), {"kind": message.kind, "rest": json.dumps(about)}


def _unpacked(arrays: list[Array], config: Mapping[str, Any]) -> Message:
    """The message in what `_parts` made; of something else, one without a kind."""
    with suppress(ValueError, KeyError, TypeError):
        rest = json.loads(str(config["rest"]))
        named = dict(zip(rest["names"], arrays, strict=True))
        return Message(str(config["kind"]), named, dict(rest["about"]))
    return Message("")


@contextmanager
def _quiet() -> Iterator[None]:
    """Flower's log, its notes on what is older too, kept out of the terminal."""
    level = FLOWER_LOGGER.level
    FLOWER_LOGGER.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        FLOWER_LOGGER.setLevel(level)


def check_address(address: str, authority: Path | None = None) -> None:
    """See that an address is one, and that a site can read its file.

    Raises:
        ConfigError: It is none, or cannot be read.
    """
    _place(address)
    if authority is not None:
        _read(authority)


def _place(address: str) -> tuple[str, int]:
    """Host and port.

    Raises:
        ConfigError: It is no address.
    """
    host, _, port = address.rpartition(":")
    if not host or not port.isdigit() or not 0 < int(port) < 65536:
        raise ConfigError(f"'{address}' is no HOST:PORT", hint="Write it like 'localhost:9400'")
    return host.strip("[]"), int(port)


def _check_free(address: str) -> None:
    """See that something can listen at an address.

    Raises:
        ConfigError: It cannot.
    """
    host, port = _place(address)
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.create_server((host, port), family=family):
            pass
    except OSError as error:
        raise ConfigError(
            f"nothing can listen at {address} ({error.strerror})", hint="Choose another port"
        ) from error


def _reach(address: str, timeout: float) -> None:
    """Wait until something listens at an address.

    Raises:
        OSError: Nothing does, in time.
    """
    place, until = _place(address), monotonic() + timeout
    while True:
        try:
            socket.create_connection(place, timeout=5).close()
            return
        except OSError as error:
            if monotonic() > until or isinstance(error, socket.gaierror):  # no such host
                raise
            sleep(1)


def _read(file: Path) -> bytes:
    """A file's bytes.

    Raises:
        ConfigError: It cannot be read.
    """
    try:
        return file.read_bytes()
    except OSError as error:
        raise ConfigError(f"{file}: it cannot be read ({error.strerror})") from error
