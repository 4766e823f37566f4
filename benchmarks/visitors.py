"""Time of a list for a visitor, by a history, and how far it is from what a batch gives.

Usage: ``python benchmarks/visitors.py [--folder .linkspan] [--run RUN] [--calls 1000]``

With the model of a run in a workspace, such as that of ``make demo``, and no database. Histories
are those of users of its snapshot, drawn by chance; the domains take turns. Milliseconds of a list
of ten in one domain, and of the best ten of all domains, each with reason and parts. Then the lists
of 200 users are compared with those that are published for them; of users of one history the first
is, as walks to a sample of an item's users may reach another and not that one (5e-4 of a score).
"""

from __future__ import annotations

import argparse
from pathlib import Path
from time import perf_counter

import numpy as np

from linkspan import gnn
from linkspan.errors import ModelError
from linkspan.loading import LoadedRun
from linkspan.opening import open_model
from linkspan.visiting import VisitorModel
from linkspan.workspace import Workspace

K, COMPARED = 10, 200


def milliseconds(model: VisitorModel, asked: list[tuple[list[str], str | None]]) -> list[float]:
    """Time of each call."""
    found = []
    for history, domain in asked:
        began = perf_counter()
        model.recommend(history, domain, K)
        found.append(1000 * (perf_counter() - began))
    return found


def differences(
    model: VisitorModel, fitted: gnn.FittedModel, users: np.ndarray
) -> tuple[int, float]:
    """Lists with other items, or in another order, than a batch gives; most that a score is off."""
    keys, events = fitted.snapshot.items["key"].to_numpy(), fitted.events
    met = events.groupby("user")["item"]
    users = np.unique([fitted.walks.user_of(met.get_group(user).to_numpy()) for user in users])
    lists = gnn.score_top(fitted, K, users=users)
    other, most = 0, 0.0
    for (user, domain), rows in lists.groupby(["user", "domain"]):
        history = keys[met.get_group(user)].tolist()
        found = model.recommend(history, str(domain), K)
        other += [row.item for row in found] != keys[rows["item"]].tolist()
        scores = np.sort([row.score for row in found]) - np.sort(rows["score"])
        most = max(most, float(np.abs(scores).max()))
    return other, most


def main() -> None:
    """Measure, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--folder", type=Path, default=Path(".linkspan"))
    parser.add_argument("--run", help="Id of a run. [default: the latest]")
    parser.add_argument("--calls", type=int, default=1000)
    arguments = parser.parse_args()
    workspace, random = Workspace(arguments.folder), np.random.default_rng(0)
    try:
        run = workspace.run(arguments.run)
    except ModelError as error:
        return print(f"skipped: {error} 'make demo' makes one.")
    began = perf_counter()
    snapshot = workspace.load_snapshot(run.read("run")["fingerprint"])
    fitted = open_model(run, snapshot)
    model = VisitorModel(LoadedRun(run, fitted, gnn.Choice()))
    keys = snapshot.items["key"].to_numpy()
    histories = [keys[items].tolist() for _, items in fitted.events.groupby("user")["item"]]
    drawn = [histories[place] for place in random.integers(0, len(histories), arguments.calls)]
    model.recommend(drawn[0], None, K)
    loaded = perf_counter() - began
    print(f"{len(snapshot.users):,} users, {len(keys):,} items, {len(snapshot.domains)} domains; "
          f"loaded in {loaded:.1f} s")  # fmt: skip
    print("| ms a list of ten | p50 | p99 |\n|---|---|---|")
    domains = snapshot.domains
    for name, asked in (
        ("one domain", [(each, domains[n % len(domains)]) for n, each in enumerate(drawn)]),
        ("all domains", [(each, None) for each in drawn[: max(arguments.calls // 10, 1)]]),
    ):
        middle, slow = np.percentile(milliseconds(model, asked), [50, 99])
        print(f"| {name} | {middle:.1f} | {slow:.1f} |")
    known = fitted.events["user"].unique()
    users = random.choice(known, min(COMPARED, len(known)), replace=False)
    other, most = differences(model, fitted, users)
    print(f"{len(users)} users: {other} lists differ from a batch; a score by {most:.1e} at most")


if __name__ == "__main__":
    main()
