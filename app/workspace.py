"""The files that Linkspan keeps in ``.linkspan``: snapshots, text embeddings and runs."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from linkspan.errors import ModelError
from linkspan.graph.snapshot import Snapshot

RULES = "rules"
"""Key, in files of lists, of what tells by which rules they were made."""


class Workspace:
    """A folder with ``snapshots/``, ``text/`` and ``runs/``; each run has a folder of its own.

    ``transfer/`` keeps what a transfer report trained.

    Args:
        folder: Made when something is written into it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.text, self.transfer = folder / "text", folder / "transfer"

    def save_snapshot(self, snapshot: Snapshot) -> Path:
        """Keep a snapshot under its fingerprint, and make it the latest one."""
        folder = self.keep_snapshot(snapshot)
        self.set_latest(folder.name)
        return folder

    def keep_snapshot(self, snapshot: Snapshot) -> Path:
        """Keep a snapshot under its fingerprint, whole or not at all; the latest one stays."""
        folder = self.folder / "snapshots" / snapshot.fingerprint()[:16]
        part, gone = (folder.with_suffix(suffix) for suffix in (".part", ".gone"))
        for left in (part, gone):
            shutil.rmtree(left, ignore_errors=True)
        snapshot.save(part)
        if folder.exists():
            folder.rename(gone)
        part.rename(folder)
        shutil.rmtree(gone, ignore_errors=True)
        return folder

    @property
    def latest(self) -> str | None:
        """Name of the latest snapshot; None where none was taken."""
        file = self.folder / "snapshots" / "latest"
        return file.read_text() if file.exists() else None

    def set_latest(self, name: str) -> None:
        """Make a snapshot the latest one."""
        with written_whole(self.folder / "snapshots" / "latest") as part:
            part.write_text(name)

    def snapshots(self) -> list[Path]:
        """Folders of all snapshots, also of those that were not written to the end."""
        return sorted(path for path in (self.folder / "snapshots").glob("*") if path.is_dir())

    def load_snapshot(self, fingerprint: str | None = None) -> Snapshot:
        """The latest snapshot, or the one with this fingerprint.

        Raises:
            ModelError: It was never taken, or was altered or removed.
        """
        name = fingerprint[:16] if fingerprint else self.latest
        if name is None:
            raise ModelError(
                f"there is no snapshot in {self.folder}", hint="Take one with 'linkspan snapshot'"
            )
        return Snapshot.load(self.folder / "snapshots" / name)

    def new_run(self, **about: Any) -> RunFolder:
        """Begin a run; its id is the time, to the second, and a number where that is taken."""
        now = datetime.now(UTC)
        stem = now.strftime("%Y%m%d-%H%M%S")
        number = 1
        while (folder := self.folder / "runs" / f"{stem}-{number}").exists():
            number += 1
        folder.mkdir(parents=True)
        run = RunFolder(folder)
        run.write("run", {"created": now.isoformat(timespec="seconds"), **about})
        return run

    def run(self, name: str | None = None) -> RunFolder:
        """The run of this id, or the latest one that is no refresh of another.

        Raises:
            ModelError: There is none, or its training was broken off.
        """
        runs = [run for run in self.runs() if run.is_trained]
        if name is not None and (self.folder / "runs" / name / "run.json").exists():
            named = RunFolder(self.folder / "runs" / name)
            if not named.is_trained:
                raise ModelError(
                    f"the training of run {name} was broken off",
                    hint="'linkspan train' goes on with it, as a run of its own",
                )
        if not runs:
            raise ModelError("there is no run yet", hint="Train one with 'linkspan train'")
        if name is None:
            full = (run for run in reversed(runs) if run.base is None)
            return next(full, runs[-1])
        for run in runs:
            if run.id == name:
                return run
        known = ", ".join(run.id for run in runs[-5:])
        raise ModelError(f"there is no run {name!r}", hint=f"The latest are {known}")

    def runs(self) -> list[RunFolder]:
        """All runs, the oldest first."""
        folders = sorted((self.folder / "runs").glob("*/run.json"))
        return [RunFolder(file.parent) for file in folders]

    def remove_scores(self, published: RunFolder, keep: int) -> None:
        """Remove the lists and vectors of older runs; publishing one of them scores it again.

        Args:
            published: This run's stay.
            keep: So many of the latest runs that have some keep theirs.
        """
        scored = [run for run in self.runs() if run.id != published.id and run.lists.exists()]
        full = [run.id for run in scored if run.base is None]
        kept = {published.id, *full[max(len(full) - (keep - 1), 0) :]}
        for run in scored:
            if (run.base or run.id) not in kept:  # a refresh is kept with what it refreshed
                for file in (run.lists, run.similar, run.vectors):
                    file.unlink(missing_ok=True)


