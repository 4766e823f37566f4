"""Trainings of the command line that a test needs but does not look at, done once a worker."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from linkspan.pipeline import Pipeline
from linkspan.stages import Stage
from linkspan.workspace import RunFolder

_TRAIN = Pipeline.train


class TrainedOnce:
    """`Pipeline.train`, which copies the run of an equal training where it has made one.

    Trainings are equal where the snapshot, ``[train]`` and ``[split]`` are, so that a run is only
    ever what training gives. What the copied run is called and when it was made is its own.

    Args:
        folder: Where runs are kept.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._kept: dict[str, tuple[Path, list[Stage]]] = {}

    def train(
        self, pipeline: Pipeline, snapshot: Any, text: dict[str, Any], *, refit: bool = True
    ) -> RunFolder:
        """Train, or copy; the stages are reported in both cases."""
        settings = pipeline.settings
        if settings.split.file is not None or not refit:  # whose rows the settings do not tell
            return _TRAIN(pipeline, snapshot, text, refit=refit)
        key = json.dumps(
            [
                snapshot.fingerprint(),
                *(s.model_dump_json() for s in (settings.train, settings.split)),
            ]
        )
        if key not in self._kept:
            return self._keep(key, pipeline, snapshot, text)
        kept, stages = self._kept[key]
        run = pipeline.workspace.new_run()
        created = run.read("run")["created"]
        shutil.copytree(kept, run.folder, dirs_exist_ok=True)
        run.write("run", {**run.read("run"), "created": created})
        for stage in stages:
            pipeline.report(stage)
        return run

    def _keep(self, key: str, pipeline: Pipeline, snapshot: Any, text: dict[str, Any]) -> RunFolder:
        stages: list[Stage] = []
        report = pipeline.report

        def note(stage: Stage) -> None:
            stages.append(stage)
            report(stage)

        pipeline.report = note
        try:
            run = _TRAIN(pipeline, snapshot, text)
        finally:
            pipeline.report = report
        kept = self.folder / str(len(self._kept))
        shutil.copytree(run.folder, kept)
        self._kept[key] = kept, stages
        return run
