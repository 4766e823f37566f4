"""Gain of learning domains together that share no user, over learning each alone.

Usage: ``python benchmarks/zero_overlap.py [--seed 0]``

On the bundled books, whose users are cut apart: what one did in a domain becomes a user of its own,
so that nothing but texts, entities and relations joins two domains. With the default settings, the
guard aside, a model learns all domains, and one each domain alone. The last event of each user is
held out and ranked among all items of its domain, by both models. Below the table stands which
domains the guard would serve by a model of their own.
"""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter

import numpy as np
import pandas as pd

from linkspan import gnn
from linkspan.gnn.evaluation.ranking import has_choice
from linkspan.gnn.evaluation.transfer import compare_cells, difference
from linkspan.graph.snapshot import Snapshot
from linkspan.settings import demo_settings

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from goodbooks import read_goodbooks


def cut_users(snapshot: Snapshot) -> Snapshot:
    """The snapshot with a user of its own, ``domain/key``, for each domain that a user was in.

    Relations of users, and which users are one, are left out: they would join the domains again.
    """
    frames, keys = {}, snapshot.users["key"].to_numpy(object)
    for name, frame in snapshot.interactions.items():
        domains = gnn.event_domains(snapshot, frame)
        frames[name] = frame.assign(user=domains + "/" + keys[frame["user"]])
    users = np.unique(np.concatenate([frame["user"].to_numpy(str) for frame in frames.values()]))
    row = pd.Series(np.arange(len(users), dtype=np.int32), index=users)
    return replace(
        snapshot,
        users=pd.DataFrame({"key": users, "id": users}, dtype=object),
        interactions={
            name: frame.assign(user=row[frame["user"]].to_numpy()).sort_values(
                ["user", "item"], ignore_index=True
            )
            for name, frame in frames.items()
        },
        relations={key: own for key, own in snapshot.relations.items() if "user" not in key[::2]},
        aliases={role: own for role, own in snapshot.aliases.items() if role != "user"},
    )


def ranks_of(
    snapshot: Snapshot, split: gnn.Split, text: dict, settings: gnn.TrainSettings
) -> tuple[gnn.FittedModel, pd.DataFrame]:
    """Train and weigh the parts, and the ranks of the test events."""
    began = perf_counter()
    fitted = gnn.fit_hybrid(gnn.train(snapshot, split, text, settings), split)
    ranks = gnn.rank_tests(fitted, split)
    seconds = perf_counter() - began
    print(f"trained on {len(split.train):,} events in {seconds:.0f} s", file=sys.stderr)
    return fitted, ranks


def shown(name: str, row: dict) -> str:
    """A line of the table; NDCG@10 in points."""
    return (
        f"| {name} | {row['lists']:,} | {100 * row['other']:.2f} | {100 * row['joint']:.2f} "
        f"| {100 * row['gain']:+.2f} ({100 * row['low']:+.2f} to {100 * row['high']:+.2f}) |"
    )


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    settings = demo_settings(Path()).train.changed(seed=arguments.seed, guard=False)
    snapshot = cut_users(read_goodbooks(Path(str(files("linkspan") / "data" / "goodbooks"))))
    with TemporaryDirectory() as cache:
        text = gnn.embed_snapshot(snapshot, settings.encoding, Path(), Path(cache)).vectors
    split = gnn.split_events(snapshot, gnn.SplitSettings(protocol="last-out"))
    pairs = gnn.find_bridges(snapshot, snapshot.events().iloc[split.train], text)
    shared = sum(row["users"] for row in pairs)
    print(f"{len(snapshot.users):,} users, {shared} of them in two domains", file=sys.stderr)
    fitted, joint = ranks_of(snapshot, split, text, settings)
    plan = gnn.plan_cells(snapshot, split, snapshot.domains)
    alone = {}
    for cell in plan.alone.values():
        left, own = gnn.leave_out(snapshot, split, cell)
        if not gnn.why_unlearnable(left, own):
            _, alone[cell] = ranks_of(left, own, text, settings)
    found = compare_cells(snapshot, split, plan, joint, alone)["segments"]
    rows = {row["domain"]: row for row in found if row["segment"] == "all"}
    theirs = pd.concat(list(alone.values())).set_index("event")["rank"]
    both = joint[has_choice(joint) & joint["event"].isin(theirs.index)]
    other = theirs.loc[both["event"]].to_numpy()
    print("| domain | lists | alone | joint | gain |\n|---|---:|---:|---:|---|")
    for name, row in rows.items():
        print(shown(name, row))
    print(shown("all lists", difference(both.assign(joint=both["rank"], other=other))))
    mean = pd.DataFrame(rows.values())[["other", "joint", "gain"]].mean() * 100
    print(f"| mean of domains | | {mean['other']:.2f} | {mean['joint']:.2f} "
          f"| {mean['gain']:+.2f} |", flush=True)  # fmt: skip
    _, doubted = gnn.guard_domains(fitted, split)
    hurt = [row["domain"] for row in doubted if row["hurt"]]
    print(f"\nin doubt: {', '.join(row['domain'] for row in doubted) or 'none'}; "
          f"guarded: {', '.join(hurt) or 'none'}")  # fmt: skip


if __name__ == "__main__":
    main()