class RunFolder:
    """The files of one run.

    Attributes:
        folder: Where they are.
        id: Its id, which is the folder's name.
        held_out: Folder of the model fitted without the held-out events.
        final: Folder of the model fitted on all events, which is published; not there in a run
            that was only to be measured.
        embedded: Safetensors file of the vectors of texts and images that both models read.
        lists: Parquet file of the recommendations.
        similar: Parquet file of the similar items.
        vectors: Parquet file of the items' vectors.
        split: Parquet file of the split.
        ranks: Parquet file of the ranks of the test events.
    """

    def __init__(self, folder: Path) -> None:
        self.folder, self.id = folder, folder.name
        self.held_out, self.final = folder / "held_out", folder / "final"
        self.lists, self.similar = folder / "recommended.parquet", folder / "similar.parquet"
        self.vectors = folder / "vectors.parquet"
        self.embedded = folder / "embedded.safetensors"
        self.split = self.held_out / "split.parquet"
        self.ranks = folder / "ranks.parquet"

    @property
    def base(self) -> str | None:
        """Id of the run that this one refreshed; None for a run of its own."""
        found: str | None = self.read("run").get("base")
        return found

    @property
    def encoders(self) -> dict[str, str] | None:
        """Names of the encoders when it was trained; None for a run of an earlier version."""
        found: dict[str, str] | None = self.read("run").get("encoders")
        return found

    @property
    def is_trained(self) -> bool:
        """True where its training came to its end."""
        if self.is_refitted:
            return True
        measured = (self.held_out / "model.json").exists()
        return measured and self.read("run").get("refit") is False

    @property
    def is_refitted(self) -> bool:
        """True where its model of all events is whole."""
        return (self.final / "model.json").exists()  # written last

    def is_scored(self, digest: str, *, vectors: bool) -> bool:
        """Tell whether its lists are there, and were made by the rules of this digest."""
        if vectors and not self.vectors.exists():
            return False
        return all(_rules_of(file) == digest for file in (self.lists, self.similar))

    def read(self, name: str) -> dict[str, Any]:
        """The JSON file ``name``.

        Raises:
            ModelError: It is missing or damaged.
        """
        file = self.folder / f"{name}.json"
        try:
            return dict(json.loads(file.read_text()))
        except (OSError, ValueError) as error:
            raise ModelError(f"run {self.id}: {file.name} cannot be read ({error})") from error

    def measured(self) -> dict[str, Any]:
        """Findings of `linkspan evaluate`.

        Raises:
            ModelError: It was not asked yet, or the file is damaged.
        """
        if not (self.folder / "evaluation.json").exists():
            hint = f"Do it with 'linkspan evaluate {self.id}'"
            raise ModelError(f"run {self.id} was not measured", hint=hint)
        return self.read("evaluation")

    def write(self, name: str, value: dict[str, Any]) -> None:
        """Write the JSON file ``name``, whole or not at all."""
        with written_whole(self.folder / f"{name}.json") as part:
            part.write_text(json.dumps(value, indent=2))


@contextmanager
def written_whole(file: Path) -> Iterator[Path]:
    """Write beside a file, which takes its place at the end: whole, or not at all."""
    part = file.with_name(f"{file.name}.{os.getpid()}.part")
    try:
        yield part
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def _rules_of(file: Path) -> str | None:
    """By which rules a file of lists was made; None where it is missing or damaged."""
    try:
        found = pq.read_schema(file).metadata or {}
    except (OSError, pa.ArrowException):
        return None
    return str(found.get(RULES.encode(), b"").decode())
