"""Neo4j's own importer: its command, and running it where the server's home may be used."""

from __future__ import annotations

import os
import shlex
import subprocess
import time
from pathlib import Path

from linkspan.errors import ConfigError, DatabaseError
from linkspan.graph.bulk.neo4j_files import ARGUMENTS
from linkspan.graph.connecting.connection import Database

_HOME = "server.directories.neo4j_home"
_START_SECONDS = 180.0
_LOOK_SECONDS = 0.5


def command(folder: Path, database: str, home: Path | None = None) -> str:
    """The one command that imports the files in a folder."""
    return f"cd {shlex.quote(str(folder.resolve()))} && {shlex.join(_words(database, home))}"


def _words(database: str, home: Path | None) -> list[str]:
    """Words of that command, to be run in the folder."""
    program = "neo4j-admin" if home is None else str(home / "bin" / "neo4j-admin")
    return [program, "database", "import", "full", database, f"@{ARGUMENTS}"]


def check_home(home: Path, database: Database) -> None:
    """See that a folder is the home of the server behind a database, and may be used.

    Raises:
        ConfigError: It is not, or its programs may not be run.
        DatabaseError: The server failed.
    """
    for row in database.run(f"SHOW SETTINGS '{_HOME}' YIELD value"):
        if Path(row["value"]).resolve() != home.resolve():
            raise ConfigError(
                f"[database] home: {home} is not the home of the Neo4j at {database.uri}, which is "
                f"{row['value']}",
                hint="Give that, or leave 'home' out where it is on another machine",
            )
    for name in ("neo4j", "neo4j-admin"):
        if not os.access(home / "bin" / name, os.X_OK):
            raise ConfigError(
                f"[database] home: there is no {home / 'bin' / name} that may be run",
                hint="Give the folder of the Neo4j behind [database] uri, or leave 'home' out: "
                "then the command is printed, to be run where the server is",
            )


def import_files(folder: Path, database: Database, home: Path) -> None:
    """Stop the server, import the files in a folder, and start it again.

    Args:
        folder: The files.
        database: A database of that server; its login has to be right, as it is asked again.
        home: The server's home.

    Raises:
        DatabaseError: The server is another's and cannot be stopped, the import failed, or the
            server does not come back. The message holds the command to go on with.
    """
    by_hand = f"Stop it, run '{command(folder, database.database, home)}', and start it"
    stopped = _run([str(home / "bin" / "neo4j"), "stop"], home)
    if _answers(database):
        raise DatabaseError(
            f"the server at {database.uri} goes on after '{home}/bin/neo4j stop' "
            f"({_last_line(stopped)})",
            hint=f"{by_hand}; then run 'linkspan ingest --bulk' again",
        )
    done = _run(_words(database.database, home), folder)
    started = _run([str(home / "bin" / "neo4j"), "start"], home)
    if done.returncode:
        raise DatabaseError(
            f"neo4j-admin did not import the files in {folder}: {_last_line(done)}",
            hint=f"Mend that (a full disk?). {by_hand}; then run 'linkspan ingest --bulk' again",
        )
    until = time.monotonic() + _START_SECONDS
    while not _answers(database):
        if time.monotonic() > until:
            raise DatabaseError(
                f"the files are imported, and the server does not come back: {_last_line(started)}",
                hint=f"Start it (its log is in {home / 'logs'}), then run "
                "'linkspan ingest --bulk' again",
            )
        time.sleep(_LOOK_SECONDS)
    database.reopen()


def _run(words: list[str], folder: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        words,
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        check=False,
    )


def _answers(database: Database) -> bool:
    try:
        database.read_once("RETURN 1")
    except DatabaseError:
        return False
    return True


def _last_line(done: subprocess.CompletedProcess[str]) -> str:
    """The most telling line of what a program said."""
    lines = [line.strip() for line in done.stdout.splitlines() if line.strip()]
    telling = [line for line in lines if "rror" in line or "xception" in line or "full" in line]
    return (telling or lines or ["it said nothing"])[-1].rstrip(".")
