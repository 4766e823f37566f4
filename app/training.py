"""The models of a run: one without the held-out events, and one of all, which is published."""

from __future__ import annotations

from time import perf_counter
from typing import TYPE_CHECKING, Any

import linkspan
from linkspan import gnn
from linkspan.cells import Cells
from linkspan.evaluating import apart_notes, guard_notes
from linkspan.figures import draw_curves
from linkspan.graph.snapshot import Snapshot
from linkspan.opening import open_model
from linkspan.private_training import refit_private, train_private_run
from linkspan.stages import Stages
from linkspan.teaching import Teacher, find_teacher
from linkspan.workspace import RunFolder

if TYPE_CHECKING:
    from linkspan.gnn import FittedModel


def distil_run(
    stages: Stages, name: str | None = None, *, seed: int | None = None, refit: bool = True
) -> RunFolder:
    """Fit a run of a small network, half as wide and of one hop, that learns from another run.

    Its held-out model learns from the other's held-out model, its model of all events from the
    other's model of all events; graph, texts, settings and split are the other's.

    Args:
        stages: Settings of the machine, workspace, progress.
        name: Id of the other run; by default the latest of ``linkspan train``.
        seed: By default the other's.
        refit: As for `train_run`.

    Raises:
        ConfigError, ModelError: As for `find_teacher`.
    """
    teacher = find_teacher(stages, name, seed)
    if refit:
        complete(stages, teacher.run)
    return train_run(stages, teacher.snapshot, teacher.text, refit=refit, teacher=teacher)


def train_run(
    stages: Stages,
    snapshot: Snapshot,
    text: dict[str, Any],
    *,
    refit: bool = True,
    teacher: Teacher | None = None,
) -> RunFolder:
    """Fit a model without the held-out events, then one on all events, which is published.

    Args:
        stages: Settings, workspace, progress; each model is a stage.
        snapshot: The graph.
        text: Node type to vectors, as the stage before gives them.
        refit: False leaves the second to `complete`: the run is there to be measured.
        teacher: What to learn from beside the events; it says settings and split.

    Returns:
        The run.
    """
    if stages.settings.privacy.epsilon is not None:
        return train_private_run(stages, snapshot, text, refit=refit)
    settings = stages.settings.train if teacher is None else teacher.settings
    run = stages.workspace.new_run(
        version=linkspan.__version__,
        fingerprint=snapshot.fingerprint(),
        settings=settings.model_dump(mode="json"),
        encoders=teacher.run.encoders if teacher else gnn.encoder_names(settings.encoding),
    )
    if teacher is not None:
        run.write("run", {**run.read("run"), "distilled": {"run": teacher.run.id}})
    name = "train" if teacher is None else "distil"
    kept = stages.workspace.folder / "checkpoints" / name
    with stages.stage("train") as stage:
        started = perf_counter()
        split = stages.split(snapshot) if teacher is None else teacher.split
        resumed = kept.exists()
        fitted = gnn.train(
            snapshot,
            split,
            text,
            settings,
            stages.progress,
            checkpoint=kept,
            teacher=None if teacher is None else teacher.held_out(),
        )
        if settings.model.hybrid:
            fitted = gnn.fit_hybrid(fitted, split, stages.progress)
        doubted: list[dict[str, Any]] = []
        if settings.learning.guard:
            cells = Cells.of(stages.workspace, run, split)
            fitted, doubted = gnn.guard_domains(fitted, split, stages.progress, cells.keep)
        gnn.save_vectors(text, run.embedded, settings.model.precision)
        gnn.save(fitted.learned, run.held_out, split)
        seconds = None if resumed else round(perf_counter() - started, 1)
        found = {"seconds": seconds, "doubted": doubted, "refit": refit}
        run.write("run", {**run.read("run"), **found})
        curves = [epoch._asdict() for epoch in fitted.curves]
        draw_curves(curves, fitted.best_epoch, run.folder / "curves.png")
        stage.count, stage.unit = len(split.train) * len(fitted.curves), "events"
        stage.text = (
            f"{len(split.train):,} events, best epoch {fitted.best_epoch} of {len(fitted.curves)}"
        )
        if teacher is not None:
            size = settings.model.embedding_size
            stage.text = (
                f"from run {teacher.run.id}, {size} numbers a state and one hop: {stage.text}"
            )
        if not fitted.is_trained:
            stage.text = (
                "no user met two items: no network, but popularity and texts by stated weights"
            )
        learned = snapshot.events().iloc[split.train]
        apart = gnn.find_apart(gnn.find_bridges(snapshot, learned, text))
        stage.notes = apart_notes(apart) + guard_notes(doubted)
        if fitted.bounded:
            memory = f"{settings.machine.memory:,} MiB"
            stage.notes.append(f"to stay within {memory}: {fitted.bounded}")
    if refit:
        _refit(stages, snapshot, run, fitted, teacher)
    kept.unlink(missing_ok=True)
    return run


def complete(stages: Stages, run: RunFolder) -> None:
    """Fit the model of all events of a run that was trained to be measured.

    Raises:
        ModelError: Among others, it learned from a run that is not there any more.
    """
    if run.is_trained and not run.is_refitted:
        snapshot = stages.workspace.load_snapshot(run.read("run")["fingerprint"])
        model = open_model(run, snapshot, run.held_out)
        if model.private is not None:
            refit_private(stages, snapshot, run, dict(model.text))
        else:
            teacher, distilled = None, run.read("run").get("distilled")
            if distilled is not None:
                teacher = find_teacher(stages, distilled["run"])
                complete(stages, teacher.run)
            _refit(stages, snapshot, run, model, teacher)


def _refit(
    stages: Stages,
    snapshot: Snapshot,
    run: RunFolder,
    fitted: FittedModel,
    teacher: Teacher | None = None,
) -> None:
    """Fit a run's model of all events, which is published.

    Args:
        stages: Settings, workspace, progress.
        snapshot: The graph that the run was trained on.
        run: The run.
        fitted: Its held-out model.
        teacher: What it learned from beside the events.
    """
    kept = stages.workspace.folder / "checkpoints" / "refit"
    with stages.stage("refit") as stage:
        settings = fitted.settings.model_copy(update={"machine": stages.settings.train.machine})
        final = gnn.train_all(
            snapshot,
            dict(fitted.text),
            settings,
            fitted.best_epoch,
            stages.progress,
            kept,
            teacher=None if teacher is None else teacher.final(),
        )
        if fitted.weights:
            final = gnn.with_weights(final, fitted.weights)
            final = gnn.refit_alone(final, fitted.alone, stages.progress)
        if settings.learning.meta and final.is_trained:
            final = gnn.learn_beginnings(final, settings.learning.meta, stages.progress)
        gnn.save(final.learned, run.final)
        kept.unlink(missing_ok=True)
        events = len(snapshot.events())
        stage.count, stage.unit = events * final.best_epoch, "events"
        stage.text = f"all {events:,} events" + (
            f", {final.best_epoch} epochs" if final.is_trained else ""
        )
