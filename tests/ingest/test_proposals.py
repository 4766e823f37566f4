"""What ``init`` writes for folders of odd files, ``ingest --dry-run`` takes."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pyarrow import parquet as pq

from linkspan.errors import DataError
from linkspan.ingest import ingest, mapping_from_tables
from linkspan.ingest.proposing.proposal import Proposal, propose

ROWS = 4
PLAIN: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**20), 10**20),
    st.floats(allow_nan=True, allow_infinity=True),
    st.sampled_from(["", " ", "a|b", "x;y", "007", "1e999", "nan", "true", "-1", '"', "\x7f", "é"]),
    st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=5),
)
VALUES = st.one_of(
    *(st.lists(kind, min_size=ROWS, max_size=ROWS) for kind in (
        PLAIN,
        st.none(),
        st.booleans(),
        st.integers(-3, 3),
        st.sampled_from([1.0, 2.5, -1.0]),
        st.lists(PLAIN, max_size=3),
        st.lists(st.lists(st.text("ab", max_size=2), max_size=2), max_size=2),
        st.dictionaries(st.text("ab", min_size=1, max_size=2), PLAIN, max_size=2),
        st.one_of(PLAIN, st.lists(st.text("ab", max_size=2), max_size=2)),
    ))
)  # fmt: skip
NAMES = st.one_of(
    st.sampled_from(
        [
            *(
                "title",
                "item_title",
                "categories",
                "genres",
                "brand",
                "category",
                "authors",
                "tags",
            ),
            *("overall", "rating", "score", "weight", "plays", "count", "timestamp", "created_at"),
            *(
                "domain",
                "shop",
                "key",
                "at",
                "run",
                "vector_a",
                "name",
                "a.b",
                "größe",
                "数",
                "2nd",
            ),
            *("a b", "A-B", "a_b", "x" * 90, 'q"uo\\te', "\x7f", "½", "İ", "user", "reviewerName"),
        ]
    ),
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=8),
)
COLUMNS = st.dictionaries(NAMES, VALUES, max_size=6)


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")


def _rows(ids: dict[str, list[str]], columns: dict[str, list[Any]]) -> list[dict[str, Any]]:
    both = {**columns, **ids}
    return [{name: values[row] for name, values in both.items()} for row in range(ROWS)]


def _checked(folder: Path) -> Proposal:
    made = propose(folder)
    try:
        ingest(None, mapping_from_tables(tomllib.loads(made.text), folder), dry_run=True)  # type: ignore[arg-type]
    except Exception as error:
        raise AssertionError(f"{error}\n{made.text}") from error
    return made


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(items=COLUMNS, events=COLUMNS, name=st.sampled_from(["films", "category", "tags", "x"]))
def test_odd_json_is_taken_as_init_proposes_it(
    items: dict[str, list[Any]], events: dict[str, list[Any]], name: str
) -> None:
    with TemporaryDirectory() as folder:
        ids = [str(number) for number in range(ROWS)]
        items = {key: value for key, value in items.items() if key != "user"}
        _write(Path(folder, f"{name}.json"), _rows({"item_id": ids}, items))
        users = ["a", "a", "b", "b"]
        _write(
            Path(folder, "ratings.json"), _rows({"user_id": users, "item_id": ids[::-1]}, events)
        )
        _checked(Path(folder))


def test_what_is_nested_is_left_out_and_told(tmp_path: Path) -> None:
    rows = {
        "asin": ["1", "2", "3", "4"], "title": ["a", "b", "c", "d"],
        "categories": [[["Home", "Pans"]], [["Home"]], [], None],
        "also": [["2", "3"], ["1"], [], None],
        "related": [{"x": 1}, {}, None, {"y": [1]}],
        "genres": [["Drama"], ["Drama", "Comedy"], None, "Drama"],
    }  # fmt: skip
    _write(tmp_path / "meta.json", _rows(rows, {}))
    reviews = {"reviewerID": ["a", "a", "b", "b"], "asin": ["1", "2", "3", "4"],
               "overall": [5.0, 1.0, 4.0, 2.0], "unixReviewTime": ["1252800000"] * 4,
               "reviewTime": ["09 13, 2009"] * 4, "helpful": [[2, 3]] * 4}  # fmt: skip
    _write(tmp_path / "reviews.json", _rows(reviews, {}))
    made = _checked(tmp_path)
    tables = tomllib.loads(made.text)
    assert any("meta.json: categories, related left out" in note for note in made.open)
    assert tables["items"][0]["relations"] == [
        {"type": "IN_GENRE", "column": "genres", "entity": "Genre"}
    ]
    assert tables["items"][0]["properties"]["also"] == {"column": "also", "type": "list"}
    (events,) = tables["interactions"]
    assert events["positive"] == "overall >= 4"
    assert events["at"] == {"column": "unixReviewTime", "unit": "s"}
    assert events["properties"]["helpful"] == {"column": "helpful", "type": "list"}


def test_true_and_false_are_proposed_for_what_was_liked(tmp_path: Path) -> None:
    _write(tmp_path / "meta.json", _rows({"asin": ["1", "2", "3", "4"], "title": list("abcd")}, {}))
    said = {"user_id": ["a", "a", "b", "b"], "asin": ["1", "2", "3", "4"],
            "liked": [True, False, None, True]}  # fmt: skip
    _write(tmp_path / "events.json", _rows(said, {}))
    (events,) = tomllib.loads(_checked(tmp_path).text)["interactions"]
    assert events["positive"] == "liked = true"
    assert events["properties"]["liked"] == {"column": "liked", "type": "boolean"}


def test_parquet_with_nested_columns_is_taken(tmp_path: Path) -> None:
    table = pa.table(
        {
            "item_id": ["1", "2"], "title": ["a", "b"], "tags": [["x"], ["y", "z"]],
            "deep": [[["x"]], [["y"]]], "struct": [{"a": 1}, {"a": 2}], "numbers": [[1], [2]],
        }
    )  # fmt: skip
    pq.write_table(table, tmp_path / "films.parquet")
    events = pa.table({"user_id": [1.0, 2.0], "item_id": ["1", "2"], "at": [0.5, 1.5]})
    pq.write_table(events, tmp_path / "likes.parquet")
    made = _checked(tmp_path)
    assert any("films.parquet: deep, struct, numbers left out" in note for note in made.open)
    assert tomllib.loads(made.text)["items"][0]["relations"][0]["column"] == "tags"


@pytest.mark.parametrize(
    ("files", "says"),
    [
        ({"similar.csv": "source,target,weight\n1,2,0.5\n1,2,0.7\n"}, 'type = "RELATED_TO"'),
        ({"likes.csv": "user_id,item_id,größe\na,1,4\nb,2,5\n"}, '"größe" = {'),
        ({"likes.csv": "user_id,item_id,shop\na,1,north\nb,2,south\n"}, 'shop = "shop"'),
        ({"likes.csv": "user_id,item_id,weight\na,1,-1\nb,2,3\n"}, 'weight_ = { column = "weight"'),
        ({"users.csv": "user_id,age\na,1\na,2\n"}, 'duplicates = "update"'),
        ({"films_items.csv": "item_id,title\n1,Other\n"}, 'duplicates = "update"'),
        ({"r.csv": "user_id,item_id,timestamp\na,1,20140101\nb,2,20150230\n"}, '"position"'),
    ],
)
def test_odd_files_beside_sound_ones(tmp_path: Path, files: dict[str, str], says: str) -> None:
    (tmp_path / "films.csv").write_text("item_id,title\n1,Dune\n2,Heat\n")
    (tmp_path / "ratings.csv").write_text("user_id,item_id,rating\na,1,5\nb,2,1\n")
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    assert says in _checked(tmp_path).text


def test_a_folder_of_nothing_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError):
        propose(tmp_path)


@pytest.mark.parametrize(("column", "split"), [("authors", "|"), ("subtitle", None)])
def test_one_cell_with_several_authors_is_enough(
    tmp_path: Path, column: str, split: str | None
) -> None:
    """Few books have several; a mark in a title is one of writing."""
    names = [f"name {n}" for n in range(60)] + ["Ann|Bob"]
    rows = "".join(f"{n},title {n},{name}\n" for n, name in enumerate(names))
    (tmp_path / "books.csv").write_text(f"id,title,{column}\n{rows}")
    met = "".join(f"u{n},{n}\n" for n in range(61))
    (tmp_path / "saved.csv").write_text(f"user_id,book_id\n{met}")
    tables = tomllib.loads(propose(tmp_path).text)
    found = tables["items"][0]["properties"][column]
    assert (found.get("split") if isinstance(found, dict) else None) == split


@pytest.mark.parametrize("names", [("sport", "phone"), ("events",)], ids=len)
def test_items_that_only_events_name_are_proposed(tmp_path: Path, names: tuple[str, ...]) -> None:
    """As in published data of ids alone: one file, or one a domain with ids of its own."""
    rows = "".join(f"u{user},{item},{user}\n" for user in range(4) for item in range(user, 6))
    for name in names:
        (tmp_path / f"{name}.csv").write_text(f"user_id,item_id,count\n{rows}")
    proposal = _checked(tmp_path)
    assert set(proposal.found.values()) == {"interactions"}
    assert not any("no file of items" in note for note in proposal.open)
    assert sum("no title and no text" in note for note in proposal.open) == len(names)
    tables = tomllib.loads(proposal.text)
    assert [set(table) for table in tables["items"]] == [{"file", "id", "domain"}] * len(names)
