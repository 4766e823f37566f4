"""A bulk load gives the graph of an ordinary ingest, or nothing that is taken for one."""

from __future__ import annotations

import re
import resource
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from loads import balanced

from corpus.shop import Shop
from linkspan.errors import ConfigError, DatabaseError, DataError
from linkspan.graph.bulk.arcadedb_files import ArcadeFiles
from linkspan.graph.bulk.neo4j_files import Neo4jFiles
from linkspan.graph.connecting.connection import Database
from linkspan.graph.users.pseudonyms import VARIABLE
from linkspan.ingest import Bulk, IngestReport, Mapping, find_gone, ingest
from linkspan.ingest.bulk.writer import BulkWriter
from linkspan.ingest.shaping.targets import LinkTarget, NodeTarget, Table
from linkspan.progress import Task
from servers import RunningServer, Unavailable, empty
from servers.neo4j import start_neo4j
from servers.neo4j_admin import run_in_folder, write_programs

BulkIngest = Callable[[Mapping], IngestReport]
Graph = Callable[[Any], Any]
MORE = """
[[links]]
file = "links.csv"
item = "thing"
domain = "food"
entity = "thing_id"
kind = "Concept"

[[relations]]
file = "triples.csv"
type = { column = "how" }
source = { entity = "head", kind = "Concept" }
target = { entity = "tail", kind = "Concept" }

[[relations]]
file = "made.csv"
type = "MADE_BY"
source = { item = "thing", domain = "food" }
target = { entity = "maker", kind = "Maker" }
weight = "share"

[[relations]]
file = "friends.csv"
type = "KNOWS"
source = { user = "who" }
target = { user = "whom" }

[[identities]]
file = "same.csv"
left = { user = "one" }
right = { user = "two" }

[ingest]
duplicates = "keep"
malformed = "skip"
"""
TITLES = 'Say ""hi"", \\""\nthen, go; ü\x1e\t|'


