"""Options of the driver and its errors, which the connection and the asynchronous one share."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import neo4j
from neo4j.exceptions import (
    AuthError,
    ClientError,
    ConfigurationError,
    DriverError,
    Neo4jError,
    ServiceUnavailable,
    SessionExpired,
)

from linkspan.errors import ArgumentError, ConfigError, DatabaseError
from linkspan.graph.connecting.embedded import DATABASE, EmbeddedServer

SCHEMES = ("neo4j", "neo4j+s", "neo4j+ssc", "bolt", "bolt+s", "bolt+ssc")
_TIMED_OUT = "Neo.ClientError.Transaction.TransactionTimedOut"


@dataclass(frozen=True)
class Options:
    """Patience and width of a connection.

    Attributes:
        timeout: Seconds to wait for a connection, and to go on trying a query again whose
            connection was lost or of which the server says that it may be tried again. Where nobody
            has answered yet, nothing is tried again.
        query_timeout: Seconds that the server may work on one query; None: as long as it takes.
            Neo4j ends the query then; ArcadeDB does not, so that a blocking call goes on waiting.
        pool_size: At most this many connections at once; who needs one more waits for it.
    """

    timeout: float = 30.0
    query_timeout: float | None = None
    pool_size: int = 100

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not value > 0:
                raise ConfigError(f"{name} is {value}", hint="Give a number above 0")

    def of_driver(self) -> dict[str, Any]:
        """As the driver takes them."""
        return {
            "connection_timeout": self.timeout,
            "connection_acquisition_timeout": self.timeout,
            "max_transaction_retry_time": self.timeout,
            "max_connection_pool_size": self.pool_size,
            "notifications_min_severity": "OFF",
        }

    def timed(self, query: str) -> Any:
        """A query as the driver takes it, with its time limit."""
        if self.query_timeout is None:
            return query
        return neo4j.Query(query, timeout=self.query_timeout)


DEFAULT = Options()


@dataclass(frozen=True)
class Login:
    """Address of a database, and who asks; fields as arguments of `Database`."""

    uri: str
    user: str
    password: str = field(repr=False)
    database: str
    embedded: EmbeddedServer | None = None


def find_login(
    uri: str, user: str | None, password: str | None, database: str | None, *, create: bool
) -> Login:
    """The login of a server; the embedded one is started or joined for it.

    Arguments and errors are those of `open_database`.
    """
    if uri.startswith("embedded:"):
        folder = Path(uri.removeprefix("embedded:"))
        if not create and not folder.exists():
            raise ConfigError(
                f"there is no graph database in {folder}",
                hint="Load one with 'linkspan demo' or 'linkspan ingest', or give an address",
            )
        server = EmbeddedServer.ensure(folder)
        return Login(server.uri, server.user, server.password, DATABASE, server)
    check_address(uri)
    if password is None:
        raise ConfigError(f"there is no password for {uri}", hint="Set NEO4J_PASSWORD")
    return Login(uri, user or "neo4j", password, database or "neo4j")


def reading(database: str) -> dict[str, Any]:
    """Options of a session that only reads."""
    return {"database": database, "default_access_mode": neo4j.READ_ACCESS}


def as_dicts(records: Iterable[neo4j.Record]) -> list[dict[str, Any]]:
    """One dict a row of a result, by column name."""
    rows = list(records)
    keys = rows[0].keys() if rows else []  # each call makes a list
    return [dict(zip(keys, row, strict=True)) for row in rows]


@contextmanager
def driver_errors(
    uri: str, user: str, database: str, embedded: EmbeddedServer | None
) -> Iterator[None]:
    """Turn the driver's errors into ours, with a hint.

    Raises:
        ArgumentError: A parameter is no text or number that a graph can hold.
        DatabaseError: Anything else that the driver or the server complains of.
    """
    try:
        yield
    except (UnicodeEncodeError, OverflowError) as error:
        raise ArgumentError(
            f"a parameter cannot be sent to the graph database ({error})",
            hint="Give whole characters, and numbers of 64 bits",
        ) from error
    except (ServiceUnavailable, SessionExpired) as error:
        raise DatabaseError(
            f"no graph database answers at {uri} ({_first_line(error)})",
            hint=(embedded and embedded.why_gone())
            or "Start it, or check the address ('linkspan doctor' looks closer)",
        ) from error
    except AuthError as error:
        raise DatabaseError(
            f"{uri} refused the login of user '{user}'",
            hint="Check NEO4J_USERNAME and NEO4J_PASSWORD",
        ) from error
    except ClientError as error:
        if error.code == "Neo.ClientError.Database.DatabaseNotFound":
            raise DatabaseError(
                f"{uri} has no database '{database}'",
                hint="Check NEO4J_DATABASE or [database] name",
            ) from error
        if (error.code or "").startswith(_TIMED_OUT):
            raise timed_out() from error
        raise DatabaseError(f"the server refused a query: {_first_line(error)}") from error
    except (Neo4jError, DriverError) as error:
        raise DatabaseError(f"a query failed: {_first_line(error)}") from error


def timed_out() -> DatabaseError:
    """A query took longer than it may."""
    return DatabaseError(
        "a query took longer than it may", hint="Ask for less, or set a larger query_timeout"
    )


def check_address(uri: str) -> None:
    """Refuse what is no address of a graph database.

    Raises:
        ConfigError: It is none.
    """
    try:
        parts = urlsplit(uri)
        known = parts.scheme in SCHEMES and parts.hostname and parts.port != 0
    except ValueError:  # a port that is no number, or half an IPv6 address
        known = False
    if not known:
        raise ConfigError(
            f"'{uri}' is not the address of a graph database",
            hint="Use embedded:DIR, or neo4j://, bolt:// or neo4j+s:// with host and port",
        )


def unusable(uri: str, error: Exception) -> ConfigError:
    """The driver does not take an address or an option."""
    return ConfigError(f"'{uri}' cannot be used: {error}")


UNUSABLE = (ConfigurationError, ValueError)
"""Errors that the driver raises then."""


def _first_line(error: BaseException) -> str:
    """The first line of an error's text, without the codes that the driver puts around it."""
    text = getattr(error, "message", None) or str(error) or type(error).__name__
    return re.sub(r"^\{.*?message: ", "", str(text)).splitlines()[0].rstrip(".}")
