"""Leases in the database: of all who would do the same, one at a time may.

One is for changing which lists are read, one for loading and pruning. Each is a node with a token
and a time. Both servers read committed data, so looking first and writing then would let two in.
Therefore the node is written before it is looked at, in one transaction: on Neo4j the write locks
it until the commit, and what is read then is what the one before committed; on ArcadeDB the second
commit of two fails and is tried again. Time is the server's. A holder says every `SECONDS` / 3 that
it is alive; a killed one holds nothing soon after.

A holder that was asleep longer than that does no harm: each batch of a publish names the holder's
token and does nothing where the ``Run`` has another one.
"""

from __future__ import annotations

import logging
import os
import socket
import threading
import time
from datetime import UTC, datetime
from types import TracebackType
from typing import Any, Literal, Self
from uuid import uuid4

from linkspan import cypher
from linkspan.errors import LinkspanError, PublishError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.writing.constraints import LEASE_BEFORE, prepare_lease

_log = logging.getLogger(__name__)

SECONDS = 30.0
"""Seconds that a lease lasts that is not renewed."""
_ASK_SECONDS = 0.5


class Lease:
    """The right to publish, roll back or refresh, or to load and prune; a context manager.

    Args:
        database: The graph.
        what: What the holder does, such as ``publish of run 20261124-1``, for the one it keeps out.
        seconds: How long it lasts without being renewed.
        name: Which of the rights it is: that to ``publish`` or that to ``ingest``.
        wait: Wait for another holder to end, instead of refusing.

    Attributes:
        token: Tells this holder from all others.
    """

    def __init__(
        self,
        database: Database,
        what: str,
        seconds: float = SECONDS,
        *,
        name: Literal["publish", "ingest"] = "publish",
        wait: bool = False,
    ) -> None:
        self.database, self.what, self.seconds = database, what, seconds
        self.name, self.wait = name, wait
        self.token = uuid4().hex
        self._done, self._lost = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._keep, name="linkspan-lease", daemon=True)

    def __enter__(self) -> Self:
        """Take it.

        Raises:
            PublishError: Another holds it.
            DatabaseError: The server failed.
        """
        prepare_lease(self.database, self.name)
        told = False
        while (held := self._held_before() or self._take(fresh=True)) is not None:
            until = datetime.fromtimestamp(held["until"] / 1000, UTC).strftime("%H:%M:%S UTC")
            going_on = f"{held['what']} is going on ({held['holder']}, lease until {until})"
            if not self.wait:
                raise PublishError(
                    going_on,
                    hint="Wait for it to end; if it was killed, try again after that time",
                )
            if not told:
                _log.warning("%s: waiting for it to end", going_on)
            told = True
            time.sleep(_ASK_SECONDS)
        self._thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Give it back; where the server is gone it expires by itself."""
        self._done.set()
        self._thread.join()
        try:
            self.database.write(cypher.load("release_lease"), name=self.name, token=self.token)
        except LinkspanError as failed:
            _log.info("the lease was not given back and will expire: %s", failed)

    def check(self) -> None:
        """See that it is still ours.

        Raises:
            PublishError: It expired, and another took it.
        """
        if self._lost.is_set():
            raise PublishError(
                f"the lease for the {self.what} expired and another took it",
                hint="This happens where a process stands still for a while; start it again",
            )

    def renew(self) -> None:
        """Renew it now.

        Raises:
            PublishError: It expired, and another took it.
            DatabaseError: The server failed.
        """
        if self._take(fresh=False) is not None:
            self._lost.set()
        self.check()

    def _held_before(self) -> dict[str, Any] | None:
        """The holder under the label of an earlier version; where nobody holds it, it goes."""
        before = {"Lease": LEASE_BEFORE}
        self.database.write(cypher.load("drop_lease", before), name=self.name)
        held = self.database.read(cypher.load("read_lease", before), name=self.name)
        return held[0] if held else None

    def _take(self, *, fresh: bool) -> dict[str, Any] | None:
        """Take or renew it; returns what is known of the holder, or None where that is us."""
        holder = f"process {os.getpid()} on {socket.gethostname()}"
        self.database.write(
            cypher.load("take_lease"),
            name=self.name,
            token=self.token,
            holder=holder,
            what=self.what,
            fresh=fresh,
            milliseconds=round(1000 * self.seconds),
        )
        held: dict[str, Any] = self.database.read(cypher.load("read_lease"), name=self.name)[0]
        return None if held["token"] == self.token else held

    def _keep(self) -> None:
        """Renew it until it is given back."""
        while not self._done.wait(self.seconds / 3):
            try:
                if self._take(fresh=False) is not None:
                    return self._lost.set()
            except LinkspanError as error:
                _log.info("the lease was not renewed: %s", error)
