"""Item properties beside the text as arrays that a network takes.

What is learned of a property before the network (its mean, its bins, its categories) is a `Scheme`,
which is saved with the model, so that other items later go through the same one.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict
from torch import Tensor

from linkspan.errors import ModelError
from linkspan.graph.snapshot import Snapshot

FloatArray = NDArray[np.float32]

TABLE = "features"
"""Name of the part that numbers, dates and categories make together."""
TEXT = "text"
"""Name of the part that the text of an item makes."""
BINS = 8
"""Quantile bins of a number."""
_FAR = 5.0
"""Standard deviations beyond which a number counts as no further away."""
_OF_ITEMS = "item/"
_log = logging.getLogger(__name__)


class Scale(BaseModel):
    """Scale by which a number becomes columns.

    Attributes:
        mean: Of the items that have it.
        deviation: Their standard deviation, 1 where they are all equal.
        edges: (T + 1,) quantiles between which the bins lie, ascending; one edge makes no bin.
    """

    model_config = ConfigDict(frozen=True)

    mean: float
    deviation: float
    edges: tuple[float, ...]


class Centre(BaseModel):
    """Centre and length by which vectors are brought to one size.

    Attributes:
        mean: (d,) of the items that have one.
        length: Mean length of what is left without it.
    """

    model_config = ConfigDict(frozen=True)

    mean: tuple[float, ...]
    length: float


class Scheme(BaseModel):
    """Record of the features of items; the order of the names is that of the columns.

    Attributes:
        numbers: Property to its scale; dates are numbers.
        categories: Property to its values, sorted; code 1 is the first, 0 is none or another one.
        vectors: Property to what is taken from its vectors.
        dropped: Property to why it is not used.
    """

    model_config = ConfigDict(frozen=True)

    numbers: dict[str, Scale] = {}
    categories: dict[str, tuple[str, ...]] = {}
    vectors: dict[str, Centre] = {}
    dropped: dict[str, str] = {}

    @property
    def codes(self) -> int:
        """Number of all category codes, without those for none."""
        return sum(map(len, self.categories.values()))

    def note(self) -> str:
        """Such as ``2 numbers, 1 category, vectors 'image'; left out: 'year' (constant)``."""
        counted = (
            (len(self.numbers), "number", "numbers"),
            (len(self.categories), "category", "categories"),
        )
        used = [f"{count} {one if count == 1 else many}" for count, one, many in counted if count]
        used += [f"vectors '{name}'" for name in self.vectors]
        out = ", ".join(f"'{name}' ({why})" for name, why in self.dropped.items())
        return "; ".join([", ".join(used) or "none"] + [f"left out: {out}"] * bool(out))


def find_scheme(snapshot: Snapshot, vectors: Mapping[str, FloatArray]) -> Scheme:
    """Look at the features of all items; those that say nothing are left out, and it is logged.

    Args:
        snapshot: The graph.
        vectors: As for `add_features`.

    Raises:
        ModelError: A vector or number is not finite.
    """
    numbers: dict[str, Scale] = {}
    categories: dict[str, tuple[str, ...]] = {}
    centres: dict[str, Centre] = {}
    dropped: dict[str, str] = {}
    kinds = {role.property: role.kind for role in snapshot.roles.features}
    for name, frame in snapshot.features.items():
        if kinds[name] in ("number", "date"):
            values = _number(snapshot, name)
            present = values[np.isfinite(values)]
            if why := _says_nothing(len(np.unique(present)), len(present) == len(values)):
                dropped[name] = why
            else:
                numbers[name] = _scale(present)
        elif kinds[name] == "category":
            known = sorted(set(frame["value"]) - {""})
            if why := _says_nothing(len(known), bool((frame["value"] != "").all())):
                dropped[name] = why
            else:
                categories[name] = tuple(known)
    for name, matrix in _matrices(snapshot, vectors).items():
        there = matrix[matrix.any(axis=1)]  # (n, d)
        left = there - there.mean(axis=0, dtype=np.float64) if len(there) else there
        length = float(np.linalg.norm(left, axis=1).mean()) if len(there) else 0.0
        if length > 1e-6 * max(float(np.abs(there).max(initial=0.0)), 1e-12):
            mean = tuple(there.mean(axis=0, dtype=np.float64).tolist())
            centres[name] = Centre(mean=mean, length=length)
        else:
            dropped[name] = "the same for all items" if len(there) else "no item has it"
    for name, why in dropped.items():
        _log.info("feature '%s' is not used: %s", name, why)
    return Scheme(numbers=numbers, categories=categories, vectors=centres, dropped=dropped)


def add_features(
    store: Any, snapshot: Snapshot, vectors: Mapping[str, FloatArray], scheme: Scheme | None = None
) -> None:
    """Put the features of items on the nodes ``item`` of a graph.

    Writes ``scheme``; ``numbers`` (N, F) and ``codes`` (N, C) if there are such; and
    ``vectors_i`` (N, d) for the i-th of ``scheme.vectors``. What is missing is zero.

    A number has T + 3 columns: standardised; how near it is to each of the two edges of its bin,
    of T quantile bins (without them, a projection could not prefer the middle; piecewise linear, as
    in Gorishniy et al., 2022, arXiv:2203.05556, but local, so that numbers far apart have nothing
    in common); and one that is 1 where it is missing. Rows have lengths near 1.

    Args:
        store: ``data["item"]``.
        snapshot: The graph.
        vectors: Node type to vectors of its texts; ``item/NAME`` to those of a property.
        scheme: Of the model; without one it is found here.

    Raises:
        ModelError: A vector or number is not finite, or of another width than the scheme's.
    """
    scheme = find_scheme(snapshot, vectors) if scheme is None else scheme
    store.scheme = scheme
    if scheme.numbers:
        columns = [_columns(_number(snapshot, n), scale) for n, scale in scheme.numbers.items()]
        table = np.concatenate(columns, axis=1)  # (N, F)
        table[np.stack([c[:, -1] for c in columns]).all(axis=0)] = 0.0  # (numbers, N) to (N,)
        store.numbers = torch.from_numpy(table / np.float32(np.sqrt(2 * len(columns))))
    if scheme.categories:
        store.codes = torch.from_numpy(_codes(snapshot, scheme))
    matrices = _matrices(snapshot, vectors)
    for place, (name, centre) in enumerate(scheme.vectors.items()):
        matrix = matrices.get(name, np.zeros((len(snapshot.items), len(centre.mean)), np.float32))
        if matrix.shape[1] != len(centre.mean):
            raise ModelError(
                f"vectors '{name}' have {matrix.shape[1]} numbers, the model was trained with "
                f"{len(centre.mean)}",
                hint="Train again, or take the vectors from the same model as before",
            )
        there = matrix.any(axis=1, keepdims=True)
        moved = (matrix - np.array(centre.mean, np.float32)) / np.float32(centre.length)
        store[f"vectors_{place}"] = torch.from_numpy(np.where(there, moved, np.float32(0)))


def item_parts(store: Any) -> dict[str, Tensor]:
    """The parts that a node ``item`` is made of beside its id, by name; categories apart.

    Returns:
        Part to (N, d), zero where an item has none. Of `TABLE` there are the numbers alone.
    """
    parts = {TEXT: store.text} if "text" in store else {}
    if "numbers" in store:
        parts[TABLE] = store.numbers
    for place, name in enumerate(store.scheme.vectors if "scheme" in store else ()):
        # A property may be called as one of the parts above.
        own = f"property {name}" if name in (TEXT, TABLE) else name
        parts[own] = store[f"vectors_{place}"]
    return parts


def check_vectors(snapshot: Snapshot, vectors: Mapping[str, FloatArray]) -> None:
    """See that vectors fit the nodes.

    Raises:
        ModelError: There are too few or too many, or some are not finite.
    """
    keys = {"item": snapshot.items["key"]}
    keys |= {kind: frame["key"] for kind, frame in snapshot.entities.items()}
    for name, matrix in vectors.items():
        kind, _, of = name.partition("/")
        nodes = keys.get(kind, pd.Series(dtype=str))
        what = f"vectors '{of}'" if of else "text vectors"
        if len(matrix) != len(nodes):
            raise ModelError(f"{len(matrix)} {what} for {len(nodes)} nodes of type '{kind}'")
        wrong = ~np.isfinite(matrix).all(axis=1)
        if wrong.any():
            raise ModelError(
                f"{what} of node type '{kind}' are not finite, first that of "
                f"'{nodes.iloc[int(wrong.argmax())]}'",
                hint="Remove the encoder's cache (.linkspan/text) and embed again",
            )


def _says_nothing(values: int, everywhere: bool) -> str:
    """Tell why a property with so many different values does not tell one item from another."""
    if not values:
        return "no item has it"
    return "the same for all items" if values == 1 and everywhere else ""


def _number(snapshot: Snapshot, name: str) -> NDArray[np.float64]:
    """(N,) values, NaN where absent."""
    values: NDArray[np.float64] = snapshot.features[name]["value"].to_numpy(np.float64)
    _refuse(np.isinf(values), snapshot, name)
    return values


def _matrices(snapshot: Snapshot, vectors: Mapping[str, FloatArray]) -> dict[str, FloatArray]:
    """Vectors (N, d) of all properties that have some, zero where absent."""
    kinds = {role.property: role.kind for role in snapshot.roles.features}
    found = {}
    for name, frame in snapshot.features.items():
        if kinds[name] == "vector":
            matrix = frame.to_numpy(np.float32)
            absent = np.isnan(matrix).all(axis=1)
            _refuse(~np.isfinite(matrix).all(axis=1) & ~absent, snapshot, name)
            found[name] = np.where(absent[:, None], np.float32(0), matrix)
    for name, matrix in vectors.items():
        if name.startswith(_OF_ITEMS):
            found[name.removeprefix(_OF_ITEMS)] = matrix
    return found


def _refuse(wrong: NDArray[np.bool_], snapshot: Snapshot, name: str) -> None:
    if wrong.any():
        raise ModelError(
            f"property '{name}' of item '{snapshot.items['key'].iloc[int(wrong.argmax())]}' holds "
            f"a number that is not finite ({int(wrong.sum())} items in all)",
            hint="Mend it in the files, or leave the property of these items out",
        )


def _scale(values: NDArray[np.float64]) -> Scale:
    peak = max(float(np.abs(values).max()), 1.0)  # so that squares of large numbers stay finite
    deviation = float(np.std(values / peak) * peak)
    edges = np.unique(np.quantile(values, np.linspace(0, 1, BINS + 1)))
    mean = float(np.mean(values / peak) * peak)
    return Scale(mean=mean, deviation=deviation or 1.0, edges=tuple(edges.tolist()))


def _columns(values: NDArray[np.float64], scale: Scale) -> FloatArray:
    """(N, T + 3): standardised, nearness to each edge, and whether it is missing."""
    absent = np.isnan(values)
    known = np.where(absent, scale.mean, values)
    place = np.interp(known, scale.edges, np.arange(len(scale.edges)))  # (N,)
    near = np.maximum(1.0 - np.abs(place[:, None] - np.arange(len(scale.edges))), 0.0)
    straight = np.clip((known - scale.mean) / scale.deviation, -_FAR, _FAR)[:, None]  # (N, 1)
    columns = np.concatenate([straight, near, np.zeros_like(straight)], axis=1)
    columns[absent] = 0.0
    columns[absent, -1] = 1.0
    return columns.astype(np.float32)


def _codes(snapshot: Snapshot, scheme: Scheme) -> NDArray[np.int64]:
    """(N, C) codes over all categories of all properties, 0 where there is none."""
    columns, first = [], 0
    for name, known in scheme.categories.items():
        found = pd.Index(known).get_indexer(pd.Index(snapshot.features[name]["value"]))
        columns.append(np.where(found < 0, 0, found + 1 + first))
        first += len(known)
    return np.stack(columns, axis=1).astype(np.int64)
