"""Sites that train together, from the command line to the graph."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from certificates import self_signed
from small_project import MAPPING

from pages import blocks, commands, exported
from servers import free_ports

ROOT = Path(__file__).parents[2]
KEY = "a secret that both sites have, 2026"
USERS = """
[[users.files]]
file = "users.csv"
id = "user"
"""


def write_site(folder: Path, name: str) -> None:
    """A shop whose users keep to one of two tastes; every tenth has done nothing in books."""
    random = np.random.default_rng(0)
    items, events = ["id,domain,title,author"], ["user,item,at"]
    for number in range(60):
        if (domain := ("books", "films")[number % 2]) == name:
            taste = number % 4 // 2
            items.append(f"{number},{domain},The {number},Author {taste}")
    for user in range(220):
        own = [number for number in range(60) if number % 4 // 2 == user % 2]
        for at, number in enumerate(random.permutation(own)[:12]):
            if ("books", "films")[number % 2] == name and (name == "films" or user % 10 > 1):
                events.append(f"{user},{number},{at}")
    folder.mkdir()
    (folder / "items.csv").write_text("\n".join(items) + "\n")
    (folder / "events.csv").write_text("\n".join(events) + "\n")
    (folder / "users.csv").write_text("\n".join(["user", *map(str, range(220))]) + "\n")
    text = MAPPING.replace("\n[[items]]", f"{USERS}\n[[items]]", 1)
    (own,) = blocks("federation.md", "toml")
    (folder / "linkspan.toml").write_text(f"{text}\n{own.replace('books', name)}")


def start(folder: Path, *words: str) -> subprocess.Popen[str]:
    environment = {name: value for name, value in os.environ.items() if "NEO4J" not in name}
    return subprocess.Popen(
        [sys.executable, "-m", "linkspan.cli", *words],
        cwd=folder,
        env=environment | {"LINKSPAN_USER_KEY": KEY},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def told(folder: Path, *words: str) -> Any:
    """What a command prints as JSON."""
    process = start(folder, *words, "--json")
    out, err = process.communicate(timeout=240)
    assert process.returncode == 0, err
    return json.loads(out)


def test_two_sites_with_two_databases_and_a_coordinator_without_one(tmp_path: Path) -> None:
    """By the commands of the page."""
    address, sites = f"127.0.0.1:{free_ports(1)[0]}", ("books", "films")
    for name in sites:
        write_site(tmp_path / name, name)
    for file in self_signed(tmp_path):
        for name in sites:
            shutil.copy(file, tmp_path / name)
    lead, export, join = commands("federation.md")
    lead = lead.replace("0.0.0.0:9400", address)
    join = join.replace("coordinator.example:9400", address)
    leading = start(tmp_path, *lead.replace("--sites 3", "--sites 2").split()[1:])
    assert set(exported(export)) == {"LINKSPAN_USER_KEY"}
    joining = {name: start(tmp_path / name, *join.split()[1:]) for name in sites}
    try:
        said = {name: each.communicate(timeout=400) for name, each in joining.items()}
        for name, (out, err) in said.items():
            assert joining[name].returncode == 0, (out, err)
        out, err = leading.communicate(timeout=30)
        assert leading.returncode == 0, (out, err)
    finally:
        for each in (leading, *joining.values()):
            each.kill()
    assert "Done: books, films; averaged" in out
    assert not (tmp_path / ".linkspan").exists(), "the coordinator keeps nothing"
    books, films = tmp_path / "books", tmp_path / "films"
    shown = " ".join(said["books"][0].split())
    assert "with films; best epoch" in shown
    assert "other sites know 220 of 220 users" in shown
    assert re.search(r"\d+ kB of parameters sent after each epoch", shown)

    # Of user 0, who has done nothing in books, only the films know the taste; titles say nothing.
    for user, taste in (("0", 0), ("1", 1), ("10", 0), ("31", 1)):
        found = told(books, "recommend", user)
        assert len(found) == 3 and all(row["domain"] == "books" for row in found)
        right = [int(row["item"].split("/")[1]) % 4 // 2 == taste for row in found]
        assert all(right), (user, found)

    (run,) = told(books, "runs")
    model = books / ".linkspan" / "runs" / run["run"]
    about = json.loads((model / "run.json").read_text())["federation"]
    assert about["with"] == ["films"] and about["messages"]["states"] == 2
    assert about["bytes_sent"]["epoch"] > 0
    assert {path.name for path in films.glob(".linkspan/**/*.parquet")}
    everything = b"".join(path.read_bytes() for path in books.rglob("*") if path.is_file())
    assert b"Author 1" in everything and b"films/1" not in everything, "no item of films is here"

    # Who is forgotten here is forgotten with what others told of them.
    def known() -> set[str]:
        files = list(model.rglob("foreign.npz"))
        assert len(files) == 2
        return {user for file in files for user in np.load(file)["users"].tolist()}

    assert "0" in known()
    forgetting = start(books, "forget", "0", "--yes")
    out, err = forgetting.communicate(timeout=240)
    assert forgetting.returncode == 0, (out, err)
    assert "0" not in known() and "10" in known()
    refreshing = start(books, "publish")  # the lists again, from what is left
    out, err = refreshing.communicate(timeout=240)
    assert refreshing.returncode == 0, (out, err)
    assert len(told(books, "recommend", "10")) == 3


def join(linkspan: Any, *options: str) -> Any:
    return linkspan("federate", "join", *(options or ("127.0.0.1:9",)))


@pytest.mark.parametrize("server", ["arcadedb"], indirect=True)
@pytest.mark.parametrize(
    ("tables", "code", "error"),
    [
        ("", 2, "this site has no name"),
        ('[federation]\nname = "a"\nstates = true\n', 2, "LINKSPAN_USER_KEY is not set"),
        ('[federation]\nname = "a"\nfloor = 20\n', 2, "floor"),
        ('[federation]\nname = "a"\n[privacy]\nepsilon = 4.0\n', 2, "without noise"),
        ('[federation]\nname = "a"\n[cluster]\naddress = "local"\n', 2, "is one process"),
        ('[federation]\nname = "a"\nfloor = 500\n', 2, "220 users met two items or more"),
        ('[federation]\nname = "a"\ntimeout = 1\n', 5, "at 127.0.0.1:9 is not there"),
    ],
)  # fmt: skip
def test_what_a_site_is_told_before_anything_is_kept(
    linkspan: Any,
    project: Path,
    on_server: Any,
    monkeypatch: pytest.MonkeyPatch,
    tables: str,
    code: int,
    error: str,
) -> None:
    monkeypatch.delenv("LINKSPAN_USER_KEY", raising=False)
    file = project / "linkspan.toml"
    file.write_text(f"{file.read_text()}\n{tables}")
    done = join(linkspan)
    assert done.code == code, (done.out, done.err)
    assert error in " ".join(done.err.split())
    assert "Traceback" not in done.err
    assert not list((project / ".linkspan").glob("runs/*"))


def test_clear_text_beyond_this_machine_has_to_be_asked_for(linkspan: Any, project: Path) -> None:
    for words in (("lead", "0.0.0.0:9400"), ("join", "books.example:9400")):
        done = linkspan("federate", *words)
        assert done.code == 2 and "could be read on the way" in done.err
    (project / "linkspan.toml").open("a").write('\n[federation]\nname = "a"\n')
    done = join(linkspan, "nonsense", "--insecure")
    assert done.code == 2 and "'nonsense' is no HOST:PORT" in done.err
    done = join(linkspan, "127.0.0.1:9", "--authority", "none.pem")
    assert done.code == 2 and "none.pem: it cannot be read" in done.err
    done = linkspan("federate", "lead", "127.0.0.1:9400", "--key", "key.pem")
    assert done.code == 2 and "--certificate and --key go together" in done.err


@pytest.mark.parametrize("server", ["arcadedb"], indirect=True)
def test_ids_that_may_be_other_people_tell_no_other_site(
    linkspan: Any, project: Path, on_server: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LINKSPAN_USER_KEY", KEY)
    file = project / "linkspan.toml"
    text = file.read_text().replace("shared = true", "shared = false")
    file.write_text(text + '\n[federation]\nname = "a"\nstates = true\ntimeout = 1\n')
    done = join(linkspan)
    assert done.code == 2 and "may be another person in each domain" in " ".join(done.err.split())
