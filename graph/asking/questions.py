"""Questions of a client, and the reading of their answers; how they are fetched is not said here.

Each question is a generator. It yields what it needs from outside, a `Read` or an `Encode`, is
sent the answer, and returns the typed result. So `Client` and `AsyncClient`, which only fetch,
cannot come to differ in what they ask.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

from linkspan import cypher
from linkspan.cypher import Names
from linkspan.errors import ArgumentError, ConfigError
from linkspan.graph.asking.explanations import (
    RELATED,
    build_explanation,
    relation_types,
)
from linkspan.graph.asking.needs import Asking, Encode, Encoder, EncoderOfRuns, Read
from linkspan.graph.asking.results import (
    Acceptance,
    Explanation,
    FoundItem,
    HistoryItem,
    Likeness,
    Lists,
    Path,
    Recommendation,
    Results,
    Row,
    Run,
    SimilarItem,
    popular_item,
)
from linkspan.graph.connecting.connection import milliseconds
from linkspan.graph.users.pseudonyms import Pseudonyms, other_key

Fallback = Literal["popular"] | None
Rows = list[dict[str, Any]]

BATCH_USERS = 500
"""Users asked for in one round trip of `recommend_many`."""
POPULAR = 100
"""Popular items of each domain that are known to a client."""
MOST_NEAR = 10_000
"""Items that a search by meaning looks at, at most."""
_MOST = 1_000_000
_FRESH_SECONDS = 60.0


@dataclass(frozen=True)
class Active:
    """Types and names that the active run says of the graph.

    Attributes:
        types: Relationship types that are interactions.
        names: What the roles are called in an adopted graph.
    """

    types: Sequence[str]
    names: Names | None


class Questions:
    """The questions of one client, and what it need not ask twice; safe to share between threads.

    What a run says of the graph, its types of relations and with which key it was loaded are taken
    to be true for a minute, so that a program that runs for months sees what is new.

    Args:
        pseudonyms: Made with the key that the graph was loaded with, where it has pseudonyms.
        encoder: That of the run, for `search` by meaning, or what gives it.
    """

    def __init__(
        self, pseudonyms: Pseudonyms | None = None, encoder: Encoder | EncoderOfRuns | None = None
    ) -> None:
        self._pseudonyms, self._encoder = pseudonyms, encoder
        self._key: tuple[float, dict[str, Any]] | None = None
        self._domains: frozenset[str] = frozenset()
        self._active: tuple[float, Active] | None = None
        self._texts: tuple[Active | None, dict[str, str]] = (None, {})
        self._popular: tuple[float, list[Recommendation]] | None = None

    def recommend(
        self, user: str, domain: str | None, k: int, fallback: Fallback
    ) -> Asking[Results[Recommendation]]:
        """The best items for a user."""
        _check_fallback(fallback)
        k, key = number(k), (yield from self.user_key(user))
        rows = yield from self.query("recommend", user=key, domain=domain, k=k)
        found = Results((Recommendation(**row) for row in rows), Recommendation)
        if not found and fallback:
            found = yield from self._popular_for(key, domain, k)
        if not found:
            yield from self._check_domain(domain)
        return found

    def recommend_many(
        self, users: Iterable[str], domain: str | None, k: int, fallback: Fallback
    ) -> Asking[Lists]:
        """The best items for each of many users."""
        _check_fallback(fallback)
        if isinstance(users, str):
            raise ArgumentError(f"users is the text {users!r}", hint="Give a list of keys")
        k, keys = number(k), {}
        for user in users:
            keys[user] = yield from self.user_key(user)
        lists: dict[str, Results[Recommendation]] = {
            key: Results((), Recommendation) for key in keys.values()
        }
        wanted = list(lists)
        for start in range(0, len(wanted), BATCH_USERS):
            batch = wanted[start : start + BATCH_USERS]
            rows = yield from self.query("recommend_many", users=batch, domain=domain, k=k)
            for row in rows:
                lists[row.pop("user")].append(Recommendation(**row))
        if not any(lists.values()):
            yield from self._check_domain(domain)
        if fallback:
            for key, found in lists.items():
                if not found:
                    found.extend((yield from self._popular_for(key, domain, k)))
        return Lists((user, lists[key]) for user, key in keys.items())

    def similar(
        self, item: str, domain: str | None, k: int, kind: Likeness
    ) -> Asking[Results[SimilarItem]]:
        """Items that are like an item."""
        if kind not in get_args(Likeness):
            known = " or ".join(map(repr, get_args(Likeness)))
            raise ArgumentError(f"kind is {kind!r}", hint=f"Give {known}")
        asked = {"item": text(item, "item"), "domain": domain, "k": number(k), "kind": kind}
        return (yield from self._rows("similar", SimilarItem, **asked))

    def history(self, user: str, domain: str | None, k: int) -> Asking[Results[HistoryItem]]:
        """Items that a user has met."""
        k, key = number(k), (yield from self.user_key(user))
        rows = yield from self._rows("history", HistoryItem, user=key, domain=domain, k=k)
        return Results((replace(row, at=milliseconds(row.at)) for row in rows), HistoryItem)

    def explain(self, user: str, item: str, k: int) -> Asking[Explanation]:
        """Explain why an item is recommended to a user."""
        k, key = number(k), (yield from self.user_key(user))
        found = yield from self.query("explained", user=key, item=text(item, "item"))
        if not found:
            if not (yield from self.query("has_user", user=key)):
                raise ArgumentError(f"the graph has no user {user!r}")
            hint = "The key of an item is domain/id"
            raise ArgumentError(f"the graph has no item {item!r}", hint=hint)
        paths = yield from self._rows("why", Path, user=key, item=item, k=k)
        return build_explanation(found[0], paths)

    def search(self, wanted: str, domain: str | None, k: int) -> Asking[Results[FoundItem]]:
        """Items that a text is about, or whose title holds its words."""
        k, words = number(k), text(wanted, "text").split()
        if not words:
            raise ArgumentError("the text to search for is empty", hint="Give some words")
        if self._encoder is None:
            rows = yield from self.query(
                "search_titles", text=wanted.strip(), words=words, domain=domain, k=k
            )
            run = None
        else:
            run, rows = yield from self._by_meaning(self._encoder, wanted, domain, k)
        if not rows:
            yield from self._check_domain(domain)
        found = (FoundItem(**row, rank=rank, run=run) for rank, row in enumerate(rows, 1))
        return Results(found, FoundItem)

    def near(self, item: str, domain: str | None, k: int) -> Asking[Results[FoundItem]]:
        """Items whose text is like that of an item."""
        k, rows = number(k), (yield from self.query("item_vector", item=text(item, "item")))
        if not rows or rows[0]["vector"] is None:
            return Results((), FoundItem)
        found = yield from self._nearest(rows[0], rows[0]["vector"], domain, k + 1)
        others = [row for row in found if row["item"] != item][:k]
        if not others:
            yield from self._check_domain(domain)
        ranked = (FoundItem(**row, rank=r, run=rows[0]["run"]) for r, row in enumerate(others, 1))
        return Results(ranked, FoundItem)

    def runs(self) -> Asking[Results[Run]]:
        """The runs that were published."""
        return (yield from self._rows("runs", Run))

    def acceptance(self) -> Asking[Results[Acceptance]]:
        """Count what became of what each run showed."""
        return (yield from self._rows("acceptance", Acceptance))

    def domains(self) -> Asking[list[str]]:
        """Names of the domains."""
        rows = yield from self.query("read_domains")
        self._domains = frozenset(row["domain"] for row in rows)
        return sorted(self._domains)

    def has_user(self, user: str) -> Asking[bool]:
        """Tell whether the graph has a user."""
        key = yield from self.user_key(user)
        return bool((yield from self.query("has_user", user=key)))

    def has_item(self, item: str) -> Asking[bool]:
        """Tell whether the graph has an item."""
        return bool((yield from self.query("has_item", item=text(item, "item"))))

    def query(self, name: str, **parameters: Any) -> Asking[Rows]:
        """The rows of a query by its name; what is not given is as its header says."""
        found, query = (yield from self.text(name)), cypher.describe(name)
        rows: Rows = yield Read(found, query.defaults | parameters, query.retryable)
        return rows

    def text(self, name: str) -> Asking[str]:
        """The Cypher of a query as it runs in this graph."""
        active = yield from self.active()
        known, texts = self._texts
        if active is not known:
            texts = {}
            self._texts = active, texts
        if name not in texts:
            types: dict[str, str | Sequence[str]] = {"SAVED": active.types}
            if RELATED in cypher.describe(name).text:
                rows = yield Read(cypher.load("all_types"), {})
                types[RELATED] = relation_types([row["name"] for row in rows], active.types)
            texts[name] = cypher.load(name, types, active.names)
        return texts[name]

    def active(self) -> Asking[Active]:
        """Types and names as the active run says; where there is none, as the graph shows."""
        now = time.monotonic()
        if self._active is not None and now - self._active[0] < _FRESH_SECONDS:
            return self._active[1]
        rows = yield Read(cypher.load("read_active"), {})
        if not rows:
            types = (yield Read(cypher.load("interaction_types"), {}))[0]["types"]
            return Active(sorted(types) or ["SAVED"], None)
        names = rows[0]["names"]
        active = Active(list(rows[0]["types"]), Names.model_validate_json(names) if names else None)
        self._active = now, active
        return active

    def user_key(self, user: str) -> Asking[str]:
        """The key that a user has in the graph."""
        text(user, "user")
        if self._pseudonyms is None:
            return user
        now = time.monotonic()
        if self._key is not None and now - self._key[0] < _FRESH_SECONDS:
            stored = self._key[1]
        else:
            found = yield Read(cypher.load("read_user_key"), {})
            if not found:  # asked again each time: what is loaded next may have pseudonyms
                return user
            stored = found[0]
            self._key = now, stored
        if stored["check"] != self._pseudonyms.check:
            raise other_key()
        if stored["shared"]:
            return self._pseudonyms.of(user)
        domain, _, name = user.partition("/")
        return f"{domain}/{self._pseudonyms.of(name)}"

    def _rows(self, name: str, row: type[Row], **parameters: Any) -> Asking[Results[Row]]:
        rows = yield from self.query(name, **parameters)
        if not rows:
            yield from self._check_domain(parameters.get("domain"))
        return Results((row(**found) for found in rows), row)

    def _check_domain(self, domain: str | None) -> Asking[None]:
        """Nothing was found in a domain: it may be because there is no such domain."""
        if domain is None or domain in self._domains:
            return
        known = yield from self.domains()
        if domain not in self._domains:
            raise ArgumentError(
                f"the graph has no domain {domain!r}", hint=f"It has {', '.join(known)}"
            )

    def _by_meaning(
        self, given: Encoder | EncoderOfRuns, wanted: str, domain: str | None, k: int
    ) -> Asking[tuple[str, Rows]]:
        """The active run, and the items whose text vectors are nearest; scores are cosines."""
        runs = yield Read(cypher.load("read_vectors"), {})
        if not runs or runs[0]["slot"] is None:
            raise ConfigError(
                "the graph has no text vectors of an active run",
                hint="Search titles: connect without an encoder",
            )
        run = runs[0]
        encoder = given if isinstance(given, Encoder) else given(run["encoder"])
        if run["encoder"] != encoder.name:
            raise ConfigError(
                f"the text encoder is {encoder.name!r}, and that of the active run is "
                f"{run['encoder']!r}",
                hint="Connect with the encoder of the run, or with none to search titles",
            )
        vector = yield Encode(wanted, encoder)
        return run["run"], (yield from self._nearest(run, vector, domain, k))

    def _nearest(
        self, run: dict[str, Any], vector: list[float], domain: str | None, k: int
    ) -> Asking[Rows]:
        """The items whose text vectors are nearest to a vector; scores are cosines.

        Args:
            run: Its ``slot`` and ``parts`` say in which indexes they are.
            vector: (d,) of a text.
            domain: Only from this domain.
            k: At most this many.
        """
        indexes = [f"item_text_{run['slot']}{part}" for part in run["parts"] or [""]]
        asked = k if domain is None else 10 * k
        while True:
            asked = min(asked, MOST_NEAR)
            nearest: Rows = []
            more = False
            for index in indexes:
                rows = yield from self.query("search_vectors", index=index, n=asked, vector=vector)
                more = more or len(rows) == asked
                nearest += (row for row in rows if domain in (None, row["domain"]))
            if len(nearest) >= k or not more or asked == MOST_NEAR:
                break
            asked *= 4  # few of the nearest are of this domain
        nearest.sort(key=lambda row: (-row["score"], row["item"]))
        for row in nearest:
            row["score"] = 2 * row["score"] - 1
        return nearest[:k]

    def _popular_for(self, key: str, domain: str | None, k: int) -> Asking[Results[Recommendation]]:
        """Popular items that a user has not met."""
        now = time.monotonic()
        if self._popular is None or now - self._popular[0] > _FRESH_SECONDS:
            rows = yield from self.query("popular_items", k=POPULAR)
            self._popular = now, [popular_item(**row) for row in rows]
        met = {row["item"] for row in (yield from self.query("met_items", user=key))}
        left = (
            item
            for item in self._popular[1]
            if domain in (None, item.domain) and item.item not in met
        )
        places: dict[str, int] = {}
        ranked = []
        for item in left:
            places[item.domain] = places.get(item.domain, 0) + 1
            ranked.append(replace(item, rank=places[item.domain]))
        ranked.sort(key=lambda item: (item.rank, -item.score, item.item))
        return Results(ranked[:k], Recommendation)


def number(k: int) -> int:
    """Number of rows that are asked for; more than a million are a million.

    Raises:
        ArgumentError: It is no whole number, or below 1.
    """
    if isinstance(k, bool) or not hasattr(k, "__index__"):
        raise ArgumentError(f"k is {k!r}", hint="Give a whole number")
    if k < 1:
        raise ArgumentError(f"k is {k}", hint="Ask for 1 or more")
    return min(k.__index__(), _MOST)


def text(value: str, name: str) -> str:
    """A key, or a text to search for.

    Raises:
        ArgumentError: It is none; a number in place of a key would find nothing.
    """
    if not isinstance(value, str):
        raise ArgumentError(f"{name} is {value!r}, which is no text", hint=f"Give str({name})")
    return value


def _check_fallback(fallback: Any) -> None:
    if fallback not in (None, "popular"):
        raise ArgumentError(f"fallback is {fallback!r}", hint="Give 'popular', or None for nothing")
