"""Models without a domain or a relation, or with a method more: what each gains or loses by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from linkspan.gnn.evaluation.ranking import LIST, has_choice, rank_events
from linkspan.gnn.events.domains import event_domains
from linkspan.gnn.events.split import Split, has_histories
from linkspan.gnn.metrics import figures_by_list, paired_interval
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.scores.hybrid import published
from linkspan.gnn.settings import METHODS, TrainSettings
from linkspan.graph.snapshot import Snapshot

IntArray = NDArray[np.int64]
Row = dict[str, Any]

LEAST_LISTS = 20
"""Fewer lists tell nothing: the bootstrap of a handful knows no more than that handful."""

JOINT, OTHER = "joint", "other"
_SAMPLES = 1_000
_RANK = "rank"


@dataclass(frozen=True)
class Cell:
    """A training that differs from the joint one.

    Attributes:
        domains: Domains whose events are learned from and known, sorted. Items of the others stay
            in the graph, with their texts and relations.
        without: Type of relation that is left out; None: all are there.
        method: Method of domain adaptation that is switched: on where the joint training has it
            off, and off where it has it on.
    """

    domains: tuple[str, ...]
    without: str | None = None
    method: str | None = None


@dataclass(frozen=True)
class Plan:
    """The trainings that a report compares with the joint one.

    Attributes:
        chosen: Domains that the report is on.
        alone: Domain to the training on its events only.
        less_domain: Domain to the training without its events.
        less_relation: Type to the training without it.
        switched: Method of domain adaptation to the training with it switched.
    """

    chosen: tuple[str, ...]
    alone: Mapping[str, Cell]
    less_domain: Mapping[str, Cell]
    less_relation: Mapping[str, Cell]
    switched: Mapping[str, Cell]

    @property
    def cells(self) -> list[Cell]:
        """All of them, each once: of two domains, one alone is one without the other."""
        groups = (self.alone, self.less_domain, self.less_relation, self.switched)
        return list(dict.fromkeys(cell for group in groups for cell in group.values()))


def plan_cells(
    snapshot: Snapshot, split: Split, chosen: Sequence[str], methods: Sequence[str] = ()
) -> Plan:
    """Plan what has to be trained.

    Args:
        snapshot: The graph.
        split: Of this snapshot.
        chosen: Domains that the report is on, as those that receive and those that give.
        methods: Methods of domain adaptation to try.
    """
    domains = event_domains(snapshot, snapshot.events())
    learned = sorted(set(domains[split.train]))
    tested = set(domains[split.test])
    types = sorted({key[1] for key, frame in snapshot.relations.items() if len(frame)})
    return Plan(
        chosen=tuple(chosen),
        alone={name: Cell((name,)) for name in chosen if name in tested and name in learned},
        less_domain={
            name: Cell(tuple(other for other in learned if other != name))
            for name in chosen
            if name in learned and len(learned) > 1
        },
        less_relation={name: Cell(tuple(learned), name) for name in types},
        switched={name: Cell(tuple(learned), method=name) for name in methods},
    )


def leave_out(snapshot: Snapshot, split: Split, cell: Cell) -> tuple[Snapshot, Split]:
    """The graph and the split that a cell is trained on."""
    if cell.without is not None:
        kept = {key: own for key, own in snapshot.relations.items() if key[1] != cell.without}
        snapshot = replace(snapshot, relations=kept)
    inside = np.isin(event_domains(snapshot, snapshot.events()), cell.domains)
    train, validation, test = (
        rows[inside[rows]] for rows in (split.train, split.validation, split.test)
    )
    return snapshot, Split(split.protocol, train, validation, test, snapshot.fingerprint())


def settings_of(settings: TrainSettings, cell: Cell) -> TrainSettings:
    """Settings of a cell's training, from those of the joint one."""
    if cell.method is None:
        return settings
    weight = 0.0 if getattr(settings.transfer, cell.method) else METHODS[cell.method]
    return settings.changed(**{cell.method: weight})


def why_unlearnable(snapshot: Snapshot, split: Split) -> str:
    """Reason why nothing can be learned from what was left in a split; empty where it can."""
    if not has_histories(snapshot.events().iloc[split.train]):
        return "no user met two of its items"
    if not len(split.validation):
        return "it has no validation events to weigh the parts on"
    return ""


