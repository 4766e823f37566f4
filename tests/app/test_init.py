"""A first mapping for a folder of files: what it writes is loaded without being touched."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest

from linkspan.graph.connecting.connection import Database
from linkspan.ingest.proposing.peek import peek

Files = dict[str, str]
FILM_ROWS = "id,title,director,description\n1,Dune,Denis Villeneuve,A family on a desert planet\n"
# Name of a folder: its files, what becomes of them, and Cypher that counts it.
FOLDERS: dict[str, tuple[Files, list[tuple[str, int]]]] = {
    "one file a domain": (
        {
            "books.csv": "id,isbn,title,authors,year\n1,x,Dune,Frank Herbert,1965\n"
            "2,y,Omens,Neil Gaiman|Terry Pratchett,1990\n",
            "films.csv": FILM_ROWS,
            "ratings.books.csv": "user_id,item_id,timestamp,rating\nann,1,1700000000,5\n"
            "ann,2,1700000100,2\nben,2,1700000200,4\n",
            "ratings.films.csv": "user_id,item_id,timestamp,rating\nann,1,1700000000,5\n"
            "ben,1,1700000000,1\n",
        },
        [
            ("(:User {key: 'ann'})-[:RATED {rating: 5}]->(:Books {key: 'books/1'})", 1),
            ("(:User)-[:RATED {at: 1700000000000}]->(:Films {title: 'Dune'})", 2),
            ("(:Books {title: 'Omens'})-[:WRITTEN_BY]->(:Author)", 2),
            ("(:Films)-[:DIRECTED_BY]->(:Director {name: 'Denis Villeneuve'})", 1),
            ("(:Books {year: 1965})", 1),
        ],
    ),
    "a column for the domain": (
        {
            "items.tsv": "item_id\tdomain\tname\tprice\ttags\na1\tfood\tRice\t3.5\tdry;grain\n"
            "b1\tkitchen-ware\tWok\t25\t\n",
            "users.csv": "user_id,name,age\nann,Ann,31\nben,Ben,\n",
            "events.csv": "user_id,item_id,created_at,quantity\nann,a1,2026-01-02T03:04:05Z,2\n"
            "ann,a1,2026-01-03,1\nben,b1,2026-01-03,1\n",
            "relations.csv": "source,target,weight\na1,b1,0.5\n",
        },
        [
            ("(:User {key: 'ann', age: 31})-[:INTERACTED {weight: 2.0}]->(:Food)", 1),
            ("(:User {key: 'ann'})-[:INTERACTED]->(:Item {title: 'Rice'})", 2),
            ("(:Food)-[:TAGGED]->(:Tag)", 2),
            ("(:Food {price: 3.5})-[:RELATED_TO {weight: 0.5}]->(:KitchenWare)", 1),
        ],
    ),
    "users of each domain apart": (
        {
            "books.items.csv": "item_id,title\n1,Dune\n",
            "games.items.csv": "item_id,title\n1,Go\n",
            "books.purchases.csv": "customer_id,item_id,order_at\n7,1,2\n",
            "games.purchases.csv": "customer_id,item_id,order_at\n8,1,1\n",
        },
        [
            ("(:User {key: 'books/7'})-[:BOUGHT]->(:Books {key: 'books/1'})", 1),
            ("(:User {key: 'games/8'})-[:BOUGHT]->(:Games)", 1),
        ],
    ),
    "one domain, times as positions, rows that differ": (
        {
            "Recipes.csv": '\ufeffRecipeId,RecipeName\n1,Soup\n2,"Rice, fried"\n',
            "clicks.csv": "userId,recipeId,position\n1,1,0\n1,2,1\n2,1,0\n",
            "likes.csv": "user,recipe,stars\n1,1,5\n1,1,4\n2,2,1\n",
        },
        [
            ("(:User {key: '1'})-[:CLICKED {at: 1}]->(:Recipes {title: 'Rice, fried'})", 1),
            ("(:User {key: '1'})-[:LIKED {stars: 4}]->(:Recipes)", 1),
            ("(:User)-[:LIKED]->()", 2),
        ],
    ),
    "a shop's own words": (
        {
            "customers.csv": "customer_no,age\nC1,31\n",
            "products.csv": "sku,domain,name\nP1,books,Dune\nP1,games,Go\n",
            "orders.csv": "order_no,customer_no,sku,domain,ordered_on,qty\n"
            "1,C1,P1,books,2026-01-01,2\n2,C1,P1,games,2026-01-01,1\n",
        },
        [
            ("(:User {key: 'C1', age: 31})-[:BOUGHT {order_no: 1}]->(:Books {key: 'books/P1'})", 1),
            ("(:User)-[:BOUGHT]->(:Games {title: 'Go'})", 1),
        ],
    ),
}


def write(folder: Path, files: Files) -> None:
    for name, text in files.items():
        (folder / name).write_text(text, "utf-8")


@pytest.mark.parametrize("name", FOLDERS)
def test_what_it_writes_is_loaded_as_it_is(
    linkspan: Any, on_server: Database, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    files, counts = FOLDERS[name]
    write(tmp_path, files)
    monkeypatch.chdir(tmp_path)
    made = linkspan("init", "--json")
    assert made.code == 0, made.err
    assert set(json.loads(made.out)["found"]) == set(files)
    for arguments in (("ingest", "--dry-run"), ("ingest",), ("snapshot",)):
        answer = linkspan(*arguments)
        assert answer.code == 0, answer.err + Path("linkspan.toml").read_text()
    for pattern, count in counts:
        found = on_server.read(f"MATCH p = {pattern} RETURN count(p) AS n")[0]["n"]
        assert found == count, (pattern, Path("linkspan.toml").read_text())


def test_guesses_are_marked_and_certain_lines_are_not(linkspan: Any, tmp_path: Path) -> None:
    write(tmp_path, FOLDERS["one file a domain"][0])
    answer = linkspan("init", str(tmp_path))
    lines = (tmp_path / "linkspan.toml").read_text().splitlines()
    guessed = [line for line in lines if "# guess: " in line]
    assert any(line.startswith('domain = "books"') for line in guessed)
    assert any(line.startswith("at = ") and "seconds since 1970" in line for line in guessed)
    assert any(line.startswith('positive = "rating >= 4"') for line in guessed)
    assert not any(line.startswith(("file =", "id =", "user =", "item =")) for line in guessed)
    assert f"with {len(guessed)} guesses marked" in answer.out
    assert f"linkspan ingest --dry-run -c {tmp_path / 'linkspan.toml'}" in answer.out


def test_what_cannot_be_told_is_said_in_words(linkspan: Any, tmp_path: Path) -> None:
    write(
        tmp_path,
        {
            "books.csv": "id,title\n1,Dune\n",
            "films.csv": "id,title\n1,Dune\n",
            "events.csv": "user,item,time\nann,1,yesterday\n",
            "notes.csv": "subject,remark\nx,y\n",
            "relations.csv": "source,target\nm1,m2\n",
            "broken.csv": "",
            "readme.txt": "hello",
        },
    )
    notes = json.loads(linkspan("init", str(tmp_path), "--json").out)["open"]
    said = "\n".join(notes)
    assert "events.csv: no time is taken: column 'time' has values such as 'yesterday'" in said
    assert "events.csv: item ids stand in several domains" in said
    assert "notes.csv (columns subject, remark): name its id column" in said
    assert "relations.csv is left out" in said and "such as 'm1'" in said
    assert "broken.csv could not be read" in said
    assert "readme" not in said


def test_recbole_files_become_a_table_of_their_own(linkspan: Any, tmp_path: Path) -> None:
    write(tmp_path, {"ml-100k.inter": "user_id:token\titem_id:token\n", "ml-100k.item": "x"})
    assert linkspan("init", str(tmp_path)).code == 0
    tables = tomllib.loads((tmp_path / "linkspan.toml").read_text())
    assert tables["recbole"] == {"path": ".", "name": "ml-100k", "domain": "ml-100k"}


def test_a_mapping_is_not_written_over(linkspan: Any, tmp_path: Path) -> None:
    write(tmp_path, {"books.csv": FILM_ROWS, "linkspan.toml": "mine"})
    answer = linkspan("init", str(tmp_path))
    assert answer.code == 2 and "is there already. Write over it with --force" in answer.err
    assert (tmp_path / "linkspan.toml").read_text() == "mine"
    assert linkspan("init", str(tmp_path), "--force").code == 0
    assert "[[items]]" in (tmp_path / "linkspan.toml").read_text()


def test_a_folder_without_files_is_named(linkspan: Any, tmp_path: Path) -> None:
    answer = linkspan("init", str(tmp_path))
    assert answer.code == 3 and "no file here ends in .csv" in answer.err
    answer = linkspan("init", str(tmp_path / "none"))
    assert answer.code == 3 and "there is no such folder" in answer.err


TITLES = "id{0}title{0}year\n1{0}{1}{0}2001\n2{0}Naïve{0}2002\n3{0}Wok{0}2003\n"


@pytest.mark.parametrize(
    ("name", "text", "encoding", "keys"),
    [
        ("films.csv", TITLES.format(",", "Tea"), "utf-8", {}),
        ("films.csv", TITLES.format(";", "Tea"), "cp1252",
         {"delimiter": ";", "encoding": "cp1252"}),
        ("films.tsv", TITLES.format("\t", "Tea"), "utf-16", {"encoding": "utf-16"}),
        ("films.csv", TITLES.format("\t", "Tea"), "utf-8-sig", {"delimiter": "\t"}),
        ("films.tsv", TITLES.format("\t", '"Tea" or "x"'), "utf-8", {"quote": ""}),
        ("films.tsv", TITLES.format("\t", '"Tea, he says'), "utf-8", {"quote": ""}),
        ("films.csv", TITLES.format("|", '"A \\"b\\" c"'), "utf-8",
         {"delimiter": "|", "escape": "\\"}),
        ("films.tsv", TITLES.format("\t", "\\N"), "utf-8", {"escape": "\\"}),
        ("films.csv", TITLES.format("::", "A: b"), "utf-8", {"delimiter": "::"}),
        ("films.csv", "'id','title'\n'1','a, b'\n", "utf-8", {"quote": "'"}),
        ("films.dat", TITLES.format("~", "Tea"), "utf-8", {"format": "csv", "delimiter": "~"}),
        ("films.csv", 'id,title\n1,"a"\n2,"b"\n3,"c" d\n', "utf-8", {}),
        ("films.csv", "id;price\n1;1,5\n2;2,5\n", "utf-8", {"delimiter": ";"}),
        ("films.csv", "id,title\n1,a;b\n2,c;d\n", "utf-8", {}),
        ("films.csv", "1::Emma (1996)::Drama\n2::Wok::Comedy|Drama\n", "utf-8",
         {"delimiter": "::", "columns": ["id", "title", "column_3"]}),
    ],
)  # fmt: skip
def test_how_a_file_is_written_is_found(
    tmp_path: Path, name: str, text: str, encoding: str, keys: dict[str, Any]
) -> None:
    (tmp_path / name).write_bytes(text.encode(encoding))
    (made,), _, _ = peek(tmp_path)
    if encoding == "utf-8-sig":
        keys = {**keys, "encoding": "utf-8"}
    assert {"encoding": "utf-8", **made.keys} == {"encoding": "utf-8", **keys}


def test_what_is_told_of_a_file_that_is_written_in_another_way(
    linkspan: Any, tmp_path: Path
) -> None:
    (tmp_path / "ratings.dat").write_text("1::1::5::978300001\n2::1::3::978300002\n")
    (tmp_path / "movies.dat").write_bytes("1::Café::Drama\n2::Wok::Comedy\n".encode("latin-1"))
    (tmp_path / "prices.csv").write_text("item_id;title;price\n1;Tea;1,5\n2;Rice;2,5\n")
    (tmp_path / "README.txt").write_text("Some words, and more.\nThe end\n")
    said = " ".join(linkspan("init", str(tmp_path)).out.split())
    assert "begins with 1, 1, 5, 978300001" in said
    assert "'price': numbers with a decimal comma, such as '1,5', are taken as text" in said
    assert "README" not in said
    tables = tomllib.loads((tmp_path / "linkspan.toml").read_text())
    assert tables["interactions"][0]["columns"] == ["user_id", "item_id", "rating", "timestamp"]
    movies = next(table for table in tables["items"] if table["file"] == "movies.dat")
    assert (movies["delimiter"], movies["encoding"]) == ("::", "cp1252")


def test_columns_in_which_nothing_stands_are_left_out(linkspan: Any, tmp_path: Path) -> None:
    """Nodes of an empty column would tie nothing together; of many rows only the first are read."""
    items = "id,title,brand,genres\n1,Dune,,sand\n2,Emma,,\n"
    write(tmp_path, {"items.csv": items, "events.csv": "user,item,note\nann,1,\n"})
    made = json.loads(linkspan("init", str(tmp_path), "--json").out)
    assert "items.csv: nothing stands under brand, so the mapping does not name it" in made["open"]
    assert "events.csv: nothing stands under note, so the mapping does not name it" in made["open"]
    written = (tmp_path / "linkspan.toml").read_text()
    assert "brand" not in written and "note" not in written and 'column = "genres"' in written


@pytest.mark.parametrize("more", [[], ["b.csv"]])
def test_files_in_place_of_their_folder_are_told(
    linkspan: Any, tmp_path: Path, more: list[str]
) -> None:
    write(tmp_path, {"a.csv": "id\n1\n", "b.csv": "id\n1\n"})
    answer = linkspan("init", str(tmp_path / "a.csv"), *(str(tmp_path / name) for name in more))
    assert answer.code == 2 and f"such as 'linkspan init {tmp_path}'" in answer.err.replace(
        "\n", " "
    )
