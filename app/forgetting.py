"""Forgetting users in Linkspan's own files: snapshots, runs, rejected rows and logs."""

from __future__ import annotations

import csv
import re
import shutil
from collections import Counter
from collections.abc import Callable, Collection
from contextlib import suppress
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from linkspan import gnn
from linkspan.errors import ModelError
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.erasing import Erased, erase_users
from linkspan.graph.snapshot.identities import all_keys
from linkspan.graph.users.forgetting import id_in
from linkspan.workspace import RunFolder, Workspace, written_whole

STAGED = "forgetting"
"""Folder of runs that are being made anew."""


def forget_in_files(
    workspace: Workspace, keys: Collection[str], user_columns: Collection[str] | None = None
) -> dict[str, int]:
    """Remove users from all files of a workspace; killed and started again it finishes.

    Snapshots are written anew without them, and with them the runs that were made of those: split,
    ranks, lists, and the linear part of their models. A run is made anew as a copy beside it, which
    takes its place when it is whole, so that it is always one of its snapshot; this needs room for
    one run more. Snapshots go last: they tell who is still in the files.

    What a training that was broken off kept is removed, as are the cells of transfer reports, and
    snapshots that cannot be read, and models whose snapshot cannot: nobody can tell what they hold
    of whom.

    Args:
        workspace: The files.
        keys: Of the users, as in the graph.
        user_columns: Columns of rejected rows that hold ids of users; None: any column may.

    Returns:
        What was removed: a name to a number.
    """
    counts: Counter[str] = Counter()
    names = {*keys, *map(id_in, keys)}
    for folder in (workspace.folder / "checkpoints", workspace.transfer):
        shutil.rmtree(folder, ignore_errors=True)
    _finish(workspace)
    for part in (part for name in ("runs", "rejects") for part in _parts(workspace, name)):
        part.unlink()
    for run in workspace.runs():
        if run.lists.exists():
            counts["recommendations in files"] += _forget_in_lists(run.lists, keys)
    for file in sorted((workspace.folder / "rejects").glob("*.csv")):
        counts["rejected rows"] += _forget_in_rejects(file, names, user_columns)
    for file in sorted(workspace.folder.rglob("*.log")):
        counts["lines of logs"] += _forget_in_log(file, names)
    for folder in workspace.snapshots():
        try:
            erased = erase_users(Snapshot.load(folder), keys)
        except ModelError:
            continue
        if erased is not None:
            counts["snapshots"] += 1
            counts["events in snapshots"] += erased.removed
            counts["models"] += _forget_in_snapshot(workspace, folder, erased)
    counts.update(_forget_unreadable(workspace))
    return {name: count for name, count in counts.items() if count}


def find_in_files(workspace: Workspace, wanted: Callable[[str], bool]) -> set[str]:
    """Keys of the users in snapshots that are wanted; those that cannot be read are passed over."""
    found: set[str] = set()
    for folder in workspace.snapshots():
        with suppress(ModelError):
            found.update(filter(wanted, all_keys(Snapshot.load(folder), "user")["key"]))
    return found


def _parts(workspace: Workspace, name: str) -> list[Path]:
    """Files that were being written when a process was killed."""
    return sorted((workspace.folder / name).rglob("*.part"))


def _forget_in_snapshot(workspace: Workspace, folder: Path, erased: Erased) -> int:
    """A snapshot, and the runs that were made of it; returns how many these are."""
    fresh = workspace.keep_snapshot(erased.snapshot)
    runs = [run for run in workspace.runs() if _snapshot_of(run) == folder.name]
    for run in runs:
        staged = workspace.folder / STAGED
        part = staged / f"{run.id}.part"
        shutil.copytree(run.folder, part)
        _forget_in_run(RunFolder(part), erased)
        part.rename(staged / run.id)  # from here on this is the run
        _finish(workspace)
    if workspace.latest == folder.name:
        workspace.set_latest(fresh.name)
    shutil.rmtree(folder)
    return len(runs)


