"""The client for applications: every call is one of the queries in ``cypher/``."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from linkspan import cypher
from linkspan.cypher import Names
from linkspan.errors import ConfigError
from linkspan.graph.connection import Database, milliseconds
from linkspan.graph.pseudonyms import Pseudonyms, other_key, stored_check
from linkspan.graph.results import (
    HistoryItem,
    Path,
    Recommendation,
    Results,
    Row,
    Run,
    SimilarItem,
)


class Client:
    """Reads recommendations from the graph; a context manager, safe to share between threads.

    It needs no torch and no right to write. Users and items are given by their keys in the graph:
    ``domain/id`` for items; the plain id for users that the domains share.

    Where the graph has pseudonyms in place of users' ids, a user is given by the id or by the
    pseudonym; the id needs the key.

    Args:
        database: An open connection, closed with the client.
        pseudonyms: Made with the key that the graph was loaded with, where it has pseudonyms.
    """

    def __init__(self, database: Database, pseudonyms: Pseudonyms | None = None) -> None:
        self.database, self._pseudonyms = database, pseudonyms
        self._told: tuple[list[str], Names | None] | None = None

    def recommend(
        self, user: str, domain: str | None = None, k: int = 10
    ) -> Results[Recommendation]:
        """The best items for a user.

        Args:
            user: Key of the user.
            domain: Only from this domain; None: the best of each domain first, then the second.
            k: At most this many, 1 or more.

        Returns:
            Best first; empty for a user without a list.

        Raises:
            ConfigError: ``k`` is below 1, or the graph has no such domain.
            DatabaseError: The server failed.
        """
        return self._ask("recommend", Recommendation, user=self.user_key(user), domain=domain, k=k)

    def similar(self, item: str, domain: str | None = None, k: int = 10) -> Results[SimilarItem]:
        """Items that are like an item.

        Args:
            item: Key of the item.
            domain: Only from this domain; None: from all.
            k: At most this many, 1 or more.

        Raises:
            ConfigError: ``k`` is below 1, or the graph has no such domain.
            DatabaseError: The server failed.
        """
        return self._ask("similar", SimilarItem, item=item, domain=domain, k=k)

    def history(self, user: str, domain: str | None = None, k: int = 10) -> Results[HistoryItem]:
        """What a user has met, the latest first.

        Args:
            user: Key of the user.
            domain: Only from this domain; None: from all.
            k: At most this many, 1 or more.

        Raises:
            ConfigError: ``k`` is below 1, or the graph has no such domain.
            DatabaseError: The server failed.
        """
        rows = self._ask("history", HistoryItem, user=self.user_key(user), domain=domain, k=k)
        return Results(replace(row, at=milliseconds(row.at)) for row in rows)

    def explain(self, user: str, item: str, k: int = 5) -> Results[Path]:
        """What ties an item to a user's past, the strongest first.

        Args:
            user: Key of the user.
            item: Key of the item.
            k: At most this many paths, 1 or more.

        Raises:
            ConfigError: ``k`` is below 1.
            DatabaseError: The server failed.
        """
        return self._ask("why", Path, user=self.user_key(user), item=item, k=k)

    def runs(self) -> Results[Run]:
        """The runs that were published, the latest first.

        Raises:
            DatabaseError: The server failed.
        """
        return self._ask("runs", Run)

    def user_key(self, user: str) -> str:
        """The key that a user has in the graph.

        Args:
            user: Key of the user, with the id or with its pseudonym.

        Raises:
            ConfigError: The graph was loaded with another key than that of `pseudonyms`.
            DatabaseError: The server failed.
        """
        stored = self._user_key
        if self._pseudonyms is None or stored is None:
            return user
        if stored["check"] != self._pseudonyms.check:
            raise other_key()
        if stored["shared"]:
            return self._pseudonyms.of(user)
        domain, _, name = user.partition("/")
        return f"{domain}/{self._pseudonyms.of(name)}"

    def text(self, name: str) -> str:
        """The Cypher of a query as it runs in this graph: with its types, and its names if adopted.

        Raises:
            ConfigError: There is no such query.
            DatabaseError: The server failed.
        """
        types, names = self._active
        return cypher.load(name, {"SAVED": types}, names)

    def query(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run one of the queries in ``cypher/`` by its name.

        Returns:
            One dict a row, by column name.

        Raises:
            ConfigError: There is no such query.
            DatabaseError: The server failed.
        """
        return self.database.read(self.text(name), **parameters)

    @property
    def names(self) -> Names | None:
        """What the roles are called in an adopted graph, as the active run says."""
        return self._active[1]

    def close(self) -> None:
        """Close the connection. May be called twice."""
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def _ask(self, name: str, row: type[Row], **parameters: Any) -> Results[Row]:
        if parameters.get("k", 1) < 1:
            raise ConfigError(f"k is {parameters['k']}", hint="Ask for 1 or more")
        rows = Results(row(**found) for found in self.query(name, **parameters))
        if not rows and parameters.get("domain") is not None:
            self._check_domain(parameters["domain"])
        return rows

    @property
    def _active(self) -> tuple[list[str], Names | None]:
        """Types of the interactions and names in an adopted graph; asked until a run says them."""
        if self._told is None:
            found = self.database.read(cypher.load("read_active"))
            if not found:
                types = self.database.read(cypher.load("interaction_types"))[0]["types"]
                return sorted(types) or ["SAVED"], None
            names = found[0]["names"]
            adopted = Names.model_validate_json(names) if names else None
            self._told = list(found[0]["types"]), adopted
        return self._told

    @cached_property
    def _user_key(self) -> dict[str, Any] | None:
        """What the graph keeps of the key to its pseudonyms; asked once, and only with a key."""
        return None if self._pseudonyms is None else stored_check(self.database)

    def _check_domain(self, domain: str) -> None:
        """Nothing was found in a domain: it may be because there is no such domain."""
        known = [row["domain"] for row in self.query("read_domains")]
        if domain not in known:
            raise ConfigError(
                f"the graph has no domain {domain!r}", hint=f"It has {', '.join(known)}"
            )
