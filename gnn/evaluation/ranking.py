"""Evaluation by full ranking in the domain of the test item."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from linkspan.errors import ModelError
from linkspan.gnn.encoding.texts import unit_rows
from linkspan.gnn.evaluation.baselines import build_baselines
from linkspan.gnn.evaluation.list_figures import CATALOGUE, catalogue_figures
from linkspan.gnn.events.domains import item_domains, rows_at_once, rows_by_domain
from linkspan.gnn.events.known import count_users
from linkspan.gnn.events.split import Split
from linkspan.gnn.metrics import figures_by_list, midranks, paired_interval, top_columns
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.scores.components import PARTS, Component, Seen
from linkspan.gnn.scores.hybrid import mixtures
from linkspan.gnn.scores.workers import how_many, in_order
from linkspan.progress import SILENT, Progress

IntArray = NDArray[np.int64]

CHUNK = 384
"""As `linkspan.gnn.scores.scoring.CHUNK`."""

_ARRAYS = len(PARTS) + 5
"""Arrays of scores of a domain at the same time: all parts, what is hidden, and on the way."""

LIST = 10
"""Length of the lists that catalogue figures are of."""

MEANS = ("precision", "recall", "f1", "hr", "ndcg", "mrr", "map", "auc")
COUNTS = ("tp", "fp", "fn", "tn")
_LARGER = "Measuring needs domains of more items than a user meets"
_SEGMENTS = (
    ("with history", "history", True),
    ("without history", "history", False),
    ("known item", "known_item", True),
    ("new item", "known_item", False),
    ("no tie in time", "tied", False),
)


class UnmeasuredError(ModelError):
    """Nothing was held out that says how good a model is."""


class Ranked(NamedTuple):
    """Ranks, and lists if asked for, that `rank_events` found.

    Attributes:
        table: One row per event, as `Evaluation.ranks`.
        lists: Method to (R, `LIST`) item rows that the event's user is given in its domain, -1
            where there are fewer; empty unless they were asked for.
    """

    table: pd.DataFrame
    lists: dict[str, IntArray]


class _Asked(NamedTuple):
    """Users of a domain that are scored at once.

    Attributes:
        domain: Its name.
        users: (B,) user rows.
        rows: (R,) rows of the events to rank.
        line: (R,) place of each one's user among them.
    """

    domain: str
    users: IntArray
    rows: IntArray
    line: IntArray


@dataclass(frozen=True)
class Evaluation:
    """Ranks of the test items by each method.

    Attributes:
        ranks: One row per test event: ``user``, ``item`` (int32 rows), ``domain``, ``candidates``
            (how many items it is ranked among), ``history`` (bool: the user has known events in
            this domain), ``known_item`` (bool: the item has known events), ``tied`` (bool: the
            user's event before it has the same time; where histories are sets, none is), and a
            column of ranks (from 1, in steps of one half) for each method.
        methods: Names of those columns, that of what is published first.
        among_new: Such ranks of the new items among the new ones of their domain.
        catalogue: Columns ``method``, ``domain`` (empty: all) and `CATALOGUE`, of lists of `LIST`.
        unranked: Domain to test events that are in no figure: the user had nothing left to meet
            there but what was held out, so that any method is right.
    """

    ranks: pd.DataFrame
    methods: tuple[str, ...]
    among_new: pd.DataFrame = field(default_factory=pd.DataFrame)
    catalogue: pd.DataFrame = field(default_factory=pd.DataFrame)
    unranked: Mapping[str, int] = field(default_factory=dict)

    def table(self, k: int = LIST) -> pd.DataFrame:
        """Figures by method and segment.

        Returns:
            Columns ``method``, ``segment`` (``all``; ``macro``, the mean over domains;
            ``with history`` and ``without history`` of the user in the domain; ``known item`` and
            ``new item``; ``among new items``, where new items are ranked among themselves;
            ``no tie in time``, where the order of the user's last events is certain,
            if it is not for all; or ``domain``), ``domain`` (empty but for that segment), ``rows``,
            those of `linkspan.gnn.metrics.by_list`, as means over lists and sums of counts,
            ``accuracy`` of the binary task, and, for all rows and for a domain, `CATALOGUE`.
        """
        parts = [("all", "", self.ranks)]
        by_domain = [("domain", str(name), part) for name, part in self.ranks.groupby("domain")]
        parts += [
            (name, "", self.ranks[self.ranks[column] == value]) for name, column, value in _SEGMENTS
        ]
        parts.append(("among new items", "", self.among_new))
        parts = [
            part
            for part in parts
            if len(part[2]) and (part[0] != "no tie in time" or len(part[2]) < len(self.ranks))
        ]
        table = []
        for method in self.methods:
            rows = [_figures(method, *part, k) for part in parts]
            domains = [_figures(method, *part, k) for part in by_domain]
            means = pd.DataFrame(domains)[list(MEANS)].mean().to_dict()  # NaN left out
            macro = {"segment": "macro", "domain": "", "rows": len(self.ranks)}
            table += [*rows, {"method": method, **macro, **means}, *domains]
        result = pd.DataFrame(table)
        if not len(self.catalogue):
            return result
        whole = result["segment"].isin(["all", "domain"])
        figures = result[whole].merge(self.catalogue, on=["method", "domain"], how="left")
        return pd.concat([result, figures[list(CATALOGUE)].set_axis(result.index[whole])], axis=1)

    def figures(self, method: str | None = None, k: int = LIST) -> dict[str, float]:
        """``hr``, ``ndcg`` at ``k`` and ``mrr`` over all rows, from 0 to 1; of the first method."""
        found = _figures(method or self.methods[0], "all", "", self.ranks, k)
        return {name: found[name] for name in ("hr", "ndcg", "mrr")}

    def gains(self, k: int = LIST, method: str | None = None) -> pd.DataFrame:
        """Gains of a method over each other one in NDCG, with 95% intervals.

        Lists are drawn with replacement, in pairs (`linkspan.gnn.metrics.paired_interval`).

        Args:
            k: Length of the lists.
            method: Name; by default of what is published.

        Returns:
            Columns ``method``, ``over``, ``domain`` (empty: all rows), ``gain``, ``low``, ``high``
            and ``certain`` (bool: the interval leaves zero out).
        """
        ours = method or self.methods[0]
        table = []
        parts = [("", self.ranks), *((str(name), p) for name, p in self.ranks.groupby("domain"))]
        for domain, part in parts:
            ndcg = {
                name: figures_by_list(part, name, k)["ndcg"].to_numpy() for name in self.methods
            }
            for other in self.methods:
                if other == ours:
                    continue
                low, high = paired_interval(ndcg[ours], ndcg[other], samples=1_000)
                row = {"method": ours, "over": other, "domain": domain}
                gain = float((ndcg[ours] - ndcg[other]).mean())
                certain = low > 0 or high < 0
                table.append({**row, "gain": gain, "low": low, "high": high, "certain": certain})
        return pd.DataFrame(table)


def evaluate(
    fitted: FittedModel,
    split: Split,
    baselines: Sequence[str] = ("popularity",),
    progress: Progress = SILENT,
) -> Evaluation:
    """Rank the test items; validation events are part of histories, messages and counts.

    Args:
        fitted: Parameters learned from ``split.train``; they stay as they are.
        split: Of the same snapshot.
        baselines: Names of other methods to rank with (`linkspan.gnn.evaluation.baselines`); their
            parameters too are learned from ``split.train``.
        progress: Told of each chunk of rows.

    Raises:
        ModelError: The split is of another snapshot, or a test event would be seen.
        UnmeasuredError: There are no test events, or none with a choice of items.
    """
    if split.fingerprint != fitted.snapshot.fingerprint():
        raise ModelError(
            "the split was made from another snapshot than the model's",
            hint="Split the snapshot again",
        )
    if not len(split.test):
        raise UnmeasuredError(
            "the split has no test events, so there is nothing to measure",
            hint="Train with another [split]",
        )
    events = fitted.snapshot.events()
    known, held_out = events.iloc[split.history], events.iloc[split.test]
    view = fitted.view.over(known, held_out)
    tested = fitted.learned.on(view, fitted.device)
    others = build_baselines(tested, events.iloc[split.train], tuple(baselines))
    methods: dict[str, Component] = {**mixtures(tested), **{other.name: other for other in others}}
    ranks, lists = rank_events(tested, held_out, methods, progress, lists=True)
    ranks.insert(4, "tied", _tied(events, split) & fitted.snapshot.timed)
    open_to_all = has_choice(ranks)
    counts = ranks.loc[~open_to_all, "domain"].value_counts()
    unranked = {str(domain): int(count) for domain, count in counts.items()}
    if not open_to_all.any():
        raise UnmeasuredError("no user had more to meet than was held out", hint=_LARGER)
    ranks = ranks[open_to_all].reset_index(drop=True)
    lists = {name: found[open_to_all] for name, found in lists.items()}
    unmet = ~np.isin(np.arange(len(fitted.snapshot.items)), known["item"])
    among, _ = rank_events(tested, held_out[unmet[held_out["item"]]], methods, progress, unmet)
    return Evaluation(
        ranks,
        tuple(methods),
        among[has_choice(among)].reset_index(drop=True),
        _catalogue(tested, ranks, lists),
        unranked,
    )


def has_choice(ranks: pd.DataFrame) -> NDArray[np.bool_]:
    """(R,) whether the user of each row had more to meet than was held out."""
    targets = ranks.groupby(["user", "domain"])["item"].transform("size")
    choice: NDArray[np.bool_] = (ranks["candidates"] > targets).to_numpy()
    return choice


def rank_events(
    fitted: FittedModel,
    events: pd.DataFrame,
    methods: Mapping[str, Component],
    progress: Progress = SILENT,
    among: NDArray[np.bool_] | None = None,
    *,
    lists: bool = False,
) -> Ranked:
    """Rank each event's item among those of its domain that the user has not met.

    Each user is scored once in a domain, however many events are ranked there.

    Args:
        fitted: Its known events are what users have met.
        events: Columns ``user`` and ``item``; none of them is known.
        methods: Name to what scores.
        progress: Told of each chunk of rows.
        among: (N,) the only items that are ranked; by default all.
        lists: Whether to keep what the lists begin with.
    """
    seen, rows_of = Seen(fitted), rows_by_domain(fitted.snapshot)
    domains, names = item_domains(fitted.snapshot), fitted.snapshot.items["domain"].to_numpy()

    def lists_of(some: pd.DataFrame) -> IntArray:  # a number for each user in each domain
        return some["user"].to_numpy(np.int64) * len(rows_of) + domains[some["item"]]

    users, items = events["user"].to_numpy(np.int64), events["item"].to_numpy(np.int64)
    table: dict[str, Any] = {
        "user": users.astype(np.int32),
        "item": items.astype(np.int32),
        "domain": names[items],
        "candidates": np.zeros(len(events), np.int32),
        "history": np.isin(lists_of(events), lists_of(fitted.events)),
        "known_item": np.isin(items, fitted.events["item"]),
        **{name: np.zeros(len(events)) for name in methods},
    }
    kept = {name: np.full((len(events) if lists else 0, LIST), -1, np.int64) for name in methods}
    tasks = list[_Asked]()

    def at_once(domain: str) -> int:
        return rows_at_once(len(rows_of[domain]), _ARRAYS, CHUNK)

    for code, domain in enumerate(rows_of):
        rows = np.flatnonzero(domains[items] == code)
        of, distinct = pd.factorize(users[rows])  # users in the order of their first rows
        order = np.argsort(of, kind="stable")
        size = at_once(domain)
        for start in range(0, len(distinct), size):
            inside = order[slice(*np.searchsorted(of[order], [start, start + size]))]
            asked = distinct[start : start + size]
            tasks.append(_Asked(domain, asked, rows[inside], of[inside] - start))

    def rank(task: _Asked) -> tuple[IntArray, dict[str, tuple[NDArray[np.float64], IntArray]]]:
        domain, asked, chunk, line = task
        candidates = rows_of[domain]
        hidden = np.zeros((len(asked), len(candidates)), np.float32)
        seen.hide(hidden, asked, domain)
        if among is not None:
            hidden[:, ~among[candidates]] = -np.inf
        column = np.searchsorted(candidates, items[chunk])
        found = {}
        for name, method in methods.items():
            scores = method.score(asked, domain) + hidden
            best = np.zeros((len(asked), 0), np.int64)
            if lists:
                best = top_columns(scores, LIST)
                there = np.isfinite(np.take_along_axis(scores, best, 1))
                best = np.where(there, candidates[best], -1)
            found[name] = _ranks(scores, line, column, at_once(domain)), best[line]
        return np.isfinite(hidden).sum(axis=1)[line], found

    with progress.task("rank", total=len(events), unit="rows") as task:
        for part, (left, found) in zip(
            tasks, in_order(rank, tasks, how_many(fitted.device)), strict=True
        ):
            table["candidates"][part.rows] = left
            for name, (ranks, best) in found.items():
                table[name][part.rows] = ranks
                if lists:
                    kept[name][part.rows, : best.shape[1]] = best
            task.advance(len(part.rows))
    return Ranked(pd.DataFrame(table), kept if lists else {})


def _ranks(
    scores: NDArray[np.float32], line: IntArray, column: IntArray, size: int
) -> NDArray[np.float64]:
    """(R,) `midranks` of a column each in lines of scores (B, N), so many rows at a time."""
    parts = [slice(start, start + size) for start in range(0, len(line), size)]
    return np.concatenate(
        [midranks(scores[line[part]], scores[line[part], column[part]]) for part in parts]
    )


def _tied(events: pd.DataFrame, split: Split) -> NDArray[np.bool_]:
    """Tell whether the user's known event before a test event has the same time."""
    rows = np.union1d(split.history, split.test)
    users, at = events["user"].to_numpy()[rows], events["at"].to_numpy()[rows]
    tied = np.zeros(len(rows), bool)
    tied[1:] = (users[1:] == users[:-1]) & (at[1:] == at[:-1])
    return tied[np.searchsorted(rows, split.test)]


def _catalogue(
    fitted: FittedModel, ranks: pd.DataFrame, lists: Mapping[str, IntArray]
) -> pd.DataFrame:
    """`CATALOGUE` of the lists of each method, over all domains and in each."""
    counts = count_users(fitted.events, len(fitted.snapshot.items))
    mean = pd.Series(counts[fitted.events["item"]]).groupby(fitted.events["user"].to_numpy()).mean()
    once = np.flatnonzero(~ranks.duplicated(["user", "domain"]))
    history = ranks["user"].iloc[once].map(mean).to_numpy(np.float64)
    domains = ranks["domain"].to_numpy()[once]
    text = unit_rows(fitted.text["item"]) if "item" in fitted.text else None
    rows_of, users = rows_by_domain(fitted.snapshot), len(fitted.snapshot.users)
    asked = [(name, domains == name, rows_of[name]) for name in sorted(set(domains))]
    everywhere = np.unique(np.concatenate([rows for _, _, rows in asked]))
    table = []
    for method, found in lists.items():
        for domain, chosen, items in [("", np.ones(len(once), bool), everywhere), *asked]:
            shown = found[once[chosen]]
            figures = catalogue_figures(shown, items, counts, users, history[chosen], text)
            table.append({"method": method, "domain": domain, **figures})
    return pd.DataFrame(table)


def _figures(method: str, segment: str, domain: str, ranks: pd.DataFrame, k: int) -> dict[str, Any]:
    found = figures_by_list(ranks, method, k)
    counts = {name: int(found[name].sum()) for name in COUNTS}
    return {
        "method": method,
        "segment": segment,
        "domain": domain,
        "rows": len(ranks),
        **{name: float(found[name].mean()) for name in MEANS},
        **counts,
        "accuracy": (counts["tp"] + counts["tn"]) / max(sum(counts.values()), 1),
    }
