"""Item vectors in the graph: two slots, so that an index never holds vectors of two runs.

A run writes into the slot that the active run does not use: the model's states into the property
``vector_a`` (or ``vector_b``), the encoder's vectors into ``text_vector_a``. Each has a vector
index of its own, `INDEXES`, and ``Run.vectors`` names the slot. An index over a label of an adopted
graph that is not its first item label has a number after its name; ``Run.vector_parts`` holds these
endings, so that a query reads them all.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from linkspan import cypher
from linkspan.cypher import Names
from linkspan.errors import ModelError
from linkspan.graph.connecting.connection import Database
from linkspan.graph.writing.lease import Lease
from linkspan.graph.writing.writer import BATCH_ROWS, write_rows
from linkspan.precision import Packed, Precision, pack, unpack
from linkspan.progress import SILENT, Progress

FloatArray = NDArray[np.float32]

SLOTS = ("a", "b")
INDEXES = {"item_vector": "vector", "item_text": "text_vector"}
"""Beginning of an index's name to that of its property; the slot follows after ``_``."""
PROPERTIES = tuple(
    f"{name}_{slot}" for slot in SLOTS for name in ("vector", "text_vector", "text_hash")
)
"""All that is written on items."""
_BATCH = 1_000  # some 450 numbers a row


@dataclass(frozen=True)
class ItemVectors:
    """The vectors of a run's items.

    Attributes:
        encoder: Name of the text encoder.
        keys: (N,) keys of the items.
        states: (N, d) states of the model.
        texts: (N, e) vectors of the items' texts; zeros where there is no text.
        hashes: (N,) of encoder and text: equal where the text vector is.
        precision: That they were rounded to; the graph holds what is left as 4 bytes a number.
    """

    encoder: str
    keys: list[str]
    states: FloatArray
    texts: FloatArray
    hashes: list[str]
    precision: Precision = "single"

    def save(self, file: Path) -> None:
        """Write one Parquet file."""
        columns = {
            "key": pa.array(self.keys, pa.string()),
            **_columns("vector", pack(self.states, self.precision)),
            **_columns("text_vector", pack(self.texts, self.precision)),
            "text_hash": pa.array(self.hashes, pa.string()),
        }
        about = {"encoder": self.encoder, "precision": self.precision}
        pq.write_table(pa.table(columns).replace_schema_metadata(about), file)

    @classmethod
    def load(cls, file: Path) -> ItemVectors:
        """Read what `save` wrote.

        Raises:
            ModelError: The file is missing or damaged.
        """
        try:
            table = pq.read_table(file)
            return cls(
                encoder=table.schema.metadata[b"encoder"].decode(),
                keys=table.column("key").to_pylist(),
                states=_matrix(table, "vector"),
                texts=_matrix(table, "text_vector"),
                hashes=table.column("text_hash").to_pylist(),
                precision=table.schema.metadata.get(b"precision", b"single").decode(),
            )
        except (OSError, pa.ArrowException, KeyError, TypeError, ValueError) as error:
            raise ModelError(
                f"{file} cannot be read ({error})", hint="Remove it: publishing makes it again"
            ) from error


def text_hash(encoder: str, text: str) -> str:
    """Hash that tells one text vector from another, 16 characters."""
    return sha256(f"{encoder}\x00{text}".encode()).hexdigest()[:16]


def other_slot(slot: str | None) -> str:
    """The slot that a run may write while another, or none, is read."""
    return SLOTS[1] if slot == SLOTS[0] else SLOTS[0]


def write_vectors(
    database: Database,
    names: Names | None,
    vectors: ItemVectors,
    slot: str,
    lease: Lease,
    run: str,
    progress: Progress = SILENT,
) -> list[str]:
    """Fill a slot with the vectors of a run, and make its indexes.

    A batch names the holder of the lease, as one who slept through it would write into a slot that
    is read by then; before indexes, which cannot ask, the lease is renewed.

    Whatever else was in the slot goes. A text vector that is there already is not written again.
    Indexes are made last, which is several times cheaper than keeping them while vectors come;
    Neo4j fills them in the background (`await_indexes`).

    Args:
        database: The graph.
        names: Of an adopted graph.
        vectors: What to write.
        slot: ``a`` or ``b``; nobody may be reading it.
        lease: That of the publish.
        run: Id of the run.
        progress: Told of each batch.

    Returns:
        What follows the names of the indexes, one for each item label: ``['']`` but in an adopted
        graph with several.

    Raises:
        PublishError: Another publishes.
        DatabaseError: The server failed; call again to go on.
    """
    lease.renew()
    _drop_indexes(database, slot)
    for label in _labels(names).values():
        for kind in INDEXES.values():
            database.declare_vectors(label, f"{kind}_{slot}")
    rows = list(_changed(database, names, vectors, slot))
    with progress.task("Writing vectors", len(rows), "items") as task:
        in_cypher = database.capabilities.vector_index_in_cypher
        query = cypher.load("set_vectors" if in_cypher else "publish_vectors", None, names)
        for start in range(0, len(rows), _BATCH):
            lease.check()
            batch = rows[start : start + _BATCH]
            write_rows(database, query, batch, task=task, run=run, publisher=lease.token)
    lease.renew()
    return _make_indexes(database, names, vectors, slot)


