"""Sites that train together beside one model of all their events, and beside each alone.

    python benchmarks/federation.py                (goodbooks; about ten minutes)
    python benchmarks/federation.py --seeds 1

The three largest domains of goodbooks are three sites: each has the items of one domain, and
knows of a reader only what they did there. *Joint* is the hybrid over the graph of all three,
*alone* that of each, *federated* the same with shared parameters averaged after each epoch, and
*with states* the same with users' states of the other sites. Each site holds out the last event of
each of its users (``last-out-per-domain``), as no site knows which event was the last of all;
``--protocol last-out`` holds out the last of all, so that a site is asked for readers whom it has
never met. NDCG@10 in percent, full ranking of a site's items; the gain over *alone* with the 95%
interval of a paired bootstrap over all seeds' rows.
"""

from __future__ import annotations

import argparse
import os
import sys
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from linkspan import gnn
from linkspan.gnn.events.domains import item_domains
from linkspan.gnn.federation.site import Site
from linkspan.gnn.metrics import ndcg_by_row, paired_interval
from linkspan.gnn.models.view import View
from linkspan.gnn.settings import FederationSettings
from linkspan.graph.users.pseudonyms import Pseudonyms
from linkspan.pipeline import Pipeline

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "benchmarks")]

from federations import RoomLink, sizes, together  # noqa: E402
from quality import SETS, read_snapshot  # noqa: E402

DOMAINS = ("literature", "nonfiction", "fantasy")
WAYS = ("alone", "joint", "federated", "with states")
KEY = "the same secret at all sites"


def within(view: View, domains: tuple[str, ...]) -> View:
    """The graph of some domains only; rows of users stay."""
    for domain in view.snapshot.domains:
        if domain not in domains:
            view = view.without(domain)
    return view


def part_of(split: gnn.Split, view: View, whole: View, domain: str) -> gnn.Split:
    """A split of the graph of all sites, as a site has it."""
    events = whole.snapshot.events()
    code = whole.snapshot.domains.index(domain)
    inside = item_domains(whole.snapshot)[events["item"]] == code
    place = np.cumsum(inside) - 1
    parts = (place[rows[inside[rows]]] for rows in (split.train, split.validation, split.test))
    return gnn.Split(split.protocol, *parts, view.snapshot.fingerprint())


def ranks(fitted: gnn.FittedModel, split: gnn.Split) -> pd.DataFrame:
    """NDCG@10 of each test row, and whether its user has a past in the domain."""
    found = gnn.evaluate(fitted, split, ()).ranks
    gains = ndcg_by_row(found[gnn.method(fitted)].to_numpy(), 10)
    table = pd.DataFrame({"domain": found["domain"], "ndcg": gains})
    return table.assign(user=found["user"], item=found["item"], history=found["history"])


def federated(
    sites: dict[str, View], splits: dict[str, gnn.Split], settings: Any, *, states: bool
) -> tuple[list[gnn.FittedModel], dict[str, int]]:
    """Models of all sites, and the bytes of the largest message of each kind."""
    coordinator, heard = gnn.Coordinator("0"), []

    def task(name: str, link: RoomLink) -> gnn.FittedModel:
        view = sites[name]
        hidden = Pseudonyms(KEY)
        names = {hidden.of(str(key)): row for row, key in enumerate(view.snapshot.users["key"])}
        sealer = gnn.Sealer(KEY, names) if states else None
        site = Site(link, FederationSettings(name=name), settings, "0", sealer=sealer)
        fitted = site.train(view.snapshot, splits[name], dict(view.vectors))
        heard.extend(link.room.heard)
        return fitted

    found = together(coordinator, [partial(task, name) for name in sites])
    for each in found:
        if isinstance(each, Exception):
            raise each
    return found, dict(sizes(heard))  # type: ignore[return-value]


def measure(seed: int, folder: Path, protocol: str) -> pd.DataFrame:
    """Rows of the test events, with the NDCG@10 of each way."""
    settings = SETS[0].settings(folder / "goodbooks")
    pipeline = Pipeline(settings)
    snapshot = read_snapshot(pipeline)
    whole = within(View.whole(snapshot, pipeline.embed(snapshot)), DOMAINS)
    train = settings.train.changed(seed=seed)
    held = settings.split.model_copy(update={"protocol": protocol, "seed": seed})
    split = gnn.split_events(whole.snapshot, held)
    joint = gnn.fit_hybrid(gnn.train(whole.snapshot, split, dict(whole.vectors), train), split)
    table = ranks(joint, split).rename(columns={"ndcg": "joint"})
    table = table.sort_values(["domain", "user", "item"], kind="stable")
    sites = {domain: within(whole, (domain,)) for domain in DOMAINS}
    splits = {domain: part_of(split, sites[domain], whole, domain) for domain in DOMAINS}
    ways: dict[str, list[gnn.FittedModel]] = {
        "alone": [
            gnn.fit_hybrid(
                gnn.train(view.snapshot, splits[domain], dict(view.vectors), train), splits[domain]
            )
            for domain, view in sites.items()
        ]
    }
    ways["federated"], _ = federated(sites, splits, train, states=False)
    ways["with states"], sent = federated(sites, splits, train, states=True)
    for way, models in ways.items():
        own = pd.concat(
            [ranks(fitted, splits[name]) for name, fitted in zip(sites, models, strict=True)]
        ).sort_values(["domain", "user", "item"], kind="stable")
        assert own["user"].tolist() == table["user"].tolist(), "the ways rank the same events"
        table[way] = own["ndcg"].to_numpy()
    print(f"seed {seed}: sent by a site at most, in bytes: {sent}", flush=True)
    return table


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--protocol", default="last-out-per-domain")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "quality")
    options = parser.parse_args()
    os.environ["LINKSPAN_DATA"] = os.environ.get("LINKSPAN_DATA") or str(
        ROOT.parent / "shared" / "data"
    )
    tables = [measure(seed, options.folder, options.protocol) for seed in range(options.seeds)]
    table = pd.concat(tables)
    print(
        "\n| site | rows | alone | joint | federated | with states | of joint | gain over alone |"
    )
    print("|---|---:|---:|---:|---:|---:|---:|---|")
    groups = [*table.groupby("domain"), ("all rows", table)]
    if not table["history"].all():
        groups += [("users with a past there", table[table["history"]])]
        new = table[~table["history"]]
        groups += [(f"{name}, users new to it", rows) for name, rows in new.groupby("domain")]
        groups += [("all users new to a site", new)]
    for name, rows in groups:
        means = {way: 100 * rows[way].mean() for way in WAYS}
        low, high = paired_interval(rows["with states"].to_numpy(), rows["alone"].to_numpy())
        gain = means["with states"] - means["alone"]
        cells = [name, f"{len(rows) // options.seeds:,}"]
        cells += [f"{means[way]:.2f}" for way in WAYS]
        cells.append(f"{means['with states'] / means['joint']:.1%}")
        cells.append(f"{gain:+.2f} ({100 * low:+.2f} to {100 * high:+.2f})")
        print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
