"""A new domain on top of a run: a run of its own, in a fraction of a full training."""

from __future__ import annotations

from dataclasses import replace
from time import perf_counter

import linkspan
from linkspan import gnn
from linkspan.graph.asking.wording import counted
from linkspan.graph.snapshot import Snapshot
from linkspan.opening import check_encoders
from linkspan.pipeline import Pipeline
from linkspan.training import complete
from linkspan.workspace import RunFolder


def adapt_run(
    pipeline: Pipeline, snapshot: Snapshot, base: RunFolder, domain: str, steps: int
) -> RunFolder:
    """Learn a domain that a run does not know; the lists of all others stay as they are.

    Args:
        pipeline: Says what is held out of the domain's events.
        snapshot: The graph, with the domain.
        base: The run.
        domain: The new domain.
        steps: Steps of the optimiser.

    Returns:
        A run to evaluate and publish as any other; its held-out events are those of the domain.

    Raises:
        ModelError: The domain is not in the graph, has no events, or was learned before; the run's
            network is untrained; or an encoder has other files than when it was trained.
    """
    began = perf_counter()
    complete(pipeline, base)
    learned = gnn.load(base.final)
    check_encoders(base, learned.settings.encoding, snapshot)
    split = pipeline.split(snapshot)
    gnn.check_adaptable(learned, snapshot, split, domain)
    text = pipeline.embed(snapshot, learned.settings)
    about = {name: base.read("run")[name] for name in ("settings", "encoders")}
    run = pipeline.workspace.new_run(
        version=linkspan.__version__, fingerprint=snapshot.fingerprint(), **about
    )
    with pipeline.stage("adapt") as stage:
        learned = replace(
            learned,
            settings=learned.settings.model_copy(
                update={"machine": pipeline.settings.train.machine}
            ),
        )
        fitted = gnn.adapt(learned, snapshot, split, text, domain, steps, pipeline.progress)
        final = gnn.adapt_all(learned, fitted)
        gnn.save_vectors(text, run.embedded, learned.settings.model.precision)
        gnn.save(fitted.learned, run.held_out, gnn.split_within(split, snapshot, domain))
        gnn.save(final.learned, run.final)
        adapted = {"domain": domain, "run": base.id, "gates": final.gates.get(domain)}
        seconds = round(perf_counter() - began, 1)
        run.write("run", {**run.read("run"), "seconds": seconds, "adapted": adapted})
        events = int((gnn.event_domains(snapshot, snapshot.events()) == domain).sum())
        passes = fitted.best_epoch - learned.best_epoch
        stage.count, stage.unit = events * passes, "events"
        stage.text = f"{domain} on run {base.id}: {counted(events, 'event')}, " + (
            f"pass {passes} of {len(fitted.curves) - learned.best_epoch} over them kept"
            if passes
            else "no pass ranks it better than the run does as it is"
        )
    return run
