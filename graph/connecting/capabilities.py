"""Differences of the two servers: one object that says what a server is and can do."""

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

    def vector_index(self, name: str, label: str, key: str, size: int) -> list[str]:
        """The statements that make a vector index for cosines: Cypher, or ArcadeDB's own language.

        Neo4j must not quantise: it would score by the rounded vectors, and take a quarter more.

        Args:
            name: Its name, a plain word.
            label: Label of the nodes, any text.
            key: Property that holds the vector, a plain word.
            size: Width of the vectors.
        """
        quoted = "`" + label.replace("`", "``") + "`"
        if self.vector_index_in_cypher:
            return [
                f"CREATE VECTOR INDEX {name} IF NOT EXISTS FOR (n:{quoted}) ON (n.{key}) OPTIONS "
                f"{{indexConfig: {{`vector.dimensions`: {size}, "
                "`vector.similarity_function`: 'cosine', "
                "`vector.quantization.enabled`: false}}"
            ]
        return [
            *self.vector_property(label, key),
            f"CREATE INDEX {name} IF NOT EXISTS ON {quoted} ({key}) LSM_VECTOR "
            f"METADATA {{dimensions: {size}, similarity: 'COSINE'}}",
        ]

    def vector_property(self, label: str, key: str) -> list[str]:
        """The statements that say that a property holds vectors, before any is written.

        ArcadeDB keeps 4 bytes a number then, not 9. Neo4j does where a procedure writes them.

        Args:
            label: Label of the nodes, any text.
            key: The property, a plain word.
        """
        if self.vector_index_in_cypher:
            return []
        quoted = "`" + label.replace("`", "``") + "`"
        return [f"CREATE PROPERTY {quoted}.{key} IF NOT EXISTS ARRAY_OF_FLOATS"]
