"""Where the two servers differ: one object that says what a server is and can do."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Capabilities:
    """A server and what it can do.

    Attributes:
        engine: ``Neo4j`` or ``ArcadeDB``.
        version: The server's version, or empty where it does not tell.
        bolt: Version of the Bolt protocol spoken, such as ``5.8``.
        vector_index_in_cypher: Whether ``CREATE VECTOR INDEX`` is understood.
    """

    engine: str
    version: str
    bolt: str
    vector_index_in_cypher: bool

    @classmethod
    def of_agent(cls, agent: str, protocol: tuple[int, int]) -> Capabilities:
        """Read the server's agent string.

        Neo4j says ``Neo4j/5.26.16``; ArcadeDB says
        ``Neo4j/5.26.0 compatible (ArcadeDB 26.10.2)``.
        """
        name, _, version = agent.partition("/")
        arcade = re.search(r"ArcadeDB ([\d.]+)", agent)
        return cls(
            engine="ArcadeDB" if arcade else name or "unknown",
            version=arcade[1] if arcade else version,
            bolt=".".join(map(str, protocol)),
            vector_index_in_cypher=arcade is None,
        )
