"""Face of every server for tests, whichever engine it is."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

QUICK = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""What Java is told for servers that live for minutes: its optimising compiler and its threads for
collecting garbage take more of two cores than they ever give back."""


class Unavailable(Exception):
    """This machine cannot run the server, and the message says why."""


@dataclass(frozen=True)
class RunningServer:
    """A server on 127.0.0.1 that belongs to this test run.

    Attributes:
        engine: ``arcadedb`` or ``neo4j``.
        uri: Its Bolt address, ``bolt://127.0.0.1:PORT``.
        user: Login name.
        password: Its password, made up for this run.
        http_url: Where its graph browser is served.
        home: Its temporary folder: data, settings, log.
        log: Its log file.
        stop: Ends it by its own process id and waits until it is gone.
        restart: Kills it (SIGKILL) and starts it again with its data, at the same address.
        offline: Stops it, does something, and starts it again; only Neo4j.
    """

    engine: str
    uri: str
    user: str
    password: str = field(repr=False)
    http_url: str
    home: Path
    log: Path
    stop: Callable[[], None] = field(repr=False)
    restart: Callable[[], None] = field(repr=False)
    offline: Callable[[Callable[[], None]], None] | None = field(default=None, repr=False)

    def child(self, command: Sequence[str]) -> subprocess.Popen[str]:
        """Start a process that reads the password from its first line of standard input."""
        pipe = subprocess.PIPE
        child = subprocess.Popen(command, stdin=pipe, stdout=pipe, text=True)
        assert child.stdin is not None
        child.stdin.write(self.password + "\n")
        child.stdin.close()
        child.stdin = None  # communicate() would flush it
        return child

    def keep_log(self, folder: Path) -> Path:
        """Copy the log to ``folder/ENGINE.log`` and return that path."""
        folder.mkdir(parents=True, exist_ok=True)
        return Path(shutil.copyfile(self.log, folder / f"{self.engine}.log"))