def await_indexes(database: Database) -> None:
    """Wait until all indexes can be asked; ArcadeDB has made them when it says so.

    Raises:
        DatabaseError: The server failed, or an index did.
    """
    if database.capabilities.vector_index_in_cypher:
        database.run("CALL db.awaitIndexes(3600)")


def drop_vectors(database: Database, names: Names, progress: Progress = SILENT) -> list[str]:
    """Take all vectors and their indexes out of an adopted graph; returns the indexes.

    Raises:
        DatabaseError: The server failed; call again to go on.
    """
    dropped = [name for slot in SLOTS for name in _drop_indexes(database, slot, typed=True)]
    query = cypher.load("delete_vectors", None, names)
    with progress.task("Removing vectors", None, "properties") as task:
        while gone := database.write(query, size=BATCH_ROWS).properties_set:
            task.advance(gone)
    return dropped


def _changed(
    database: Database, names: Names | None, vectors: ItemVectors, slot: str
) -> Iterator[dict[str, Any]]:
    """A row for each item whose slot must change: vectors, and properties, of which null goes."""
    vector, text_vector, text_hash = (
        f"{name}_{slot}" for name in ("vector", "text_vector", "text_hash")
    )
    query = cypher.load("stored_vectors", None, names)
    stored = {
        row["key"]: row["hash"]
        for row in database.read(query, properties=[vector, text_vector], hash=text_hash)
    }
    texts = np.any(vectors.texts, axis=1).tolist()
    for place, (key, digest) in enumerate(zip(vectors.keys, vectors.hashes, strict=True)):
        own = {vector: vectors.states[place].tolist()}
        properties: dict[str, Any] = {}
        known = stored.pop(key, None)
        if not texts[place]:
            properties = {text_vector: None, text_hash: None}
        elif known != digest:
            own[text_vector] = vectors.texts[place].tolist()
            properties = {text_hash: digest}
        yield {"item": key, "properties": properties, "vectors": own}
    gone = dict.fromkeys((vector, text_vector, text_hash))
    yield from ({"item": key, "properties": gone, "vectors": {}} for key in stored)


def _labels(names: Names | None) -> dict[str, str]:
    """End of each index's name to the item label that the index is over."""
    labels = ["Item"] if names is None else [node.label for node in names.items.values()]
    return {
        f"_{number}" if number > 1 else "": label
        for number, label in enumerate(dict.fromkeys(labels), 1)
    }


def _make_indexes(
    database: Database, names: Names | None, vectors: ItemVectors, slot: str
) -> list[str]:
    labels = _labels(names)
    widths = {"vector": vectors.states.shape[1], "text_vector": vectors.texts.shape[1]}
    if not vectors.texts.any():
        del widths["text_vector"]
    for ending, label in labels.items():
        for beginning, kind in INDEXES.items():
            if kind in widths:
                database.create_vector_index(
                    f"{beginning}_{slot}{ending}", label, f"{kind}_{slot}", widths[kind]
                )
    return list(labels)


def _drop_indexes(database: Database, slot: str, *, typed: bool = False) -> list[str]:
    """Drop a slot's indexes and, if asked, the types of its properties; returns their names."""
    beginnings = tuple(f"{beginning}_{slot}" for beginning in INDEXES)
    found = [
        row["name"]
        for row in database.run("SHOW INDEXES")
        if row["type"] == "VECTOR" and row["name"].startswith(beginnings)
    ]
    for name in found:
        database.run(f"DROP INDEX {cypher.quote(name)} IF EXISTS")
    if typed:
        properties = {f"{kind}_{slot}" for kind in INDEXES.values()}
        for row in database.run("SHOW CONSTRAINTS"):
            if "PROPERTY_TYPE" in row["type"] and properties & set(row["properties"]):
                database.run(f"DROP CONSTRAINT {cypher.quote(row['name'])}")
    return [f"index {name}" for name in found]


def _columns(name: str, packed: Packed) -> dict[str, pa.Array]:
    """The rows of a matrix (N, d) as a column, and their scales, if any, as another."""
    flat = pa.array(np.ascontiguousarray(packed.values).ravel())
    lists = pa.FixedSizeListArray.from_arrays(flat, max(packed.values.shape[1], 1))
    scales = {} if packed.scale is None else {f"{name}_scale": pa.array(packed.scale)}
    return {name: lists, **scales}


def _matrix(table: pa.Table, name: str) -> FloatArray:
    """Matrix that `_columns` made columns of."""
    column = table.column(name)
    flat = column.combine_chunks().flatten().to_numpy(zero_copy_only=False)
    scale = f"{name}_scale"
    scales = table.column(scale).to_numpy() if scale in table.column_names else None
    return unpack(Packed(flat.reshape(len(column), column.type.list_size), scales))
