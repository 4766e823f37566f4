"""The graph as arrays: what training reads, once, so that it never talks to the database again."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.errors import ModelError
from linkspan.graph.roles import Roles

RelationKey = tuple[str, str, str]
"""(source node type, relationship type, target node type); node types are ``item``, ``user``
or the label of an entity kind."""

FORMAT = 2


@dataclass(frozen=True)
class Snapshot:
    """One consistent reading of the graph. Row indices are positions in the node tables.

    Node tables are sorted by key and edge tables by their row indices, so that the same graph gives
    the same snapshot, and the same fingerprint, on every server.

    Attributes:
        roles: The roles it was read with.
        users: Columns ``key``, ``id`` (text).
        items: Columns ``key``, ``id``, ``domain``, ``title``, ``text`` (text; never null, the last
            two may be empty).
        entities: Entity kind (label) to a table with columns ``key``, ``name``.
        interactions: Interaction type to a table with ``user``, ``item`` (int32 rows), ``at``
            (int64: milliseconds UTC or a position; 0 throughout where the history is a set),
            ``weight`` (float32) and ``sign`` (int8: 1 positive, -1 negative, 0 neither).
        relations: `RelationKey` to a table with ``source``, ``target`` (int32 rows in the tables of
            the two node types) and ``weight`` (float32).
        aliases: ``user`` and ``item``, where some of them are one, to the keys that have no row of
            their own: columns ``row`` (int32, of the one that stands for all, the smallest key),
            ``key`` and, for items, ``domain``, sorted by key.
        source: Where it was read from: ``engine``, ``uri``, ``read_at`` (ISO 8601).
        features: Item property to a table with one row for each of ``items``: column ``value``
            (float64, NaN where absent; a date is days since 1970), or ``value`` (text, empty where
            absent) for a category, a text or the path of an image, or ``0``, ``1``, ... (float32,
            NaN where absent) for a vector.
    """

    roles: Roles
    users: pd.DataFrame
    items: pd.DataFrame
    entities: dict[str, pd.DataFrame]
    interactions: dict[str, pd.DataFrame]
    relations: dict[RelationKey, pd.DataFrame]
    aliases: dict[str, pd.DataFrame] = field(default_factory=dict)
    source: dict[str, str] = field(default_factory=dict)
    features: dict[str, pd.DataFrame] = field(default_factory=dict)

    @property
    def domains(self) -> list[str]:
        """Names of the domains that have items, sorted."""
        frames = [self.items, *(frame for role, frame in self.aliases.items() if role == "item")]
        return sorted(set().union(*(frame["domain"].unique() for frame in frames)))

    @property
    def dated(self) -> bool:
        """True where events have times, be it one for all of them, such as that of an export."""
        return any(frame["at"].any() for frame in self.interactions.values())

    @cached_property
    def id_order(self) -> NDArray[np.int64]:
        """(N,) place of each item by its id as text."""
        # As objects: an array of text is as wide as the longest of them, for each.
        ids: NDArray[np.object_] = self.items["id"].to_numpy(object)
        return np.argsort(np.argsort(ids, kind="stable"))

    @cached_property
    def timed(self) -> bool:
        """True where times order some user's positive events; if not, a history is a set."""
        frames = self.interactions.values()
        met = pd.concat([frame.loc[frame["sign"] > 0, ["user", "at"]] for frame in frames])
        return not (met["at"] == met.groupby("user")["at"].transform("min")).all()

    def events(self) -> pd.DataFrame:
        """All positive events in time order within each user.

        Returns:
            Columns ``user``, ``item`` (int32 rows), ``at`` (int64), ``weight`` (float32) and
            ``type`` (category), sorted by user, then time, then item id as text (ties in time have
            no order in the graph). A user and item that meet more than once stand here each time.
        """
        frames = [
            frame.loc[frame["sign"] > 0, ["user", "item", "at", "weight"]].assign(type=name)
            for name, frame in sorted(self.interactions.items())
        ]
        events = pd.concat(frames, ignore_index=True)
        by = np.lexsort((self.id_order[events["item"]], events["at"], events["user"]))
        events = events.iloc[by].reset_index(drop=True)
        return events.assign(type=events["type"].astype("category"))

    def not_liked(self) -> pd.DataFrame:
        """Users and items that met, but not positively.

        Returns:
            Columns ``user`` and ``item`` (int32 rows), sorted by them, each pair once.
        """
        frames = [
            frame.loc[frame["sign"] <= 0, ["user", "item"]] for frame in self.interactions.values()
        ]
        return pd.concat(frames).drop_duplicates().sort_values(["user", "item"], ignore_index=True)

    def not_liked_by(self, user: int) -> NDArray[np.int64]:
        """Items that a user met, but not positively.

        Args:
            user: Row.

        Returns:
            (T,) item rows, each once, ascending.
        """
        frames = self.interactions.values()
        own = [
            frame.loc[(frame["user"] == user) & (frame["sign"] <= 0), "item"] for frame in frames
        ]
        return np.unique(np.concatenate([np.zeros(0, np.int64), *own]))

    def fingerprint(self) -> str:
        """SHA-256 of everything a model can learn from; the same on every server."""
        # Names of an adopted graph say nothing of what is in it; without features, nor do these.
        left_out = {"names"} if self.roles.features else {"names", "features"}
        digest = hashlib.sha256(self.roles.model_dump_json(exclude=left_out).encode())
        for name, frame in self._tables():
            digest.update(name.encode())
            for column in frame.columns:
                digest.update(column.encode())
                values = frame[column]
                if values.dtype.kind in "iuf":
                    digest.update(np.ascontiguousarray(values.to_numpy()).tobytes())
                else:
                    digest.update("\x00".join(values.astype(str)).encode())
        return digest.hexdigest()

    def counts(self) -> dict[str, int]:
        """Rows per table, by table name."""
        return {name: len(frame) for name, frame in self._tables()}

    def save(self, folder: Path) -> None:
        """Write Parquet files and ``manifest.json`` into ``folder`` (made if need be)."""
        folder.mkdir(parents=True, exist_ok=True)
        tables = self._tables()
        for number, (_, frame) in enumerate(tables):
            frame.to_parquet(folder / f"{number:03}.parquet", index=False)
        manifest = {
            "format": FORMAT,
            "fingerprint": self.fingerprint(),
            "source": self.source,
            "roles": self.roles.model_dump(mode="json"),
            "tables": {
                name: {"file": f"{number:03}.parquet", "rows": len(frame)}
                for number, (name, frame) in enumerate(tables)
            },
        }
        (folder / "manifest.json").write_text(json.dumps(manifest, indent=2))

    @classmethod
    def load(cls, folder: Path) -> Snapshot:
        """Read what `save` wrote.

        Raises:
            ModelError: The folder holds no snapshot, one of another format, or a damaged one.
        """
        try:
            manifest = json.loads((folder / "manifest.json").read_text())
            if manifest["format"] != FORMAT:
                raise ModelError(
                    f"{folder}: snapshot format {manifest['format']}, expected {FORMAT}",
                    hint="Take it again with 'linkspan snapshot'",
                )
            tables = {
                name: pd.read_parquet(folder / entry["file"])
                for name, entry in manifest["tables"].items()
            }
            snapshot = cls(
                roles=Roles.model_validate(manifest["roles"]),
                users=tables["users"],
                items=tables["items"],
                entities=_below("entity", tables),
                interactions=_below("interaction", tables),
                relations={
                    (source, kind, target): frame
                    for name, frame in _below("relation", tables).items()
                    for source, kind, target in [name.split("/")]
                },
                aliases=_below("alias", tables),
                source=manifest["source"],
                features=_below("feature", tables),
            )
            altered = snapshot.fingerprint() != manifest["fingerprint"]
        except (OSError, KeyError, ValueError, TypeError, AttributeError) as error:
            raise ModelError(
                f"{folder}: not a readable snapshot ({error})",
                hint="Take it again with 'linkspan snapshot'",
            ) from error
        if altered:
            raise ModelError(
                f"{folder}: the snapshot was altered after it was taken",
                hint="Take it again with 'linkspan snapshot'",
            )
        return snapshot

    def _tables(self) -> list[tuple[str, pd.DataFrame]]:
        """All tables, each with its name, in a fixed order."""
        return [
            ("users", self.users),
            ("items", self.items),
            *((f"entity/{kind}", frame) for kind, frame in sorted(self.entities.items())),
            *((f"interaction/{kind}", frame) for kind, frame in sorted(self.interactions.items())),
            *(
                (f"relation/{'/'.join(key)}", frame)
                for key, frame in sorted(self.relations.items())
            ),
            *((f"feature/{name}", frame) for name, frame in sorted(self.features.items())),
            *((f"alias/{role}", frame) for role, frame in sorted(self.aliases.items())),
        ]


def _below(prefix: str, tables: dict[str, Any]) -> dict[str, pd.DataFrame]:
    """The tables whose name begins with ``prefix/``, by the rest of the name."""
    return {
        name.removeprefix(f"{prefix}/"): frame
        for name, frame in tables.items()
        if name.startswith(f"{prefix}/")
    }