def _finish(workspace: Workspace) -> None:
    """Put runs that are whole without their users in place; remove what was begun and not ended."""
    staged = workspace.folder / STAGED
    if not staged.exists():
        return
    for fresh in sorted(staged.iterdir()):
        if fresh.suffix not in (".part", ".gone"):
            run = workspace.folder / "runs" / fresh.name
            if run.exists():
                run.rename(staged / f"{fresh.name}.gone")
            fresh.rename(run)
    shutil.rmtree(staged)


def _forget_in_run(run: RunFolder, erased: Erased) -> None:
    """Everything but the lists."""
    for folder in (run.held_out, run.final):
        try:
            gnn.erase_from_model(folder, erased.snapshot, erased.events)
        except (ModelError, OSError, ValueError, KeyError):  # of no use, and of nobody knows whom
            shutil.rmtree(folder, ignore_errors=True)
    if run.ranks.exists():
        ranks = pd.read_parquet(run.ranks)
        rows = erased.users[ranks["user"]]
        ranks = ranks[rows >= 0].assign(user=rows[rows >= 0].astype(np.int32))
        ranks.to_parquet(run.ranks, index=False)
    about = run.read("run")
    run.write("run", {**about, "fingerprint": erased.snapshot.fingerprint()})


def _forget_unreadable(workspace: Workspace) -> Counter[str]:
    """Snapshots that cannot be read, after the models of runs whose snapshot is not there."""
    counts: Counter[str] = Counter()
    readable = set()
    for folder in workspace.snapshots():
        with suppress(ModelError):
            Snapshot.load(folder)
            readable.add(folder.name)
    for run in workspace.runs():
        if _snapshot_of(run) not in readable:
            held = [path for path in (run.final, run.held_out) if path.exists()]
            counts["models without a snapshot"] += len(held)
            for path in held:
                shutil.rmtree(path)
            run.ranks.unlink(missing_ok=True)
    for folder in workspace.snapshots():
        if folder.name not in readable:
            shutil.rmtree(folder)
            counts["unreadable snapshots"] += 1
    return counts


def _snapshot_of(run: RunFolder) -> str | None:
    """Name of the snapshot that a run was made of; None where nobody can tell."""
    try:
        return str(run.read("run")["fingerprint"])[:16]
    except (ModelError, KeyError):
        return None


def _forget_in_lists(file: Path, keys: Collection[str]) -> int:
    try:
        lists = pq.read_table(file)
        gone = np.isin(lists.column("user").to_numpy(zero_copy_only=False), list(keys))
    except (OSError, pa.ArrowException, KeyError):  # publishing makes it again
        file.unlink()
        return 0
    if gone.any():
        with written_whole(file) as part:  # with what tells by which rules it was made
            pq.write_table(lists.filter(pa.array(~gone)), part)
    return int(gone.sum())


def _forget_in_rejects(file: Path, names: set[str], columns: Collection[str] | None) -> int:
    """Rows of the users; where the file is damaged or no column is known, all that names one."""
    with file.open(newline="", encoding="utf-8", errors="backslashreplace") as opened:
        rows = list(csv.reader(opened))
    if not rows:
        return 0
    header = rows[0]
    own = [n for n, name in enumerate(header) if columns is None or name in columns]
    told = [n for n, name in enumerate(header) if name in ("rejected_value", "rejected_reason")]
    kept = [
        row
        for row in rows[1:]
        if not any(row[n].strip() in names for n in own if n < len(row))
        and not any(_names_one(row[n], names) for n in told if n < len(row) and not any(row[:-4]))
    ]
    gone = len(rows) - 1 - len(kept)
    if gone:
        with written_whole(file) as part, part.open("w", newline="", encoding="utf-8") as opened:
            csv.writer(opened).writerows([header, *kept])
    return gone


def _forget_in_log(file: Path, names: set[str]) -> int:
    """Lines that name a user; written in place, as a server may go on writing at the end."""
    lines = file.read_text("utf-8", "surrogateescape").splitlines(keepends=True)
    kept = [line for line in lines if not _names_one(line, names)]
    if len(kept) < len(lines):
        with file.open("r+", encoding="utf-8", errors="surrogateescape") as opened:
            opened.writelines(kept)
            opened.truncate()
    return len(lines) - len(kept)


def _names_one(text: str, names: set[str]) -> bool:
    """Tell whether a name stands in a text as a word of its own."""
    return any(re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w/-])", text) for name in names)