@pytest.fixture
def rich(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """The shop with all that a mapping may hold, and texts that break careless files."""
    monkeypatch.setenv(VARIABLE, "a secret of many bytes")
    shop.remap("shared = true", "shared = true\npseudonymise = true")
    shop.remap(
        "[[items.relations]]",
        '[items.vectors]\nlook = { file = "look.parquet", id = "no", column = "v" }\n\n'
        '[[items.relations]]\ntype = "MADE_BY"\ncolumn = "sellers"\nsplit = "|"\n'
        'entity = "Maker"\n\n[[items.relations]]',
    )
    pq.write_table(pa.table({"no": ["1", "3"], "v": [[0.5, 1.5], [2.0, -1.0]]}),
                   shop.folder / "look.parquet")  # fmt: skip
    shop.write(
        "things.csv",
        "thing,shelf,title,makers,price,fresh,sellers\n"
        "1,food,Green Curry,Mae Ploy|Thai Co,3.5,yes,Thai Co|Shop\n"
        f'2,food,"{TITLES}",Thai "Co",1e-7,no,\n'
        '3,kitchen-ware,Wok,"a\nb|c,d",25,,Shop\n'
        "4,food,Odd,,dear,,\n",
    )
    shop.write("links.csv", "thing,thing_id\n1,m.1\n2,m.2\n")
    shop.write("triples.csv", "head,how,tail\nm.1,part_of,m.9\nm.9,part_of,m.2\nm.1,goes,m.2\n")
    shop.write("made.csv", "thing,maker,share\n1,Thai Co,0.5\n2,Other,\n")
    shop.write("friends.csv", "who,whom\nann,bob\ndan,ann\n")
    shop.write("same.csv", "one,two\ncid,ann\n")
    shop.toml += MORE
    return shop


def test_the_same_graph(
    server: RunningServer, db: Database, rich: Shop, bulk_ingest: BulkIngest, read_graph: Graph
) -> None:
    mapping = rich.mapping()
    ordinary = balanced(ingest(db, mapping))
    rejects = (rich.folder / "rejects").iterdir()
    rejected = {path.name: path.read_text() for path in rejects}
    assert rejected
    graph = read_graph(db)
    assert TITLES.replace('""', '"')[:8] in str(graph["nodes"])
    empty(server)
    report = balanced(bulk_ingest(mapping))
    assert read_graph(db) == graph
    assert {p.name: p.read_text() for p in (rich.folder / "rejects").iterdir()} == rejected
    assert (report.read, report.rejected) == (ordinary.read, ordinary.rejected) or report.next_step
    later = ingest(db, mapping)
    assert all(line.skipped for line in later.lines)
    assert ingest(db, mapping, force=True).written == 0
    assert {row["name"] for row in db.run("SHOW CONSTRAINTS")} >= {"linkspan_item_key"}


def test_an_entity_that_only_a_column_names_is_inserted(
    server: RunningServer, db: Database, shop: Shop, bulk_ingest: BulkIngest, read_graph: Graph
) -> None:
    shop.toml = (
        '[[entities]]\nfile = "makers.csv"\nid = "name"\nkind = "Maker"\n'
        'properties = { since = "since" }\n\n' + shop.toml + '\n[ingest]\ndangling = "insert"\n'
    )
    shop.remap('item = "thing"\n', 'item = "thing"\ndomain = "food"\n')
    shop.write("makers.csv", "name,since\nMae Ploy,1990\n")
    query = "MATCH (i)-[:MADE_BY]->(m:Maker) RETURN i.id AS id, m.name AS name, m.since AS since"
    expected = [("1", "Mae Ploy", "1990"), ("1", "Thai Co", None), ("2", "Thai Co", None)]
    balanced(ingest(db, shop.mapping()))
    assert sorted(tuple(row.values()) for row in db.read(query)) == expected
    graph = read_graph(db)
    empty(server)
    bulk_ingest(shop.mapping())
    assert read_graph(db) == graph
    assert ingest(db, shop.mapping(), force=True).written == 0
    assert find_gone(db, shop.mapping()).gone == []
    shop.write("makers.csv", "name,since\nMae Ploy,1990\nThai Co,1980\n")  # declared later
    ingest(db, shop.mapping())
    found = sorted(tuple(row.values()) for row in db.read(query))
    assert found == [("1", "Mae Ploy", "1990"), ("1", "Thai Co", "1980"), ("2", "Thai Co", "1980")]


def test_a_link_without_its_node_is_refused(shop: Shop, tmp_path: Path) -> None:
    """Were one written, the importer would tie it to a node that has nothing to do with it."""
    folder = tmp_path / "files"
    folder.mkdir()
    writer = BulkWriter(Neo4jFiles(folder), shop.mapping(), numbered=1)
    items = Table(NodeTarget("Item", "Food"), {"key": pa.array(["food/1"])}, {})
    writer.write(writer.new_nodes(items), None, Task())
    ends = {"source": pa.array(["food/1"] * 2), "target": pa.array(["maker/a", "maker/b"])}
    with pytest.raises(DataError, match=r"MADE_BY .*'maker/a'.*no file makes"):
        writer.write(Table(LinkTarget("MADE_BY", "item", "Maker"), ends, {}), None, Task())
    writer.close()


def test_only_an_empty_database_is_filled(
    db: Database, shop: Shop, places: Bulk, read_graph: Graph
) -> None:
    db.write("CREATE (:Thing:Old {a: 1})")
    before = read_graph(db)
    with pytest.raises(ConfigError) as raised:
        ingest(db, shop.mapping(), bulk=places)
    assert "this one" in str(raised.value) and "Leave '--bulk' out" in str(raised.value)
    assert ":" in str(raised.value) and "Thing" in str(raised.value)
    assert read_graph(db) == before and not places.folder.exists()


def test_what_is_loaded_stays(db: Database, shop: Shop, places: Bulk) -> None:
    """In bulk again changes nothing; more files into a full database are refused."""
    ingest(db, shop.mapping())
    report = ingest(db, shop.mapping(), bulk=places)
    assert all(line.skipped for line in report.lines) and report.next_step is None
    shop.write("people.csv", "person,age\nann,32\n")
    with pytest.raises(ConfigError, match=r"Leave '--bulk' out"):
        ingest(db, shop.mapping(), bulk=places)


def test_a_wrong_row_stops_before_anything_is_written(
    db: Database, shop: Shop, places: Bulk
) -> None:
    shop.replace("bought.csv", "ann,1,", "ann,7,")
    with pytest.raises(DataError, match=r"bought.csv, line 2"):
        ingest(db, shop.mapping(), bulk=places)
    assert not places.folder.exists()
    assert db.read("MATCH (n) WHERE NOT n:Lease RETURN n") == []


@contextmanager
def little_room(size: int) -> Iterator[None]:
    """No file of this process grows beyond some bytes, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_full_disk_leaves_an_empty_database(
    db: Database, shop: Shop, places: Bulk, read_graph: Graph
) -> None:
    shop.write("people.csv", "person,age\n" + "".join(f"p{n},1\n" for n in range(5000)))
    with little_room(20_000), pytest.raises(ConfigError, match=r"cannot be written into.*room"):
        ingest(db, shop.mapping(), bulk=places)
    assert list(places.folder.parent.iterdir()) == []
    assert read_graph(db) == {"nodes": [], "links": []}
    ingest(db, shop.mapping())  # and no bulk load is said to be going on


def test_a_folder_that_cannot_be_made(db: Database, shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(ConfigError, match=r"cannot be written into.*nothing was loaded"):
        ingest(db, shop.mapping(), bulk=Bulk(tmp_path / "file" / "bulk"))


@pytest.mark.parametrize("dies", ["the server", "the loader"])
def test_arcadedb_killed_in_mid_import(
    arcadedb_server: RunningServer,
    rich: Shop,
    places: Bulk,
    read_graph: Graph,
    monkeypatch: pytest.MonkeyPatch,
    dies: str,
) -> None:
    rich.write("people.csv", "person,age\n" + "".join(f"p{n},{n}\n" for n in range(20_000)))
    parts, mapping = ArcadeFiles.parts, rich.mapping()
    server = arcadedb_server
    empty(server)

    def broken(self: ArcadeFiles) -> Iterator[bytes]:
        *most, last = parts(self)
        yield from most
        yield last[: len(last) // 2]
        if dies == "the server":
            server.restart()
        else:
            raise OSError("gone")

    login = (server.uri, server.user, server.password)
    with Database(*login, http_url=server.http_url) as db:
        ingest(db, mapping)
        graph = read_graph(db)
        empty(server)
        with monkeypatch.context() as patch:
            patch.setattr(ArcadeFiles, "parts", broken)
            with pytest.raises(DatabaseError, match=r"bulk load"):
                ingest(db, mapping, bulk=places)
    with Database(*login, http_url=server.http_url) as db:
        with suppress(DatabaseError):
            db.write("MATCH (l:Lease) SET l.until = 0")  # as after ten seconds
        with pytest.raises(DatabaseError, match=r"is not finished"):
            ingest(db, mapping)
        ingest(db, mapping, bulk=places)
        assert read_graph(db) == graph
        server.restart()  # what was said to be loaded outlives a kill
    with Database(*login, http_url=server.http_url) as db:
        assert read_graph(db) == graph
        assert ingest(db, mapping, force=True).written == 0


def test_neo4j_with_its_home(rich: Shop, tmp_path: Path, read_graph: Graph, places: Bulk) -> None:
    """One call stops it, imports and starts it; where the disk is full, nothing is loaded."""
    home = tmp_path / "home"
    home.mkdir()
    try:
        server = start_neo4j(home)
    except Unavailable as reason:
        pytest.skip(f"Neo4j cannot run here: {reason}")
    places, mapping = Bulk(places.folder, home), rich.mapping()
    login = server.uri, server.user, server.password
    with Database(*login) as db:
        with pytest.raises(ConfigError, match=r"bin/neo4j that may be run"):
            ingest(db, mapping, bulk=places)
        elsewhere = Bulk(places.folder, tmp_path)
        with pytest.raises(ConfigError, match=rf"{tmp_path} is not the home of.*which is {home}"):
            ingest(db, mapping, bulk=elsewhere)
        write_programs(home)
        # It was started otherwise, so that its own program does not stop it.
        with pytest.raises(DatabaseError, match=r"goes on after.*ingest --bulk' again"):
            ingest(db, mapping, bulk=places)
    server.stop()
    write_programs(home, before="ulimit -f 8")
    run_server(home, "start")
    try:
        with Database(*login) as db:
            wait_for(db)
            with pytest.raises(DatabaseError, match=r"did not import the files") as raised:
                ingest(db, mapping, bulk=places)
        # Of the half that there is nothing is taken; who asks first is told at once.
        with Database(*login) as db, pytest.raises(DatabaseError):
            ingest(db, mapping)
        write_programs(home)
        run_server(home, "stop")
        (by_hand,) = re.findall(r"run '(cd .*?@import.args)'", str(raised.value))
        run_in_folder(by_hand)
        run_server(home, "start")
        with Database(*login) as db:
            wait_for(db)
            ingest(db, mapping, bulk=places)
            graph = read_graph(db)
            assert ingest(db, mapping, force=True).written == 0
            db.write("MATCH (n) DETACH DELETE n")
            ingest(db, mapping)
            assert read_graph(db) == graph
            db.write("MATCH (n) DETACH DELETE n")
            ingest(db, mapping, bulk=places)
            assert read_graph(db) == graph and not places.folder.exists()
    finally:
        run_server(home, "stop")


def run_server(home: Path, verb: str) -> None:
    subprocess.run([home / "bin" / "neo4j", verb], check=True, stdout=subprocess.DEVNULL)


def wait_for(db: Database, seconds: float = 600.0) -> None:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        with suppress(DatabaseError):
            db.read_once("RETURN 1")
            return
        time.sleep(0.5)
    raise AssertionError("the server does not answer")


def test_a_list_that_the_importer_could_not_part_is_refused(tmp_path: Path) -> None:
    files = Neo4jFiles(tmp_path)
    with pytest.raises(DataError, match=r"lists of 'tags'.*Leave '--bulk' out"):
        files.add_nodes(("Item",), {"key": pa.array(["a"]), "tags": pa.array([["b\x1fc"]])})
