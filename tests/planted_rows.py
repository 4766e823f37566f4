"""Rows that the queries answer on the planted graph, under its own names."""

from __future__ import annotations

from typing import Any

Rows = list[list[Any]]
PARTS = [0.0] * 5
FELLOW = ["User", "1 fellow user", "SAVED", 1, 0.5**0.5]
CASES: dict[str, tuple[dict[str, Any], Rows]] = {
    "feedback": (
        {},
        [
            ["r2", "books", 1, 0, 0, 1, 0.0, None],
            ["r2", "games", 3, 2, 1, 0, 2 / 3, 3.0],
            ["r1", "films", 1, 0, 0, 1, 0.0, None],
        ],
    ),
    "activity": (
        {},
        [
            ["books", "SAVED", 3, 3, 4, 1, 4],
            ["films", "SAVED", 3, 2, 3, 5, 8],
            ["games", "SAVED", 2, 2, 2, 7, 9],
        ],
    ),
    "alike_between": (
        {},
        [
            ["books/2", "Emma", "films/2", "Clueless", 0.95],
            ["books/1", "Dune", "films/1", "Dune", 0.9],
        ],
    ),
    "bridges": ({}, [["Frank Herbert", "Author", 2, 1], ["Jane Austen", "Author", 1, 1]]),
    "by_entity": (
        {"domain": None},
        [
            ["books/1", "Dune", "books", "WRITTEN_BY", 2],
            ["films/1", "Dune", "films", "WRITTEN_BY", 2],
            ["books/3", "Dune Messiah", "books", "WRITTEN_BY", 1],
        ],
    ),
    "compare_runs": (
        {"other": "r2"},
        [
            ["books", 1, 4, 1, 1.0, 1],
            ["films", 0, 2, 0, None, 0],
            ["games", 2, 3, 2, 1.0, 0],
        ],
    ),
    "coverage": (
        {},
        [["books", 3, 3, 1.0, 3], ["films", 2, 1, 0.5, 2], ["games", 2, 2, 1.0, 2]],
    ),
    "fellows": ({}, [["ben", 2, 3, 2 / 3]]),
    "find": (
        {"domain": None, "k": 3},
        [
            ["books/1", "Dune", "books", 2],
            ["films/1", "Dune", "films", 2],
            ["books/3", "Dune Messiah", "books", 1],
        ],
    ),
    "flow": (
        {"k": 2},
        [["books", "books", 2], ["books", "films", 1]],
    ),
    "health": (
        {},
        [
            ["users", 4, None],
            ["items", 7, None],
            ["interactions", 9, None],
            ["active runs", 1, 1],
            ["runs half published", 0, 0],
            ["users who read neither the active run nor a refresh of it", 0, 0],
            ["users without a list", 1, 0],
            ["recommendations that are read", 9, None],
            ["recommendations of runs that are gone", 0, 0],
        ],
    ),
    "history": (
        {"domain": None},
        [
            ["films/1", "Dune", "films", "SAVED", 5],
            ["books/3", "Dune Messiah", "books", "SAVED", 4],
            ["books/1", "Dune", "books", "SAVED", 1],
        ],
    ),
    "list_changes": (
        {"other": "r2"},
        [
            ["books", "books/2", "Emma", None, 1],
            ["films", "films/2", "Clueless", None, 1],
            ["games", "games/2", "Tetris", 1, 2],
            ["games", "games/1", "Dune II", 2, 1],
        ],
    ),
    "lists_by_run": ({}, [["r2", "active", 3, 9, 3], ["r1", "superseded", 2, 3, 0]]),
    "met_with": (
        {"domain": None},
        [
            ["films/1", "Dune", "films", 2, 1.0],
            ["books/3", "Dune Messiah", "books", 1, 1.0],
            ["games/1", "Dune II", "games", 1, 1.0],
        ],
    ),
    "most_recommended": (
        {"domain": "games"},
        [["games/2", "Tetris", 2, 1, 1], ["games/1", "Dune II", 1, 1, 1]],
    ),
    "never_recommended": ({"domain": "films"}, [["films/1", "Dune", 2]]),
    "overlap": (
        {},
        [["books", "films", 3, 1.0], ["books", "games", 1, 0.5], ["films", "games", 1, 0.5]],
    ),
    "popular": (
        {},
        [["books/1", "Dune", 2], ["books/2", "Emma", 1], ["books/3", "Dune Messiah", 1]],
    ),
    "profile": (
        {},
        [["books", 2, 1, 4, 1], ["films", 1, 5, 5, 1], ["games", 0, None, None, 2]],
    ),
    "recommend": (
        {"domain": "games"},
        [
            ["games/1", "Dune II", "games", 1, 0.9, "Dune", "books/1", "r2", 0.9, *PARTS],
            ["games/2", "Tetris", "games", 2, 0.2, "Dune", "films/1", "r2", 0.2, *PARTS],
        ],
    ),
    "recommend_across": (
        {"k": 3},
        [
            ["games/1", "Dune II", "games", 1, 0.9, "Dune", "books"],
            ["films/2", "Clueless", "films", 1, 0.4, "Dune", "books"],
            ["books/2", "Emma", "books", 1, 0.3, "Dune", "films"],
        ],
    ),
    "recommend_by": (
        {"entity": "author/ja"},
        [["films/2", "Clueless", "films", 1, 0.4], ["books/2", "Emma", "books", 1, 0.3]],
    ),
    "recommend_new": (
        {},
        [
            ["games/1", "Dune II", "games", 1, 0.9, "Dune"],
            ["games/2", "Tetris", "games", 2, 0.2, "Dune"],
        ],
    ),
    "recommend_per_domain": (
        {"k": 1},
        [
            ["books", 1, "books/2", "Emma", 0.3, "Dune"],
            ["films", 1, "films/2", "Clueless", 0.4, "Dune"],
            ["games", 1, "games/1", "Dune II", 0.9, "Dune"],
        ],
    ),
    "recommend_rows": (
        {},
        [["ben", "books/3", 0.8], ["ben", "films/2", 0.3]],
    ),
    "recommended_to": (
        {"item": "films/2"},
        [["ann", 1, 0.4, "Dune", "books/1"], ["ben", 1, 0.3, "Dune", "films/1"]],
    ),
    "runs": (
        {},
        [
            ["r2", "active", "2026-01-01 r2", "test", "{}", True, None, None, None],
            ["r1", "superseded", "2026-01-01 r1", "test", "{}", True, None, None, None],
        ],
    ),
    "score_parts": (
        {},
        [
            ["books", 4, 0.425, 0.425, *PARTS],
            ["films", 2, 0.35, 0.35, *PARTS],
            ["games", 3, 1.7 / 3, 1.7 / 3, *PARTS],
        ],
    ),
    "similar": (
        {"domain": "books"},
        [["books/3", "Dune Messiah", "books", 2, 0.8, "r2", None, None]],
    ),
    "similar_across": (
        {},
        [["films/1", "Dune", "films", 0.9], ["games/1", "Dune II", "games", 0.7]],
    ),
    "start_from_items": (
        {"domain": None},
        [["books/1", "Dune", "books", 0.9, "Dune"], ["games/1", "Dune II", "games", 0.6, "Dune"]],
    ),
    "start_from_text": (
        {"domain": None, "text": "em"},
        [["films/2", "Clueless", "films", 0.95, "Emma"]],
    ),
    "tastes": (
        {},
        [
            ["author/fh", "Frank Herbert", "Author", 3, ["books", "films"]],
            ["tag/desert", "desert", "Tag", 1, ["books"]],
        ],
    ),
    "ties": (
        {},
        [
            ["tag/desert", "desert", "Tag", "TAGGED", 2],
            ["author/fh", "Frank Herbert", "Author", "WRITTEN_BY", 3],
        ],
    ),
    "trending": (
        {},
        [
            ["books/2", "Emma", 1, 1, 1.0],
            ["books/3", "Dune Messiah", 1, 1, 1.0],
            ["books/1", "Dune", 1, 2, 0.5],
        ],
    ),
    "without_list": ({}, [["dan", "r2", 1]]),
    "why": (
        {"item": "games/1"},
        [
            ["books/1", "Dune", "books", "Dune II", True, "Tag", "desert", "TAGGED", 2, 1.0],
            ["books/1", "Dune", "books", "Dune II", True, *FELLOW],
            ["films/1", "Dune", "films", "Dune II", True, *FELLOW],
        ],
    ),
}
DRAWN: dict[str, tuple[dict[str, Any], set[str]]] = {
    "as_graph": (
        {},
        {
            "ann RECOMMENDED books/2", "ann RECOMMENDED films/2", "ann RECOMMENDED games/1",
            "ann SAVED books/1 TAGGED tag/desert TAGGED games/1",
        },
    ),
    "bridges_as_graph": (
        {},
        {
            "books/1 WRITTEN_BY author/fh", "books/3 WRITTEN_BY author/fh",
            "films/1 WRITTEN_BY author/fh",
            "books/2 WRITTEN_BY author/ja", "films/2 WRITTEN_BY author/ja",
        },
    ),
    "item_as_graph": (
        {},
        {
            "books/1 WRITTEN_BY author/fh", "books/1 TAGGED tag/desert",
            "books/1 SIMILAR films/1", "books/1 SIMILAR books/3", "books/1 SIMILAR games/1",
        },
    ),
    "why_as_graph": (
        {"item": "games/1"},
        {
            "ann RECOMMENDED games/1",
            "ann SAVED books/1 TAGGED tag/desert TAGGED games/1",
            "ann SAVED books/1 SAVED ben SAVED games/1",
            "ann SAVED films/1 SAVED ben SAVED games/1",
        },
    ),
}  # fmt: skip
"""The paths of the queries for a graph browser."""
