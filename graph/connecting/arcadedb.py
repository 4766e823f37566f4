"""ArcadeDB's own API, for what its Cypher lacks: a few statements, and loading in bulk."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from http.client import HTTPException
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote, urlencode
from urllib.request import Request, urlopen

from linkspan.errors import DatabaseError

PORT = 2480
"""Port where ArcadeDB serves its API unless it is told otherwise."""
_BATCH = {
    "refMode": "ordinal",
    "idMapping": "false",
    "lightEdges": "false",
    "wal": "true",  # without it, what a killed server had not flushed yet would be lost
    "edgeListInitialSize": 256,
}
_SECONDS = 3600.0  # an index over millions of vectors takes its time


def run_sql(
    http_url: str, user: str, password: str, database: str, command: str
) -> list[dict[str, Any]]:
    """Run one SQL command.

    Args:
        http_url: Where the API is served, such as ``http://127.0.0.1:2480/``.
        user: Login name.
        password: Its password.
        database: Name of the database.
        command: The command.

    Returns:
        Its rows.

    Raises:
        DatabaseError: Nobody answers there, or the server refused the command.
    """
    request = Request(
        f"{http_url.rstrip('/')}/api/v1/command/{quote(database)}",
        data=json.dumps({"language": "sql", "command": command}).encode(),
        headers={"Authorization": _login(user, password), "Content-Type": "application/json"},
    )
    try:
        with urlopen(request, timeout=_SECONDS) as answer:
            rows: list[dict[str, Any]] = json.load(answer)["result"]
            return rows
    except HTTPError as error:
        raise DatabaseError(f"ArcadeDB refused '{command}': {_detail(error)}") from error
    except (OSError, ValueError) as error:
        raise DatabaseError(
            f"ArcadeDB's own API does not answer at {http_url} ({error})",
            hint="Say where it is with ARCADEDB_HTTP, or set vectors = false in [publish]",
        ) from error


def send_records(
    http_url: str,
    login: tuple[str, str],
    database: str,
    parts: Iterator[bytes],
    size: int,
    records: int,
) -> dict[str, Any]:
    """Send records to the batch endpoint, which writes them past its transactions.

    Args:
        http_url: Where the API is served.
        login: User and password.
        database: Name of the database.
        parts: A record a line in JSON, nodes first; relationships name their ends by the number of
            the node among all that are sent.
        size: Bytes in all.
        records: Lines in all; the server refuses another number.

    Returns:
        What the server says that it did.

    Raises:
        DatabaseError: Nobody answers, or the server refused; part of it may be written.
    """
    options = urlencode({**_BATCH, "expectedRecords": records})
    request = Request(
        f"{http_url.rstrip('/')}/api/v1/batch/{quote(database)}?{options}",
        data=parts,
        headers={
            "Authorization": _login(*login),
            "Content-Type": "application/x-ndjson",
            "Content-Length": str(size),
        },
    )
    try:
        with urlopen(request, timeout=_SECONDS) as answer:
            done: dict[str, Any] = json.load(answer)
            return done
    except HTTPError as error:
        raise DatabaseError(f"ArcadeDB broke the bulk load off: {_detail(error)}") from error
    except (OSError, HTTPException, ValueError) as error:
        raise DatabaseError(
            f"ArcadeDB at {http_url} went away in the bulk load ({error})",
            hint="See its log; a server of your own needs room for the whole load in "
            "'arcadedb.server.httpBodyContentMaxSize' (-1: no limit)",
        ) from error


def _login(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _detail(error: HTTPError) -> str:
    """Say in one line what the server says was wrong."""
    try:
        told = json.loads(error.read())
        return str(told.get("detail") or told["error"]).splitlines()[0]
    except (OSError, ValueError, KeyError, IndexError):
        return str(error)
