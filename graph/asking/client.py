"""The client for applications: every call is one of the queries in ``cypher/``."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property
from types import TracebackType
from typing import Any, Self

from linkspan.cypher import Names
from linkspan.graph.asking.needs import Asking, Encode, Encoder, EncoderOfRuns, Result
from linkspan.graph.asking.questions import Fallback, Questions
from linkspan.graph.asking.results import (
    Acceptance,
    Explanation,
    FoundItem,
    HistoryItem,
    Likeness,
    Lists,
    Recommendation,
    Results,
    Run,
    SimilarItem,
)
from linkspan.graph.asking.visitors import Past, Recommender, recommend_visitor
from linkspan.graph.connecting.connection import Database
from linkspan.graph.users.feedback import Event, FeedbackWriter
from linkspan.graph.users.forgetting import Forgot, forget_user
from linkspan.graph.users.pseudonyms import Pseudonyms
from linkspan.graph.writing.lease import Lease


class Client:
    """Reads recommendations from the graph; a context manager, safe to share between threads.

    It needs no torch and no right to write. Users and items are given by their keys in the graph:
    ``domain/id`` for items; the plain id for users that the domains share.

    Where the graph has pseudonyms in place of users' ids, a user is given by the id or by the
    pseudonym; the id needs the key.

    Every call raises `ArgumentError` for an argument that cannot be meant, and `DatabaseError`
    where the server fails; the client can be used again once it is back. A query whose connection
    is lost is tried again until the connection's timeout. ``k`` is at most so many rows: below 1 is
    an error, more than a million is a million.

    Args:
        database: An open connection, closed with the client.
        pseudonyms: Made with the key that the graph was loaded with, where it has pseudonyms.
        encoder: That of the run, for `search` by meaning, or what gives it.
        model: What recommends by a history.
    """

    def __init__(
        self,
        database: Database,
        pseudonyms: Pseudonyms | None = None,
        encoder: Encoder | EncoderOfRuns | None = None,
        model: Recommender | None = None,
    ) -> None:
        self.database, self._model = database, model
        self._questions = Questions(pseudonyms, encoder)

    def recommend(
        self,
        user: str | None = None,
        domain: str | None = None,
        k: int = 10,
        *,
        fallback: Fallback = None,
        history: Past | None = None,
    ) -> Results[Recommendation]:
        """The best items for a user, or for a visitor whom the graph does not have.

        Args:
            user: Key of the user.
            domain: Only from this domain; None: the best of each domain first, then the second.
            k: At most this many, 1 or more.
            fallback: What a user without a list gets, who may be unknown: ``popular`` for the items
                with most events that the user has not met, at most 100 a domain, asked of the graph
                once a minute; None for nothing.
            history: In place of a user: the items that a visitor has met, the oldest first, as keys
                or as pairs of domain and id. The model that the client was opened with scores them,
                as for a user of this history; for an empty one, what is popular.

        Returns:
            Best first; empty for a user without a list, unless there is a fallback.

        Raises:
            ArgumentError: ``k`` is below 1, there is no such domain, or no such item in the model.
            ConfigError: There is a history, and the client has no model.
            DatabaseError: The server failed.
        """
        if user is None or history is not None:
            return recommend_visitor(self._model, user, history, domain, k)
        return self._answer(self._questions.recommend(user, domain, k, fallback))

    def recommend_many(
        self,
        users: Iterable[str],
        domain: str | None = None,
        k: int = 10,
        *,
        fallback: Fallback = None,
    ) -> Lists:
        """The best items for each of many users, asked for 500 users at a time.

        Args:
            users: Their keys; one that stands there twice is asked for once.
            domain: Only from this domain; None: from all.
            k: At most this many a user, 1 or more.
            fallback: What users without a list get, as for `recommend`.

        Returns:
            Every user that was asked for, in that order, with the same list as `recommend` gives.

        Raises:
            ArgumentError: ``k`` is below 1, or the graph has no such domain.
            DatabaseError: The server failed.
        """
        return self._answer(self._questions.recommend_many(users, domain, k, fallback))

    def similar(
        self, item: str, domain: str | None = None, k: int = 10, *, kind: Likeness = "states"
    ) -> Results[SimilarItem]:
        """Items that are like an item.

        Args:
            item: Key of the item.
            domain: Only from this domain; None: from all.
            k: At most this many, 1 or more.
            kind: ``states``: by what was learned of both; ``relations``: by what both share in the
                graph, each with what ties them most.

        Returns:
            The most alike first; empty for an item that has none, or is unknown.

        Raises:
            ArgumentError: ``k`` is below 1, or there is no such kind, or domain in the graph.
            DatabaseError: The server failed.
        """
        return self._answer(self._questions.similar(item, domain, k, kind))

    def history(self, user: str, domain: str | None = None, k: int = 10) -> Results[HistoryItem]:
        """Items that a user has met, the latest first.

        Args:
            user: Key of the user.
            domain: Only from this domain; None: from all.
            k: At most this many, 1 or more.

        Raises:
            ArgumentError: ``k`` is below 1, or the graph has no such domain.
            DatabaseError: The server failed.
        """
        return self._answer(self._questions.history(user, domain, k))

    def explain(self, user: str, item: str, k: int = 5) -> Explanation:
        """Explain why an item is recommended to a user; also one that is in no list.

        Args:
            user: Key of the user.
            item: Key of the item.
            k: At most this many paths, 1 or more.

        Raises:
            ArgumentError: ``k`` is below 1, or the graph has no such user or item.
            DatabaseError: The server failed.
        """
        return self._answer(self._questions.explain(user, item, k))

    def feedback(
        self,
        user: str,
        item: str,
        kind: str = "accept",
        *,
        at: int | None = None,
        run: str | None = None,
        create: bool = False,
    ) -> bool:
        """Write what a user said of an item, with the run and rank in whose list it stood.

        After a kind that counts as positive, negative or hidden the item is in no list of the user
        any more. The same again within a second is left out.

        Args:
            user: Key of the user.
            item: Key of the item.
            kind: ``view``, ``click``, ``accept``, ``dislike``, ``dismiss``, or one of the settings.
            at: Milliseconds UTC; None: now.
            run: Id of the run whose list was shown, as `recommend` tells it; None: the run that
                the user reads now.
            create: Whether to make the user where the graph has none.

        Returns:
            Whether it is new.

        Raises:
            ConfigError: There is no such kind.
            DataError: The graph has no such user or item.
            DatabaseError: The server failed, or its user may not write.
        """
        event = Event(self.user_key(user), item, kind, at, run)
        return bool(self.writer.write([event], create=create))

    def forget(self, user: str, *, same_as: bool = False) -> Forgot:
        """Remove a user from the graph, with events, lists and feedback.

        From now on `linkspan ingest` passes over the user's rows.

        Only the graph: files of Linkspan's, such as snapshots, and models that were trained, are
        where they were made, and ``linkspan forget`` removes the user from there, too.

        Args:
            user: Key of the user.
            same_as: Whether all keys that are ``SAME_AS`` this one go, too.

        Raises:
            DataError: The graph has no such user.
            PublishError: A run is being published; its lists may name the user.
            DatabaseError: The server failed, or its user may not write; call again to go on.
        """
        key = self.user_key(user)
        with Lease(self.database, "forgetting of a user"):
            return forget_user(self.database, key, self.names, same_as=same_as)

    def acceptance(self) -> Results[Acceptance]:
        """Count what became of what each run showed, by domain, the latest run first.

        Raises:
            DatabaseError: The server failed.
        """
        return self._answer(self._questions.acceptance())

    @cached_property
    def writer(self) -> FeedbackWriter:
        """Writes feedback, many at once too."""
        return FeedbackWriter(self.database)

    def search(self, text: str, domain: str | None = None, k: int = 10) -> Results[FoundItem]:
        """Items by a text.

        With an encoder, those whose own texts mean the nearest, by the vector index of the active
        run; without, those whose title holds all words of the text, which reads all titles.

        Args:
            text: What is searched for.
            domain: Only from this domain; None: from all.
            k: At most this many, 1 or more; by meaning at most 10,000.

        Returns:
            Best first.

        Raises:
            ArgumentError: ``k`` is below 1, the text is empty, or the graph has no such domain.
            ConfigError: The encoder is not that of the active run.
            DatabaseError: The server failed.
        """
        return self._answer(self._questions.search(text, domain, k))

    def near(self, item: str, domain: str | None = None, k: int = 10) -> Results[FoundItem]:
        """Items whose text is like that of an item, by the vector index of the active run.

        Args:
            item: Key of the item; for one that is unknown, or has no vector, there are none.
            domain: Only from this domain; None: from all.
            k: At most this many, 1 or more, and at most 10,000.

        Returns:
            Best first; scores are cosines.

        Raises:
            ArgumentError: ``k`` is below 1, or the graph has no such domain.
            DatabaseError: The server failed.
        """
        return self._answer(self._questions.near(item, domain, k))

    def runs(self) -> Results[Run]:
        """The runs that were published, the latest first.

        Raises:
            DatabaseError: The server failed.
        """
        return self._answer(self._questions.runs())

    def domains(self) -> list[str]:
        """Names of the graph's domains, sorted; reads every item.

        Raises:
            DatabaseError: The server failed.
        """
        return self._answer(self._questions.domains())

    def has_user(self, user: str) -> bool:
        """Tell whether the graph has a user of this key.

        Raises:
            DatabaseError: The server failed.
        """
        return self._answer(self._questions.has_user(user))

    def has_item(self, item: str) -> bool:
        """Tell whether the graph has an item of this key.

        Raises:
            DatabaseError: The server failed.
        """
        return self._answer(self._questions.has_item(item))

    def user_key(self, user: str) -> str:
        """The key that a user has in the graph.

        Args:
            user: Key of the user, with the id or with its pseudonym.

        Raises:
            ConfigError: The graph was loaded with another key than that of `pseudonyms`.
            DatabaseError: The server failed.
        """
        return self._answer(self._questions.user_key(user))

    def text(self, name: str) -> str:
        """The Cypher of a query as it runs in this graph: with its types, and its names if adopted.

        Raises:
            ConfigError: There is no such query.
            DatabaseError: The server failed.
        """
        return self._answer(self._questions.text(name))

    def query(self, name: str, **parameters: Any) -> list[dict[str, Any]]:
        """Run one of the queries in ``cypher/`` by its name.

        Returns:
            One dict a row, by column name.

        Raises:
            ConfigError: There is no such query.
            DatabaseError: The server failed.
        """
        return self._answer(self._questions.query(name, **parameters))

    @property
    def names(self) -> Names | None:
        """Names of the roles in an adopted graph, as the active run says."""
        return self._answer(self._questions.active()).names

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

    def _answer(self, asking: Asking[Result]) -> Result:
        """Fetch what a question needs until it has its result."""
        answer: Any = None
        while True:
            try:
                need = asking.send(answer)
            except StopIteration as done:
                result: Result = done.value
                return result
            if isinstance(need, Encode):
                answer = need()
            else:
                read = self.database.read if need.retry else self.database.read_once
                answer = read(need.text, **need.parameters)
