"""The embedded server: ArcadeDB in a child process, shared by all commands that use its folder.

Three lock files say who is there, and the kernel lets go of them when a process dies, however it
dies: ``server.lock`` is held by the running server, ``users.lock`` is shared by all who use it, and
``start.lock`` is held while one of them starts it. The server leaves when it can take
``users.lock`` for itself, unless a file ``keep`` asks it to stay.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import subprocess
import sys
import time
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

from linkspan import machine
from linkspan.errors import ConfigError, DatabaseError

try:
    import fcntl
except ImportError:  # pragma: no cover - Windows
    fcntl = None  # type: ignore[assignment]

DATABASE = "neo4j"
USER = "root"
JAVA_OPTIONS = "ARCADEDB_JVM_ARGS"
"""Variable of the environment with options for the server's Java, such as ``-Xmx8g``."""
_HEAP_MB = (1024, 4096)
_START_SECONDS = 180.0


@dataclass
class EmbeddedServer:
    """A running embedded server that this process uses.

    Attributes:
        folder: Where its data, log, password and locks are.
        uri: Its Bolt address on 127.0.0.1.
        user: Login name.
        password: Its password, also in ``folder/password`` (mode 0600).
        http_url: Where its graph browser is served.
        pid: Process id of the server.
    """

    folder: Path
    uri: str
    user: str
    password: str = field(repr=False)
    http_url: str
    pid: int
    _users_lock: IO[str] = field(repr=False)

    @classmethod
    def ensure(cls, folder: Path, *, heap: str | None = None) -> EmbeddedServer:
        """Join the server of ``folder``, or start it.

        Args:
            folder: Folder of the database; made if need be.
            heap: Most memory that the Java heap may take, such as ``1g``; by default `usual_heap`.
                Only for a new server.

        Raises:
            ConfigError: The ``embedded`` extra is not installed, or the folder cannot be used.
            DatabaseError: The server did not start.
        """
        if fcntl is None:  # pragma: no cover - Windows
            raise ConfigError("the embedded server needs Linux or macOS", hint="Use Neo4j")
        if find_spec("arcadedb_embedded") is None:
            raise ConfigError(
                "the embedded server is not installed",
                hint="Install it: pip install 'linkspan[embedded]', or use a neo4j:// address",
            )
        folder = folder.absolute()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            users_lock = (folder / "users.lock").open("w")
        except OSError as error:
            raise ConfigError(
                f"{folder} cannot hold a database: {error.strerror}",
                hint="Choose a folder you may write to",
            ) from error
        fcntl.flock(users_lock, fcntl.LOCK_SH)
        try:
            with (folder / "start.lock").open("w") as start_lock:
                fcntl.flock(start_lock, fcntl.LOCK_EX)
                if not is_running(folder):
                    _start(folder, heap or usual_heap())
        except BaseException:
            users_lock.close()
            raise
        state = json.loads((folder / "server.json").read_text())
        return cls(
            folder=folder,
            uri=f"bolt://127.0.0.1:{state['bolt_port']}",
            user=USER,
            password=(folder / "password").read_text(),
            http_url=f"http://127.0.0.1:{state['http_port']}/",
            pid=state["pid"],
            _users_lock=users_lock,
        )

    def leave(self) -> None:
        """Stop using the server; it ends by itself when nobody uses it. May be called twice."""
        self._users_lock.close()

    def stop(self) -> None:
        """Leave, and wait until the server has ended unless others use it or it is kept."""
        self.leave()
        wait_for_end(self.folder)

    def why_gone(self) -> str | None:
        """Hint for a user where the server has ended; None while it runs."""
        if is_running(self.folder):
            return None
        again = "The embedded server has ended, and the next command starts it again"
        if "OutOfMemoryError" in _log(self.folder, 5):
            return f"{again}. It ran out of memory: let it have more, {JAVA_OPTIONS}=-Xmx8g"
        return f"{again}. Its log is {self.folder / 'server.log'}"

    def keep(self) -> None:
        """Ask the server to stay when nobody uses it, until `release`."""
        (self.folder / "keep").touch()


def usual_heap() -> str:
    """The heap that the environment asks for, else a quarter of the memory, 1 to 4 GB.

    As much is what Java takes by itself; where a container may use less, that counts.
    """
    asked = re.findall(r"-Xmx(\d+[mMgG])(?:\s|$)", os.environ.get(JAVA_OPTIONS, ""))
    if asked:
        return str(asked[-1])
    least, most = _HEAP_MB
    return f"{min(max(machine.memory() // 4 // 2**20, least), most)}m"


def is_running(folder: Path) -> bool:
    """Tell whether a server runs on this folder."""
    return _is_locked(folder / "server.lock")


def release(folder: Path) -> bool:
    """Let a kept server go; returns whether it has ended (others may still use it)."""
    (folder / "keep").unlink(missing_ok=True)
    return wait_for_end(folder)


def wait_for_end(folder: Path, seconds: float = 30.0) -> bool:
    """Wait while the server shuts down.

    Returns:
        Whether it has ended; False at once where others use it or it is kept.
    """
    until = time.monotonic() + seconds
    while is_running(folder):
        kept = (folder / "keep").exists()
        # While it shuts down, the server itself holds users.lock and has removed server.json.
        used = _is_locked(folder / "users.lock") and (folder / "server.json").exists()
        if kept or used or time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


def _start(folder: Path, heap: str) -> None:
    """Start the server as a child in a session of its own, and wait until it serves."""
    (folder / "server.json").unlink(missing_ok=True)
    password = folder / "password"
    if not password.exists():
        with os.fdopen(os.open(password, os.O_CREAT | os.O_WRONLY, 0o600), "w") as file:
            file.write(secrets.token_urlsafe(24))
    with (folder / "server.log").open("ab") as log:
        command = [
            sys.executable,
            "-m",
            "linkspan.graph.connecting._embedded_server",
            str(folder),
            heap,
        ]
        child = subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder,
            start_new_session=True,
        )
    until = time.monotonic() + _START_SECONDS
    while not (folder / "server.json").exists():
        if child.poll() is not None or time.monotonic() > until:
            child.kill()
            raise DatabaseError(
                f"the embedded server in {folder} did not start: {_last_error(folder)}",
                hint=f"Its log is {folder / 'server.log'}",
            )
        time.sleep(0.05)


def _last_error(folder: Path) -> str:
    """The most telling line at the end of the server's log."""
    lines = _log(folder, 60).splitlines()
    telling = [line for line in lines if "Error" in line or "Exception" in line]
    return (telling or lines or ["no log"])[-1].strip()


def _log(folder: Path, lines: int) -> str:
    """The last lines of the server's log."""
    text = (folder / "server.log").read_text(errors="replace")
    return "\n".join(text.splitlines()[-lines:])


def _is_locked(path: Path) -> bool:
    """Tell whether another holds an exclusive or shared lock on the file."""
    if not path.exists():
        return False
    with path.open("a") as file:
        return not _try_lock(file)


def _try_lock(file: IO[Any]) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
