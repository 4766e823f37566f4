"""A fitted model over a later reading of the graph: the same parameters, for new events and items.

A user is a history, so new users and new events need no training. A new item or entity begins
without an id part: its text, its features and what it is tied to make its state.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor

from linkspan.errors import ModelError
from linkspan.gnn.models.fitted import FittedModel
from linkspan.gnn.network.model import HistoryGNN, node_parameters
from linkspan.gnn.parts.linear import Linear, move_linear
from linkspan.gnn.scores.hybrid import with_linear
from linkspan.gnn.tensors.features import check_vectors
from linkspan.gnn.tensors.hetero_data import build_hetero_data
from linkspan.gnn.training.trainer import train_further
from linkspan.graph.snapshot import Snapshot
from linkspan.progress import SILENT, Progress

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


def carry_over(
    base: FittedModel,
    snapshot: Snapshot,
    text: dict[str, FloatArray],
    epochs: int = 0,
    progress: Progress = SILENT,
) -> FittedModel:
    """Use a model's parameters on a later snapshot of the same graph.

    Transitions, popularity and histories are those of all events of the new snapshot. The linear
    part keeps its weights, and has none for new items, unless it is trained further.

    Args:
        base: The model, over its own snapshot.
        snapshot: The later one; with the same domains and relations.
        text: Node type to vectors (n, d) for the later one.
        epochs: Passes over all events, from the known parameters on; then the linear part is made
            anew.
        progress: Told of the passes.

    Raises:
        ModelError: The graph has other domains or relations than the model, or the texts do not
            fit.
    """
    check_vectors(snapshot, text)
    events, settings = snapshot.events(), base.settings
    scheme = base.data["item"].scheme
    data = build_hetero_data(snapshot, events, text, settings, scheme=scheme)
    model = HistoryGNN(data, len(snapshot.domains), settings)
    if snapshot.domains != base.snapshot.domains or model.relations != base.model.relations:
        raise ModelError(
            "the graph has other domains, or other types of relations, than the run knows",
            hint="Do a full run",
        )
    try:
        model.load_state_dict({**_carried(base, snapshot), "met": model.met})
    except RuntimeError as error:
        reason = str(error).splitlines()[-1].strip()
        raise ModelError(
            f"the parameters do not fit the graph as it is now ({reason})", hint="Do a full run"
        ) from error
    fitted = replace(
        base,
        snapshot=snapshot,
        text=text,
        events=events,
        data=data.to(base.device),
        model=model.to(base.device).eval(),
        linear=None if base.linear is None else _moved(base.linear, base.snapshot, snapshot),
    )
    if epochs:
        fitted = train_further(fitted, epochs, progress)
        fitted = with_linear(fitted) if fitted.linear is not None else fitted
    return fitted


def _carried(base: FittedModel, snapshot: Snapshot) -> dict[str, Tensor]:
    """The parameters, those of nodes in the order of the later snapshot.

    An item that nobody had met begins as a new one does: it has learned how to be a negative.
    """
    found = {name: value.detach().cpu() for name, value in base.model.state_dict().items()}
    counts = base.data["item"].count.cpu()
    least = counts == counts[counts > 0].min()
    for name, kind in node_parameters(base.model).items():
        rows = torch.from_numpy(_rows(base.snapshot, snapshot, kind))
        value = found[name]
        start = torch.zeros(value.shape[1:], dtype=value.dtype)
        if value.ndim == 1:  # a new item is as popular by itself as the least met ones
            start = value[least].mean()
        known = value[rows.clamp(min=0)]
        if kind == "item":
            rows = torch.where(counts[rows.clamp(min=0)] > 0, rows, -1)
        unknown = (rows < 0).reshape(-1, *(1,) * (value.ndim - 1))
        found[name] = torch.where(unknown, start, known)
    return found


def _rows(before: Snapshot, after: Snapshot, kind: str) -> IntArray:
    """(n,) the row that each node had before; -1 for new ones."""
    frames = [each.items if kind == "item" else each.entities[kind] for each in (before, after)]
    old, new = (pd.Index(frame["key"]) for frame in frames)
    rows: IntArray = old.get_indexer(new).astype(np.int64)
    return rows


def _moved(linear: Linear, before: Snapshot, after: Snapshot) -> Linear:
    """The weights in the order of the later snapshot; none for new items."""
    rows = _rows(before, after, "item")
    place = np.full(len(before.items), -1, np.int64)
    place[rows[rows >= 0]] = np.flatnonzero(rows >= 0)
    return move_linear(linear, place, len(after.items))
