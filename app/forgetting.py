"""Forgetting users in Linkspan's own files: snapshots, runs, rejected rows and logs."""

from __future__ import annotations

import csv
import re
import shutil
from collections import Counter
from collections.abc import Collection
from pathlib import Path

import numpy as np
import pandas as pd

from linkspan import gnn
from linkspan.errors import ModelError
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.erasing import Erased, erase_users
from linkspan.graph.users.forgetting import id_in
from linkspan.workspace import RunFolder, Workspace


def forget_in_files(
    workspace: Workspace, keys: Collection[str], user_columns: Collection[str] | None = None
) -> dict[str, int]:
    """Remove users from all files of a workspace; killed and started again it finishes.

    Snapshots are written anew without them, and with them the runs that were made of those: split,
    ranks, lists, and the linear part of their models. What a training that was broken off kept is
    removed, as are snapshots that cannot be read.

    Args:
        workspace: The files.
        keys: Of the users, as in the graph.
        user_columns: Columns of rejected rows that hold ids of users; None: any column may.

    Returns:
        What was removed: a name to a number.
    """
    counts: Counter[str] = Counter()
    names = {*keys, *map(id_in, keys)}
    shutil.rmtree(workspace.folder / "checkpoints", ignore_errors=True)
    for folder in workspace.snapshots():
        try:
            erased = erase_users(Snapshot.load(folder), keys)
        except ModelError:
            shutil.rmtree(folder)
            counts["unreadable snapshots"] += 1
            continue
        if erased is None:
            continue
        counts["snapshots"] += 1
        counts["events in snapshots"] += erased.removed
        for run in workspace.runs():
            if run.read("run")["fingerprint"][:16] == folder.name:
                _forget_in_run(run, erased)
                counts["models"] += 1
        latest = workspace.folder / "snapshots" / "latest"
        before = latest.read_text()
        workspace.save_snapshot(erased.snapshot)  # which makes it the latest
        if before != folder.name:
            latest.write_text(before)
        shutil.rmtree(folder)
    for run in workspace.runs():
        if run.lists.exists():
            counts["recommendations in files"] += _forget_in_lists(run.lists, keys)
    for file in sorted((workspace.folder / "rejects").glob("*.csv")):
        counts["rejected rows"] += _forget_in_rejects(file, names, user_columns)
    for file in sorted(workspace.folder.rglob("*.log")):
        counts["lines of logs"] += _forget_in_log(file, names)
    return {name: count for name, count in counts.items() if count}


def _forget_in_run(run: RunFolder, erased: Erased) -> None:
    """Everything but the lists; ``run.json`` last, as it says what is still to be done."""
    for folder in (run.held_out, run.final):
        gnn.erase_from_model(folder, erased.snapshot, erased.events)
    if run.ranks.exists():
        ranks = pd.read_parquet(run.ranks)
        rows = erased.users[ranks["user"]]
        ranks = ranks[rows >= 0].assign(user=rows[rows >= 0].astype(np.int32))
        ranks.to_parquet(run.ranks, index=False)
    about = run.read("run")
    run.write("run", {**about, "fingerprint": erased.snapshot.fingerprint()})


def _forget_in_lists(file: Path, keys: Collection[str]) -> int:
    lists = pd.read_parquet(file)
    gone = lists["user"].isin(keys)
    if gone.any():
        lists[~gone].to_parquet(file, index=False)
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
        with file.open("w", newline="", encoding="utf-8") as opened:
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
    """Whether a name stands in a text as a word of its own."""
    return any(re.search(rf"(?<![\w./-]){re.escape(name)}(?![\w/-])", text) for name in names)
