"""Pseudonyms: keyed hashes that stand for users' ids, from the file on."""

from __future__ import annotations

import hmac
import os
import re
from base64 import b32decode, b32encode
from typing import Any

from linkspan import cypher
from linkspan.errors import ConfigError
from linkspan.graph.connecting.connection import Database

VARIABLE = "LINKSPAN_USER_KEY"
_LEAST_BYTES = 16
_FORM = re.compile(r"p_[a-z2-7]{32}")


class Pseudonyms:
    """Makes pseudonyms with one secret key.

    A pseudonym is ``p_`` and 32 letters and digits: base 32 of the first 128 bits of HMAC-SHA-256
    of the id, and of 32 bits of the same of those. By the latter a pseudonym of the same key is
    known, so that none is made of a pseudonym. Two of a million users have one pseudonym with a
    probability of 1e-27.

    Args:
        key: The secret; 16 bytes or more as UTF-8.

    Raises:
        ConfigError: It is too short.
    """

    def __init__(self, key: str) -> None:
        self._key = key.encode()
        if len(self._key) < _LEAST_BYTES:
            raise ConfigError(
                f"{VARIABLE} has {len(self._key)} bytes, and needs {_LEAST_BYTES} or more",
                hint="Make one with 'openssl rand -hex 32' and keep it: a lost key cannot be made "
                "again",
            )

    @classmethod
    def from_environment(cls) -> Pseudonyms | None:
        """With the key in ``LINKSPAN_USER_KEY``; None where it is not set.

        Raises:
            ConfigError: The key is too short.
        """
        key = os.environ.get(VARIABLE)
        return None if key is None else cls(key)

    @property
    def check(self) -> str:
        """Text that tells one key from another, and no more; kept in the graph."""
        return self._hash(b"\x00linkspan key check")[:8].hex()

    def of(self, user: str) -> str:
        """The pseudonym of an id; a pseudonym that this key made stays as it is."""
        return user if self.made(user) else self._text(self._hash(user.encode())[:16])

    def made(self, text: str) -> bool:
        """Tell whether a text is a pseudonym of this key."""
        return is_pseudonym(text) and self._text(b32decode(text[2:].upper())[:16]) == text

    def _hash(self, message: bytes) -> bytes:
        return hmac.digest(self._key, message, "sha256")

    def _text(self, hashed: bytes) -> str:
        return "p_" + b32encode(hashed + self._hash(hashed)[:4]).decode().lower()


def is_pseudonym(text: str) -> bool:
    """Tell whether a text has the form of a pseudonym, of whichever key."""
    return _FORM.fullmatch(text) is not None


def check_graph(database: Database, pseudonyms: Pseudonyms | None) -> None:
    """See that users go into a graph in the same way as those before them.

    Args:
        database: The graph; it is only read.
        pseudonyms: How users are named now; None: by their own ids.

    Raises:
        ConfigError: The graph was loaded with another key, or one of the two has pseudonyms and the
            other has not.
    """
    stored = stored_check(database)
    if pseudonyms is None:
        if stored is not None:
            raise ConfigError(
                "this graph has pseudonyms in place of users' ids, and the mapping does not say so",
                hint="Add 'pseudonymise = true' under [users], or use another database",
            )
        return
    if stored is None:
        found = database.read(cypher.load("any_node", {"Item": "User"}))
        if found and found[0]["found"]:
            raise ConfigError(
                "this graph has users by their own ids, and [users] says 'pseudonymise = true'",
                hint="Ingest into an empty database",
            )
    elif stored["check"] != pseudonyms.check:
        raise other_key()


def stored_check(database: Database) -> dict[str, Any] | None:
    """Read what the graph keeps of the key: ``check`` and ``shared``; None without pseudonyms."""
    rows = database.read(cypher.load("read_user_key"))
    return rows[0] if rows else None


def other_key() -> ConfigError:
    """The key is not the one that the graph was loaded with."""
    return ConfigError(
        f"{VARIABLE} is not the key that this graph was loaded with",
        hint="Set that key again, or ingest into an empty database",
    )
