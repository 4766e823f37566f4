"""The transfer report: trains what it compares, where it is not kept (`linkspan.cells`)."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from linkspan import gnn
from linkspan.cells import Cells
from linkspan.errors import ConfigError, ModelError
from linkspan.graph.asking.wording import counted
from linkspan.graph.snapshot import Snapshot
from linkspan.opening import open_model
from linkspan.workspace import RunFolder

if TYPE_CHECKING:
    from linkspan.gnn import Cell, FittedModel, Plan, Split, TrainSettings
    from linkspan.pipeline import Pipeline

Row = dict[str, Any]

_FEW = 100
"""Lists below which a sentence says that there are few."""


def report_transfer(
    pipeline: Pipeline,
    snapshot: Snapshot,
    run: RunFolder,
    domains: Sequence[str] | None = None,
    methods: Sequence[str] = (),
    tell: Callable[[str], None] = lambda text: None,
) -> dict[str, Any]:
    """Train what a run is compared with, and compare.

    What was trained before, of this snapshot, split and settings, is not trained again. The report
    is kept with the run (``transfer.json``), in place of one before.

    Args:
        pipeline: Settings of the machine, workspace, progress; each training is a stage.
        snapshot: The graph that the run was trained on.
        run: The run; its held-out model, without the guard, is the joint one.
        domains: Those to report on, as receiving and as giving; None: all with events.
        methods: Methods of domain adaptation to try, each switched on (off, where the run has it).
        tell: Told before training begins what it will cost.

    Returns:
        ``run``, ``protocol``, ``k``, ``domains`` (a row each: ``domain``, ``state``, ``verdict``,
        and the figures over all its rows), ``segments``, ``without_domain``,
        ``without_relation`` and ``with_method`` (as
        `linkspan.gnn.evaluation.transfer.compare_cells` gives them; of a method, ``gain`` is of the
        training with it over the one without), ``bridges`` (as `find_bridges` does) and
        ``trainings`` (``new``, ``kept``).

    Raises:
        ConfigError: A domain is unknown or stands alone, or there is no such method.
        ModelError: Nothing was held out, or the run's network is untrained.
    """
    split, joint = gnn.Split.load(run.split), open_model(run, snapshot, run.held_out)
    guarded, joint = sorted(joint.alone), replace(joint, alone={})
    doubted = run.read("run").get("doubted", [])
    kept = [row["domain"] for row in doubted if not row["hurt"]]
    _check(snapshot, split, joint)
    if (distilled := run.read("run").get("distilled")) is not None:
        raise ModelError(
            f"run {run.id} learned from run {distilled['run']}, and what it is compared with would "
            "learn from none",
            hint=f"Ask of {distilled['run']}, or train without --distil",
        )
    _check_methods(methods)
    chosen = _choose(snapshot, split, domains)
    plan = gnn.plan_cells(snapshot, split, chosen, methods)
    cells = Cells.of(pipeline.workspace, run, split)
    problems = {cell: _problem(snapshot, split, cell) for cell in plan.cells}
    wanted = [cell for cell in plan.cells if not problems[cell]]
    found = {cell: ranks for cell in wanted if (ranks := cells.load(cell)) is not None}
    new = [cell for cell in wanted if cell not in found]
    tell(_cost(snapshot, split, new, len(found), run.read("run").get("seconds")))
    for number, cell in enumerate(new, start=1):
        with pipeline.stage("cell") as stage:
            found[cell] = _train_cell(pipeline, joint, split, cell, cells)
            stage.text = f"{number} of {len(new)}: {describe(cell, plan, joint.settings)}"
    with pipeline.stage("compare") as stage:
        rows = gnn.compare_cells(snapshot, split, plan, gnn.rank_tests(joint, split), found)
        stage.text = f"{len(split.test):,} held-out events"
    bridges = gnn.find_bridges(snapshot, snapshot.events().iloc[split.train], joint.text)
    report = {
        "run": run.id,
        "protocol": split.protocol,
        "k": gnn.LIST,
        "domains": [_judge(name, rows, bridges, plan, problems, guarded, kept) for name in chosen],
        "segments": rows["segments"],
        "without_domain": rows["domains"],
        "without_relation": rows["relations"],
        "with_method": [_of_method(row, joint.settings) for row in rows["methods"]],
        "bridges": bridges,
        "trainings": {"new": len(new), "kept": len(wanted) - len(new)},
    }
    run.write("transfer", report)
    return report


def describe(cell: Cell, plan: Plan, settings: TrainSettings) -> str:
    """Name of a cell: what it is alone on, without or with, where the run has these settings."""
    if cell.method is not None:
        return f"{'without' if getattr(settings.transfer, cell.method) else 'with'} {cell.method}"
    if cell.without is not None:
        return f"without {cell.without}"
    if len(cell.domains) == 1:
        return f"{cell.domains[0]} alone"
    return f"without {next(name for name, each in plan.less_domain.items() if each == cell)}"


def _of_method(row: Row, settings: TrainSettings) -> Row:
    """A row of a method: what the training with it gains over the one without."""
    gains = {name: row[name] for name in ("gain", "low", "high")}
    if not getattr(settings.transfer, row["left_out"]):  # the joint training is the one without
        gains = {"gain": -row["gain"], "low": -row["high"], "high": -row["low"]}
    return {**row, **gains}


def _check_methods(methods: Sequence[str]) -> None:
    for name in methods:
        if name not in gnn.METHODS:
            raise ConfigError(
                f"--methods: there is no method '{name}'",
                hint=f"There are {', '.join(gnn.METHODS)}",
            )


def _check(snapshot: Snapshot, split: Split, joint: FittedModel) -> None:
    if split.fingerprint != snapshot.fingerprint():
        raise ModelError("the split is of another snapshot", hint="Train again")
    if not len(split.test):
        raise ModelError(
            "the run has no held-out events, so nothing can be compared",
            hint="Train with another [split]",
        )
    if joint.adapted is not None:
        raise ModelError(
            f"the run was adapted to domain '{joint.adapted}': its domains were not learned "
            "together",
            hint="Name a run of 'linkspan train'",
        )
    if not joint.is_trained:
        raise ModelError("the run's network is untrained, so nothing passes between its domains")


def _choose(snapshot: Snapshot, split: Split, asked: Sequence[str] | None) -> list[str]:
    """The domains that are reported on, sorted."""
    known = sorted(set(gnn.event_domains(snapshot, snapshot.events())))
    for name in asked or ():
        if name not in known:
            raise ConfigError(
                f"--domains: there is no domain '{name}' with events",
                hint=f"There are {', '.join(known)}",
            )
    if len(known) < 2:
        raise ConfigError(
            f"there is one domain only, {known[0]}, so there is nothing to pass",
            hint="The mapping needs a second one with events",
        )
    return sorted(set(asked)) if asked else known


def _problem(snapshot: Snapshot, split: Split, cell: Cell) -> str:
    """Reason why a cell cannot be trained; empty where it can."""
    return gnn.why_unlearnable(*gnn.leave_out(snapshot, split, cell))


def _cost(
    snapshot: Snapshot, split: Split, new: Sequence[Cell], kept: int, seconds: float | None
) -> str:
    """Sentence on how many trainings there are, and how long they may take."""
    before = f"; {kept:,} kept from before" if kept else ""
    if not new:
        return f"Nothing to train{before}"
    text = f"{counted(len(new), 'training')} to do{before}"
    if seconds is None:
        return f"{text}; each takes up to as long as that of the run"
    domains = gnn.event_domains(snapshot, snapshot.events().iloc[split.train])
    share = sum(float(np.isin(domains, cell.domains).mean()) for cell in new)
    return f"{text}, about {_duration(share * seconds)} (the run's took {_duration(seconds)})"


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    return f"{seconds:.0f} s" if minutes < 2 else f"{minutes:.0f} min"


def _train_cell(
    pipeline: Pipeline, joint: FittedModel, split: Split, cell: Cell, cells: Cells
) -> pd.DataFrame:
    """Train as the run was, but for what is left out, and rank the test events."""
    snapshot, own = gnn.leave_out(joint.snapshot, split, cell)
    machine = pipeline.settings.train.machine
    settings = gnn.settings_of(joint.settings, cell).model_copy(update={"machine": machine})
    progress, checkpoint = pipeline.progress, cells.checkpoint(cell)
    fitted = gnn.train(snapshot, own, dict(joint.text), settings, progress, checkpoint=checkpoint)
    if settings.model.hybrid:
        fitted = gnn.fit_hybrid(fitted, own, progress)
    return cells.keep(cell, fitted, own)


def _judge(
    name: str,
    rows: Mapping[str, list[Row]],
    bridges: Sequence[Row],
    plan: Plan,
    problems: Mapping[Cell, str],
    guarded: Sequence[str],
    kept: Sequence[str],
) -> Row:
    """Sentence on a domain."""
    own = [row for row in rows["segments"] if row["domain"] == name and row["segment"] == "all"]
    if not own:
        cell = plan.alone.get(name)
        if cell is not None and problems[cell]:
            text = f"cannot be learned alone, so there is nothing to compare: {problems[cell]}"
        else:
            text = "not measured: no held-out event of it can be ranked"
        return {"domain": name, "state": "unmeasured", "verdict": text}
    whole = own[0]
    givers = [row for row in rows["domains"] if row["domain"] == name]
    pairs = [(row["one"], row["other"]) for row in bridges if name in (row["one"], row["other"])]
    others = [one if other == name else other for one, other in pairs]
    state, text = _sentence(whole, givers, others, guarded=name in guarded)
    if name in kept and state != "hurt":
        text += "; 'train' had it in doubt on its validation rows, which are other ones"
    text += _beneath(whole, [row for row in rows["segments"] if row["domain"] == name])
    if name in gnn.find_apart(bridges):
        text += "; nothing can pass to it: no user, relation or text joins it to another domain"
    return {**whole, "state": state, "verdict": text}


def _sentence(
    whole: Row, givers: Sequence[Row], others: Sequence[str], *, guarded: bool
) -> tuple[str, str]:
    """State of a domain and what to say of it.

    Args:
        whole: Figures of the domain.
        givers: Those with another domain left out, of the domains that are reported on.
        others: All other domains of the graph.
        guarded: Whether its lists are of its own events.
    """
    points = f"{100 * whole['gain']:+.1f} points of NDCG, {_range(whole)}"
    if not whole["certain"]:
        few = f"; {counted(whole['lists'], 'test list')} only" if whole["lists"] < _FEW else ""
        text = f"no difference that can be told ({points}{few}): no reason to learn it apart"
        return "same", text + ("; its lists are of its own events" if guarded else "")
    better = whole["gain"] > 0
    by = sorted(
        (row for row in givers if row["certain"] and (row["gain"] > 0) == better),
        key=lambda row: -abs(row["gain"]),
    )
    names = ", ".join(row["left_out"] for row in by) or (
        others[0] if len(others) == 1 else "the others together"
    )
    if better:
        return "helped", f"helped by {names} ({points}): go on learning them together"
    if guarded:
        return "hurt", f"hurt by {names} ({points}); its lists are of its own events already"
    return "hurt", (
        f"hurt by {names} ({points}); what to do: give it a mapping and a run of its own, or "
        "leave out of this one what hurts it"
    )


def _beneath(whole: Row, segments: Sequence[Row]) -> str:
    """Segments that the figure of the whole domain hides, and whether most lists cannot be told."""
    text = ""
    for row in segments:
        if row["segment"] == "all" or not row["certain"]:
            continue
        if not whole["certain"] or (row["gain"] > 0) != (whole["gain"] > 0):
            who = row["segment"] if row["segment"] == "new items" else f"{row['segment']} events"
            text += f"; but with {who} {100 * row['gain']:+.1f}, {_range(row)}"
    new = sum(row["lists"] for row in segments if row["segment"] == "new items")
    if 4 * new > whole["lists"]:
        text += (
            f"; {new:,} of {whole['lists']:,} test lists are of items that nobody had met, for "
            "which only texts and relations can do something"
        )
    return text


def _range(row: Row) -> str:
    return f"{100 * row['low']:.1f} to {100 * row['high']:.1f}"
