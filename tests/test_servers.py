"""The helpers that start servers for tests: an empty database is empty, and excuses are clear."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from linkspan.graph.connecting.connection import Database
from servers import RunningServer, Unavailable, empty
from servers.neo4j_jars import NEO4J, cache_folder, fetch_jars, find_java


def test_emptying_leaves_nothing(server: RunningServer, db: Database) -> None:
    db.run("CREATE CONSTRAINT thing_key IF NOT EXISTS FOR (t:Thing) REQUIRE t.key IS UNIQUE")
    db.run("CREATE INDEX thing_name IF NOT EXISTS FOR (t:Thing) ON (t.name)")
    db.run("CREATE INDEX near_at IF NOT EXISTS FOR ()-[n:NEAR]-() ON (n.at)")
    db.write("UNWIND range(1, 50) AS key CREATE (:Thing {key: key})-[:NEAR {at: key}]->(:Other)")
    assert db.read("MATCH (n) RETURN count(n) AS nodes") == [{"nodes": 100}]

    empty(server)

    assert db.read("MATCH (n) RETURN count(n) AS nodes") == [{"nodes": 0}]
    assert db.run("SHOW CONSTRAINTS") == []
    assert [row for row in db.run("SHOW INDEXES") if row["type"] != "LOOKUP"] == []
    # Were the constraint still there in some corner, the second of these would be refused.
    db.write("UNWIND [1, 1] AS key CREATE (:Thing {key: key})")


def put_on_path(monkeypatch: pytest.MonkeyPatch, folder: Path, **scripts: str) -> None:
    """Let the PATH hold these shell scripts, by name, and nothing but them."""
    folder.mkdir()
    for name, script in scripts.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", str(folder))


def test_missing_java_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    put_on_path(monkeypatch, tmp_path / "bin")
    with pytest.raises(Unavailable, match="no 'java' on the PATH"):
        find_java()


@pytest.mark.parametrize("version", ["1.8.0_412", "11.0.2", "24"])
def test_wrong_java_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str) -> None:
    script = f"echo 'openjdk version \"{version}\" 2024-01-01' >&2"
    put_on_path(monkeypatch, tmp_path / "bin", java=script)
    with pytest.raises(
        Unavailable, match=f"version {version.split('.', maxsplit=1)[0]}; Neo4j needs 17"
    ):
        find_java()


@pytest.mark.parametrize("version", ["17.0.15", "21"])
def test_right_java_is_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, version: str) -> None:
    script = f"echo 'openjdk version \"{version}\" 2024-01-01' >&2"
    put_on_path(monkeypatch, tmp_path / "bin", java=script)
    assert find_java() == str(tmp_path / "bin" / "java")


def test_failed_download_says_why_and_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    put_on_path(monkeypatch, tmp_path / "bin", mvn="echo '[ERROR] the network is down'; exit 1")
    with pytest.raises(Unavailable, match="the network is down"):
        fetch_jars()
    assert list(cache_folder().parent.iterdir()) == []


def test_two_who_need_the_jars_fetch_them_once(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    put_on_path(
        monkeypatch,
        tmp_path / "bin",
        mvn=f"echo fetched >>'{tmp_path}/log'; for last; do :; done; into=${{last#*=}}\n"
        f'/bin/sleep 0.3; /bin/mkdir "$into"; : >"$into/neo4j-{NEO4J}.jar"',
    )
    with ThreadPoolExecutor(2) as both:
        found = list(both.map(lambda _: fetch_jars(), range(2)))
    assert found == [cache_folder()] * 2
    assert [each.name for each in cache_folder().iterdir()] == [f"neo4j-{NEO4J}.jar"]
    assert (tmp_path / "log").read_text() == "fetched\n"


def test_missing_maven_does_not_matter_once_the_jars_are_there(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    put_on_path(monkeypatch, tmp_path / "bin")
    with pytest.raises(Unavailable, match="no 'mvn' on the PATH"):
        fetch_jars()
    cache_folder().mkdir(parents=True)
    assert fetch_jars() == cache_folder()
