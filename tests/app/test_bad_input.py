"""What a person gets wrong: one clear line, an exit code, and a database as it was."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from linkspan.graph.connecting.connection import Database
from linkspan.settings import load_settings
from servers import RunningServer

Damage = Callable[[Path], None]


def mapping(old: str, new: str) -> Damage:
    """Change the mapping."""

    def damage(folder: Path) -> None:
        file = folder / "linkspan.toml"
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new, 1))

    return damage


def row(file: str, line: str) -> Damage:
    """Add a row to a file."""

    def damage(folder: Path) -> None:
        with (folder / file).open("a") as out:
            out.write(line + "\n")

    return damage


def raw(file: str, content: bytes) -> Damage:
    """Replace a file."""

    def damage(folder: Path) -> None:
        (folder / file).write_bytes(content)

    return damage


def gone(file: str) -> Damage:
    """Remove a file."""
    return lambda folder: (folder / file).unlink()


FILES: dict[str, tuple[Damage, int, str]] = {
    "a file is missing": (gone("items.csv"), 2, r"items\.csv"),
    "a directory in place of a file": (
        lambda folder: ((folder / "events.csv").unlink(), (folder / "events.csv").mkdir())[1],
        2,
        r"events\.csv",
    ),
    "an unknown column": (mapping('user = "user"', 'user = "usr"'), 2, r"'usr'.*user"),
    "an unknown property column": (mapping('title = "title"', 'title = "titel"'), 2, "'titel'"),
    "an empty file": (raw("events.csv", b""), 3, r"events\.csv.*empty"),
    "bytes that are not UTF-8": (
        raw("items.csv", b"id,domain,title,author\n1,books,Caf\xe9,A\n"),
        3,
        r"line 2.*'title'.*UTF-8.*'Caf\\xe9'",
    ),
    "an item in no domain": (row("items.csv", "99,,Nowhere,A"), 3, r"line 62.*'domain'"),
    "an item without an id": (row("items.csv", ",books,Nothing,A"), 3, r"line 62.*'id'"),
    "one item with two titles": (row("items.csv", "1,films,Other,Author 0"), 3, r"line 62"),
    "a ragged row": (row("items.csv", "99,books"), 3, r"line 62.*2 columns"),
    "a time that is no number": (row("events.csv", "1,2,soon"), 3, r"line 1762.*'at'.*'soon'"),
    "a time that is not whole": (row("events.csv", "1,2,1.5"), 3, r"line 1762.*'at'.*'1\.5'"),
    "a time that is infinite": (row("events.csv", "1,2,inf"), 3, r"line 1762.*'at'.*'inf'"),
    "an event of an unknown item": (row("events.csv", "1,777,3"), 3, r"line 1762.*'item'.*'777'"),
    "an event without a user": (row("events.csv", ",2,3"), 3, r"line 1762.*'user'"),
    "a duplicate header": (
        raw("events.csv", b"user,item,at,at\n1,2,3,3\n"), 3, r"'at'",
    ),
}  # fmt: skip

MAPPINGS: dict[str, tuple[Damage, int, str]] = {
    "a typo in a key": (mapping('text = ["title"]', 'txet = ["title"]'), 2, r"txet.*text"),
    "a typo in a table": (mapping("[[interactions]]", "[[interaction]]"), 2, r"interaction"),
    "a typo in a table of settings": (
        mapping("[train.", "[training."), 2, r"no key 'training'\. Perhaps 'train' is meant",
    ),
    "a protocol without its key": (
        mapping("[publish]", '[split]\nprotocol = "file"\n[publish]'), 2,
        r"\[split\]: protocol 'file' needs the key 'file'\.?\n",
    ),
    "a missing key": (mapping('item = "item"\n', ""), 2, r"item"),
    "a time unit that is none": (mapping('"position"', '"fortnight"'), 2, r"fortnight.*position"),
    "no TOML": (mapping("[users]", "[users"), 2, r"not valid TOML"),
    "settings where they were before": (
        mapping("[train.encoding]", "[train]\nepochs = 5\nlayers = 1\n[train.encoding]"), 2,
        r"linkspan\.toml: \[train\]: 'epochs' is now in \[train\.learning\], 'layers' is now",
    ),
    "a setting that is none": (mapping("epochs = 6", "epoch = 6"), 2, r"'epoch'.*epochs"),
    "a number too small": (
        mapping("epochs = 6", "epochs = 0"), 2, r"\[train\.learning\] epochs.*0",
    ),
    "text for a number": (mapping("k = 3", 'k = "many"'), 2, r"\[publish\] k.*'many'"),
    "a password in the file": (
        mapping("[publish]", '[database]\npassword = "x"\n[publish]'), 2, "NEO4J_PASSWORD",
    ),
    "a type that is reserved": (mapping('"SAVED"', '"RECOMMENDED"'), 2, "RECOMMENDED"),
}  # fmt: skip


def _is_one_clear_line(error: str) -> bool:
    return error.count("\n") == 1 and error.startswith("error: ") and "Traceback" not in error


@pytest.mark.parametrize("case", [*FILES, *MAPPINGS])
def test_files_and_mappings(linkspan: Any, project: Path, on_server: Database, case: str) -> None:
    damage, code, message = {**FILES, **MAPPINGS}[case]
    damage(project)
    answer = linkspan("ingest")
    assert _is_one_clear_line(answer.err), answer.err
    assert re.search(message, answer.err), answer.err
    assert answer.code == code
    assert on_server.read("MATCH (n) RETURN count(n) AS n") == [{"n": 0}]


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        (("ingest", "--config", "none.toml"), 2, r"none\.toml cannot be read"),
        (("train",), 5, "no snapshot"),
        (("evaluate",), 5, "no run yet"),
        (("publish", "nothing"), 5, "no run yet"),
        (("snapshot",), 4, "no items"),
        (("rollback",), 6, "no run to go back to"),
        (("recommend", "1", "-k", "0"), 2, "k is 0"),
        (("recommend", "1"), 2, "the graph in .* has no items"),
        (("similar", "films/1"), 2, "the graph in .* has no items"),
        (("feedback", "1", "films/1", "dislike"), 2, "--kind dislike"),
        (("recommend", "1", "-d", "nowhere"), 2, "no domain 'nowhere'"),
        (("query", "nothing"), 2, "no query 'nothing'.*recommend"),
        (("query", "recommend"), 2, "needs user.*--param user=VALUE"),
        (("query", "recommend", "-p", "usr=1"), 2, "takes no parameter like 'usr=1'.*user"),
        (("query", "recommend", "-p", "user=1", "-p", "k=x"), 2, "parameter k is 'x'"),
        (("ingest", "--uri", "http://localhost"), 2, "not the address of a graph database"),
        (("up",), 2, "is no embedded server"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_commands(
    linkspan: Any, project: Path, on_server: Database, arguments: Any, code: int, message: str
) -> None:
    answer = linkspan(*arguments)
    assert _is_one_clear_line(answer.err), answer.err
    assert re.search(message, answer.err), answer.err
    assert answer.code == code


def test_usage_is_explained(linkspan: Any) -> None:
    answer = linkspan("recommend", "--nonsense")
    assert answer.code == 2 and "No such option" in answer.err
    assert "Traceback" not in answer.err


def test_a_missing_server(linkspan: Any, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    monkeypatch.setenv("NEO4J_URI", f"bolt://127.0.0.1:{port}")
    monkeypatch.setenv("NEO4J_PASSWORD", "password")
    answer = linkspan("ingest")
    assert answer.code == 4 and _is_one_clear_line(answer.err)
    assert f"no graph database answers at bolt://127.0.0.1:{port}" in answer.err
    examined = linkspan("doctor")
    assert examined.code == 1
    assert f"nothing listens on 127.0.0.1:{port}" in examined.out


def test_a_wrong_password(
    linkspan: Any,
    project: Path,
    on_server: Database,
    server: RunningServer,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NEO4J_PASSWORD", "wrong-password")
    answer = linkspan("ingest")
    assert answer.code == 4 and _is_one_clear_line(answer.err)
    assert f"refused the login of user '{server.user}'" in answer.err


def test_no_password(linkspan: Any, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEO4J_URI", "neo4j://127.0.0.1")
    monkeypatch.delenv("NEO4J_PASSWORD", raising=False)
    answer = linkspan("ingest")
    assert answer.code == 2 and "Set NEO4J_PASSWORD" in answer.err


def test_no_database_and_no_mapping_here(
    linkspan: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("NEO4J_URI", raising=False)
    answer = linkspan("recommend", "1")
    assert answer.code == 2 and "there is no graph database in" in answer.err
    answer = linkspan("ingest")
    assert answer.code == 2 and "no linkspan.toml here" in answer.err
    assert "--config demo" in answer.err
    assert (
        load_settings(Path("demo")).mapping().tables()
        and load_settings(Path("demo")).home == Path()
    )
    assert list(tmp_path.iterdir()) == []
