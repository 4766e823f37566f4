"""The public way in for applications."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from linkspan.graph.asking.async_client import AsyncClient
from linkspan.graph.asking.client import Client
from linkspan.graph.asking.needs import Encoder, EncoderOfRuns
from linkspan.graph.connecting.async_connection import AsyncDatabase
from linkspan.graph.connecting.connection import Database
from linkspan.graph.connecting.driving import Login, Options, find_login
from linkspan.graph.users.pseudonyms import Pseudonyms

if TYPE_CHECKING:
    from linkspan.visiting import VisitorModel


def connect(
    uri: str | None = None,
    user: str | None = None,
    password: str | None = None,
    database: str | None = None,
    *,
    encoder: Encoder | str | None = None,
    model: bool | str | Path = False,
    timeout: float = 30.0,
    query_timeout: float | None = None,
    pool_size: int = 100,
) -> Client:
    """Connect to a graph that recommendations were published into.

    Args:
        uri: ``neo4j://``, ``bolt://`` or ``neo4j+s://`` with host and port, or ``embedded:DIR``;
            default: ``NEO4J_URI``, else ``embedded:.linkspan/db``. A ``neo4j://`` address of a
            cluster sends every call to a member that serves reads.
        user: Login name; default ``NEO4J_USERNAME``. One that may only read is enough.
        password: Its password; default ``NEO4J_PASSWORD``.
        database: Name of the database; default ``NEO4J_DATABASE``.
        encoder: For `Client.search` by meaning: the text encoder of the run, or its name as in
            ``encoder`` of ``[train.encoding]`` (``minilm``), which needs the extra ``train``;
            it reads as many tokens of a text as the run's did.
        model: For `Client.recommend` by a history: the folder of a run, or True for that of the
            active run, in the workspace that ``linkspan.toml`` here says. Needs the extra
            ``train``, and a few seconds to load; the rules of ``[publish]`` hold as they are then.
        timeout: Seconds to wait for a connection, and to go on trying where it was lost. Where
            nobody has answered yet, nothing is tried again.
        query_timeout: Seconds that one query may take; None: as long as it takes. ArcadeDB does not
            keep to it, so there a call that blocks goes on waiting.
        pool_size: At most this many connections at once.

    Returns:
        A client, to be closed or used in a ``with`` statement.

    Raises:
        ConfigError: The address or an option cannot be used, there is no database, or
            ``LINKSPAN_USER_KEY``, which is needed to give users by their ids where they have
            pseudonyms, is too short.
        DatabaseError: The embedded server did not start.
        ModelError: The encoder is named or there is a model, and the extra ``train`` is not
            installed; or the model, or its snapshot, is gone or damaged.
        PublishError: The model is that of the active run, and none is active.
    """
    options = Options(timeout, query_timeout, pool_size)
    login = _login(uri, user, password, database)
    pseudonyms, encodes = Pseudonyms.from_environment(), _encoder(encoder)
    opened = Database(**vars(login), options=options)
    try:
        return Client(opened, pseudonyms, encodes, _model(model, opened))
    except BaseException:
        opened.close()
        raise


def connect_async(
    uri: str | None = None,
    user: str | None = None,
    password: str | None = None,
    database: str | None = None,
    *,
    encoder: Encoder | str | None = None,
    model: bool | str | Path = False,
    timeout: float = 30.0,
    query_timeout: float | None = None,
    pool_size: int = 100,
) -> AsyncClient:
    """Connect as `connect` does, for ``await``.

    Called in the event loop that uses it, without ``await``: nothing is sent yet. Only an embedded
    server that does not run yet takes its seconds to start, and a model its seconds to load.

    Returns:
        A client, to be closed or used in an ``async with`` statement; arguments and errors are
        those of `connect`.
    """
    options = Options(timeout, query_timeout, pool_size)
    login = _login(uri, user, password, database)
    pseudonyms, encodes, recommender = Pseudonyms.from_environment(), _encoder(encoder), None
    if model is not False:
        with Database(**vars(login), options=options) as blocking:
            recommender = _model(model, blocking)
    return AsyncClient(
        AsyncDatabase(**vars(login), options=options), pseudonyms, encodes, recommender
    )


def _login(uri: str | None, user: str | None, password: str | None, database: str | None) -> Login:
    """Login as given, else as the environment says."""
    return find_login(
        uri or os.environ.get("NEO4J_URI", "embedded:.linkspan/db"),
        user or os.environ.get("NEO4J_USERNAME"),
        password or os.environ.get("NEO4J_PASSWORD"),
        database or os.environ.get("NEO4J_DATABASE"),
        create=False,
    )


def _encoder(encoder: Encoder | str | None) -> Encoder | EncoderOfRuns | None:
    if not isinstance(encoder, str):
        return encoder
    from linkspan.gnn.encoding.texts import encoder_of_runs

    return encoder_of_runs(encoder)


def _model(model: bool | str | Path, database: Database) -> VisitorModel | None:
    """The model that recommends by a history; loaded now and not at the first question."""
    if model is False:
        return None
    from linkspan.settings import load_settings
    from linkspan.visiting import open_visitors

    return open_visitors(database, load_settings(), None if model is True else model)