def rank_tests(fitted: FittedModel, split: Split) -> pd.DataFrame:
    """Ranks of the test items by what a model publishes; validation events are known.

    Args:
        fitted: Parameters learned from ``split.train``.
        split: Of the same snapshot.

    Returns:
        One row for each test event: ``event`` (its position), ``user``, ``item`` (rows),
        ``domain``, ``candidates``, ``known_item`` and ``rank``.
    """
    events = fitted.snapshot.events()
    held_out = events.iloc[split.test]
    view = fitted.view.over(events.iloc[split.history], held_out)
    tested = fitted.learned.on(view, fitted.device)
    table = rank_events(tested, held_out, {_RANK: published(tested)}).table
    columns = ["user", "item", "domain", "candidates", "known_item", _RANK]
    return table[columns].assign(event=split.test)


def compare_cells(
    snapshot: Snapshot,
    split: Split,
    plan: Plan,
    joint: pd.DataFrame,
    ranks: Mapping[Cell, pd.DataFrame],
) -> dict[str, list[Row]]:
    """Gain of the joint model over each cell, on the same test events of each domain.

    Args:
        snapshot: The graph.
        split: Of this snapshot.
        plan: The cells, and the domains that the report is on.
        joint: `rank_tests` of the joint model.
        ranks: The same of each cell that could be trained.

    Returns:
        ``segments``: a row for each ``domain`` and ``segment`` (``all``, users with ``0``, ``1 to
        4`` and ``5 or more`` known events in it, ``new items``), over the training on the domain
        alone; ``domains``, ``relations`` and ``methods``: a row for each ``domain`` and
        ``left_out``, which of a method means switched. Each has the figures of `difference`.
    """
    joint = joint[has_choice(joint)]
    joint = joint.assign(known=_known_counts(snapshot, split, joint))
    groups = {
        "domains": plan.less_domain,
        "relations": plan.less_relation,
        "methods": plan.switched,
    }
    found: dict[str, list[Row]] = {"segments": [], **{kind: [] for kind in groups}}
    for domain in plan.chosen:
        ours = joint[joint["domain"] == domain]
        if not len(ours):
            continue
        alone = plan.alone.get(domain)
        if alone is not None and alone in ranks:
            both = _beside(ours, ranks[alone])
            found["segments"] += [
                {"domain": domain, "segment": name, **difference(both[inside])}
                for name, inside in _segments(both).items()
                if inside.any()
            ]
        for kind, cells in groups.items():
            found[kind] += [
                {"domain": domain, "left_out": name, **difference(_beside(ours, ranks[cell]))}
                for name, cell in cells.items()
                if name != domain and cell in ranks
            ]
    return found


def difference(both: pd.DataFrame) -> Row:
    """NDCG@10 of two methods on the same rows, and what the first gains.

    Args:
        both: Columns ``user``, ``domain``, ``candidates`` and the ranks `JOINT` and `OTHER`.

    Returns:
        ``lists``, ``joint``, ``other``, ``gain``, its 95% interval ``low`` and ``high`` (paired
        bootstrap), and ``certain`` (bool: it leaves zero out, and there are `LEAST_LISTS`).
    """
    ours, theirs = (figures_by_list(both, name, LIST)["ndcg"].to_numpy() for name in (JOINT, OTHER))
    low, high = paired_interval(ours, theirs, samples=_SAMPLES)
    return {
        "lists": len(ours),
        "joint": float(ours.mean()),
        "other": float(theirs.mean()),
        "gain": float((ours - theirs).mean()),
        "low": low,
        "high": high,
        "certain": len(ours) >= LEAST_LISTS and (low > 0 or high < 0),
    }


