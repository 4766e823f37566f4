"""The page on publishing says of each file of a run what it holds of users."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from linkspan.workspace import Workspace
from pages import read_page

pytestmark = pytest.mark.usefixtures("trained_once")
SOMEONE = "someone-known"


def told() -> dict[str, str]:
    """Name of each file, without the folders of the two models, to what it holds of users."""
    text = read_page("publishing.md")
    section = text.partition("## Files of a run\n")[2].partition("\n## ")[0]
    rows = [line.split("|")[1:-1] for line in section.splitlines() if line.startswith("| `")]
    return {
        name.strip(" `"): users.strip() for names, _, users in rows for name in names.split(",")
    }


def names_someone(file: Path) -> bool:
    """Whether the user stands in a file."""
    if file.suffix == ".parquet":
        return SOMEONE in pd.read_parquet(file).to_string()
    return SOMEONE.encode() in file.read_bytes()


def test_each_file_is_on_the_page_and_holds_no_more_of_users(
    linkspan: Callable[..., Any], project: Path, on_server: Any
) -> None:
    events = Path("events.csv").read_text().splitlines()
    named = [
        line.replace("7,", f"{SOMEONE},", 1) if line.startswith("7,") else line for line in events
    ]
    Path("events.csv").write_text("\n".join(named) + "\n")
    answer = linkspan("run")
    assert answer.code == 0, answer.err
    run, page = Workspace(project / ".linkspan").run(), told()
    files = [file for file in run.folder.rglob("*") if file.is_file()]
    assert {file.name for file in files} - page.keys() == set()
    assert {"split.parquet", "weights.safetensors", "recommended.parquet"} <= page.keys()
    for file in files:
        if names_someone(file):
            assert "keys of users" in page[file.name], file
        else:
            assert "keys of users" not in page[file.name], file
        if file.suffix == ".parquet" and "user" in pd.read_parquet(file).columns:
            assert page[file.name] != "nothing", file
    handed_on = {file.name for file in run.final.rglob("*") if file.is_file()}
    assert {page[name] for name in handed_on} == {"nothing"}
