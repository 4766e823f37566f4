"""Removing a user from the graph for good; a keyed hash of the key is all that is kept.

By the hash a later ingest knows the user, whose rows it passes over. Its key is in the graph: who
may read the graph can tell whether an id that they know of was forgotten, and nobody can tell more.
Where the graph has pseudonyms, the hash is of the pseudonym.
"""

from __future__ import annotations

import hmac
import secrets
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from linkspan import cypher
from linkspan.cypher import Names
from linkspan.errors import DataError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.writing.constraints import prepare_forgetting
from linkspan.graph.writing.writer import BATCH_ROWS


class Forgotten:
    """The users who were forgotten.

    Args:
        secret: Key of the hashes; empty where nobody was.
        hashes: Of keys.
        ids: Of the ids in these keys, which may be the same.
    """

    def __init__(self, secret: str, hashes: Iterable[str], ids: Iterable[str]) -> None:
        self._secret = secret.encode()
        self._hashes, self._ids = frozenset(hashes), frozenset(ids)

    def __bool__(self) -> bool:
        return bool(self._hashes)

    def has(self, key: str) -> bool:
        """Tell whether the user of a key was forgotten."""
        return bool(self._hashes) and self.hash(key) in self._hashes

    def has_id(self, name: str) -> bool:
        """Tell whether a user with an id was forgotten, in whatever domain."""
        return bool(self._ids) and self.hash(name) in self._ids

    def hash(self, text: str) -> str:
        """Keyed hash, 128 bits in hex."""
        return hmac.digest(self._secret, text.encode(), "sha256")[:16].hex()


def read_forgotten(database: Database) -> Forgotten:
    """Who was forgotten in this graph.

    Raises:
        DatabaseError: The server failed.
    """
    rows = database.read(cypher.load("read_forgotten"))
    return Forgotten(rows[0]["secret"], rows[0]["hashes"], rows[0]["ids"]) if rows else NOBODY


NOBODY = Forgotten("", (), ())
"""Nobody was forgotten."""


@dataclass(frozen=True)
class Forgot:
    """Count of what was removed from the graph.

    Attributes:
        users: How many keys; 0 where they had gone before.
        relationships: Type to how many.
    """

    users: int
    relationships: dict[str, int]


def find_user(
    database: Database, user: str, names: Names | None = None, *, same_as: bool = False
) -> tuple[list[str], Forgot]:
    """Find what forgetting a user would remove.

    Args:
        database: The graph.
        user: Key of the user.
        names: Of an adopted graph.
        same_as: Whether all keys that are ``SAME_AS`` this one are meant.

    Returns:
        The keys; none where the graph has no such user.
    """
    query = cypher.load("same_users", None, names)
    keys = [row["key"] for row in database.read(query, user=user)]
    keys = keys if same_as else [key for key in keys if key == user]
    query, counts = cypher.load("count_of_user", None, names), Counter[str]()
    for key in keys:
        for row in database.read(query, user=key):
            counts[row["type"]] += row["count"]
    return keys, Forgot(len(keys), dict(sorted(counts.items())))


def forget_user(
    database: Database, user: str, names: Names | None = None, *, same_as: bool = False
) -> Forgot:
    """Remove a user, with all relationships; killed and started again it finishes.

    Args:
        database: The graph.
        user: Key of the user.
        names: Of an adopted graph.
        same_as: Whether all keys that are ``SAME_AS`` this one go, too.

    Raises:
        DataError: The graph has no such user, and has forgotten none of this key.
        DatabaseError: The server failed; call again to go on.
    """
    keys, found = find_user(database, user, names, same_as=same_as)
    if not keys and not read_forgotten(database).has(user):
        raise DataError(f"the graph has no user {user!r}", hint="A key is as 'recommend' takes it")
    note_forgotten(database, keys)
    links = cypher.load("forget_links", None, names)
    for key in keys:
        while database.write(links, user=key, size=BATCH_ROWS).relationships_deleted:
            pass
        database.write(cypher.load("forget_user", None, names), user=key)
    return found


def note_forgotten(database: Database, keys: Sequence[str]) -> None:
    """Keep hashes of keys, so that no ingest brings their users back."""
    prepare_forgetting(database)
    query = cypher.load("forgotten_secret")
    secret = database.write_read(query, secret=secrets.token_hex(32))[0]["secret"]
    made = Forgotten(secret, (), ())
    rows = [{"hash": made.hash(key), "id": made.hash(id_in(key))} for key in keys]
    database.write(cypher.load("note_forgotten"), rows=rows)


def id_in(key: str) -> str:
    """The id in a key; of a key that is an id, the key."""
    return key.partition("/")[2] or key
