"""ArcadeDB's own API, for the few statements that its Cypher lacks."""

from __future__ import annotations

import base64
import json
from typing import Any
from urllib.error import HTTPError
from urllib.parse import quote
from urllib.request import Request, urlopen

from linkspan.errors import DatabaseError

PORT = 2480
"""Port where ArcadeDB serves its API unless it is told otherwise."""
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
    login = base64.b64encode(f"{user}:{password}".encode()).decode()
    request = Request(
        f"{http_url.rstrip('/')}/api/v1/command/{quote(database)}",
        data=json.dumps({"language": "sql", "command": command}).encode(),
        headers={"Authorization": f"Basic {login}", "Content-Type": "application/json"},
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


def _detail(error: HTTPError) -> str:
    """Say in one line what the server says was wrong."""
    try:
        told = json.loads(error.read())
        return str(told.get("detail") or told["error"]).splitlines()[0]
    except (OSError, ValueError, KeyError, IndexError):
        return str(error)