def find_bridges(
    snapshot: Snapshot, events: pd.DataFrame, vectors: Mapping[str, NDArray[np.float32]]
) -> list[Row]:
    """Ways by which anything can pass between each two domains.

    Args:
        snapshot: The graph.
        events: Events that are learned from.
        vectors: Vectors of texts and images.

    Returns:
        A row for each pair: ``one``, ``other``, ``users`` (shared by events), ``tied`` (bool: a
        path of events and relations joins items of both) and ``alike`` (bool: both have texts,
        images or other features).
    """
    names = snapshot.items["domain"].to_numpy(object)
    of_item = _components(snapshot, events)
    places = {name: set(of_item[names == name]) for name in snapshot.domains}
    domain_of = event_domains(snapshot, events)
    users = {name: set(events["user"][domain_of == name]) for name in snapshot.domains}
    described = {name: _is_described(vectors, names == name) for name in snapshot.domains}
    features = bool(snapshot.features)
    return [
        {
            "one": one,
            "other": other,
            "users": len(users[one] & users[other]),
            "tied": bool(places[one] & places[other]),
            "alike": features or (described[one] and described[other]),
        }
        for place, one in enumerate(snapshot.domains)
        for other in snapshot.domains[place + 1 :]
    ]


def find_apart(bridges: Sequence[Row]) -> list[str]:
    """Domains that nothing joins to any other, so that nothing can pass to them; sorted.

    Args:
        bridges: As `find_bridges` gives them.
    """
    pairs = [((row["one"], row["other"]), _is_joined(row)) for row in bridges]
    joined = {name for names, is_joined in pairs if is_joined for name in names}
    return sorted({name for names, _ in pairs for name in names} - joined)


def _is_joined(bridge: Row) -> bool:
    return bool(bridge["users"] or bridge["tied"] or bridge["alike"])


def _is_described(vectors: Mapping[str, NDArray[np.float32]], items: NDArray[np.bool_]) -> bool:
    own = (part for name, part in vectors.items() if name.split("/")[0] == "item")
    return any(bool(part[items].any()) for part in own)


def _components(snapshot: Snapshot, events: pd.DataFrame) -> IntArray:
    """(N,) number of the connected part of the graph that each item is in."""
    sizes = {"user": len(snapshot.users), "item": len(snapshot.items)}
    sizes |= {kind: len(frame) for kind, frame in snapshot.entities.items()}
    first = dict(zip(sizes, np.cumsum([0, *sizes.values()]).tolist(), strict=False))
    ends = [(first["user"] + events["user"].to_numpy(), first["item"] + events["item"].to_numpy())]
    ends += [
        (first[source] + frame["source"].to_numpy(), first[target] + frame["target"].to_numpy())
        for (source, _, target), frame in snapshot.relations.items()
    ]
    source, target = (np.concatenate(side) for side in zip(*ends, strict=True))
    nodes = sum(sizes.values())
    ties = sparse.coo_array((np.ones(len(source), bool), (source, target)), shape=(nodes, nodes))
    _, parts = connected_components(ties.tocsr(), directed=False)
    items: IntArray = parts[first["item"] : first["item"] + sizes["item"]].astype(np.int64)
    return items


def _known_counts(snapshot: Snapshot, split: Split, ranks: pd.DataFrame) -> IntArray:
    """(R,) known events of each row's user in its domain."""
    events = snapshot.events().iloc[split.history]
    domains = event_domains(snapshot, events)
    counts = events.groupby([events["user"], domains]).size()
    asked = pd.MultiIndex.from_arrays([ranks["user"], ranks["domain"].to_numpy(object)])
    return np.asarray(counts.reindex(asked, fill_value=0), np.int64)


def _segments(ranks: pd.DataFrame) -> dict[str, NDArray[np.bool_]]:
    known = ranks["known"].to_numpy()
    return {
        "all": np.ones(len(ranks), bool),
        "0": known == 0,
        "1 to 4": (known > 0) & (known < 5),
        "5 or more": known >= 5,
        "new items": ~ranks["known_item"].to_numpy(bool),
    }


def _beside(ours: pd.DataFrame, theirs: pd.DataFrame) -> pd.DataFrame:
    """Rows with the ranks of both, as `JOINT` and `OTHER`; the same candidates, it is checked."""
    own = theirs.set_index("event").loc[ours["event"]]
    assert np.array_equal(own["candidates"], ours["candidates"]), "ranked among other items"
    return ours.rename(columns={_RANK: JOINT}).assign(**{OTHER: own[_RANK].to_numpy()})
