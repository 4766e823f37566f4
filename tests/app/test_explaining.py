"""Explanations in words and as a drawing, made by hand: no database, no model."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path as File
from typing import Any
from xml.etree import ElementTree

import pytest

from linkspan.commands.ask import show
from linkspan.drawing_paths import draw_explanation
from linkspan.explaining import show_explanation
from linkspan.graph.asking.explanations import complete
from linkspan.graph.asking.results import Explanation, PastItem, Path, Results
from linkspan.graph.asking.wording import ties


def tie(past: str, kind: str, by: str, strength: float, ties: int = 1, cross: bool = False) -> Path:
    domain, how = "films" if cross else "books", by if kind == "Item" else "SAVED"
    return Path(
        f"{domain}/{past}", past, domain, "Dune", cross, kind, by, how, ties, strength
    )  # fmt: skip


FOUND = complete(Explanation(
    user="7", item="books/9", title="Dune $1 & $2", domain="books", met=None, said=None, rank=1,
    place=None, score=2.0, run="r", parts={"gnn": 1.5, "text": 0.5},
    past=[PastItem("films/Alien", "Alien", "films", "ADDED_TO_CART")],
    paths=Results(
        [
            tie("Emma", "Series", "Saga", 0.5, ties=4),
            tie("Alien", "Series", "Saga", 0.5, ties=4, cross=True),
            tie("Ada", "User", "1 fellow user", 0.3),
            tie("Ulysses", "Item", "ALSO_BOUGHT", 0.2),
            tie("Mob", "Text", "likeness of text", 0.1),
        ],
        Path,
    ),
))  # fmt: skip


def test_it_is_told_in_words() -> None:
    assert list(ties(FOUND.paths)) == [
        (0.5, "Series Saga (4 items), as Emma and Alien (films)"),
        (0.3, "1 other user who saved Ada"),
        (0.2, "Ulysses, by ALSO_BOUGHT"),
        (0.1, "Mob, by what the texts say"),
    ]
    assert FOUND.because == "because you added to cart Alien (films)" and FOUND.cross_domain
    assert FOUND.words == [
        "Dune $1 & $2 is number 1 in books for user 7",
        FOUND.because,
        *(tie for _, tie in ties(FOUND.paths)),
    ]


def test_popularity_is_told_where_it_decides() -> None:
    popular = complete(replace(FOUND, parts={"gnn": 0.5, "text": -2.0, "popularity": 1.5}))
    assert popular.because == f"mostly as it is popular, then {FOUND.because}"
    alone = complete(replace(popular, past=[]))
    assert alone.because == "mostly as it is popular"
    assert complete(replace(alone, parts={"gnn": 0.5})).because == ""


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"met": "SAVED"}, "was number 1 in books for user 7, until you saved it"),
        ({"said": "negative"}, "was number 1 in books for user 7, until you disliked it"),
        ({"rank": None}, "is not among the recommendations in books for user 7"),
        (
            {"rank": None, "said": "hidden"},
            "is not among the recommendations in books for user 7: you dismissed it already",
        ),
        (
            {"rank": None, "place": 1234},
            "is not among the recommendations in books for user 7; it would be number 1,234",
        ),
        (
            {"rank": None, "run": None},
            "is not recommended: nothing was published for user 7 yet",
        ),
    ],
)
def test_where_an_item_stands_is_told(change: dict[str, Any], told: str) -> None:
    assert complete(replace(FOUND, **change)).words[0] == f"Dune $1 & $2 {told}"


def test_long_titles_fit_a_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    long = "The long [bold] story of " + "everything " * 12
    paths = Results([replace(FOUND.paths[0], past_title=long)], Path)
    past = [replace(FOUND.past[0], title=long, loss=0.25)]
    show_explanation(complete(replace(FOUND, title=long, past=past, paths=paths)))
    told = capsys.readouterr().out
    assert max(map(len, told.splitlines())) <= 80, told
    assert told.count("[bold]") == 4 and "-0.250" in told
    show_explanation(complete(replace(FOUND, paths=Results([], Path), past=[], parts={})))
    assert capsys.readouterr().out == (
        f"{FOUND.words[0]}\n\nNo path in the graph ties it to your past.\n"
    )


def test_a_table_keeps_square_brackets(capsys: pytest.CaptureFixture[str]) -> None:
    show([FOUND], False, ("title", "reason"), [("Dune [red]", None)], "nothing")
    assert "Dune [red]" in capsys.readouterr().out


@pytest.mark.parametrize("ending", ["svg", "png"])
def test_it_is_drawn(tmp_path: File, ending: str) -> None:
    one, two = tmp_path / f"one.{ending}", tmp_path / f"two.{ending}"
    draw_explanation(FOUND, one)
    draw_explanation(FOUND, two)
    assert one.read_bytes() == two.read_bytes()
    if ending == "svg":
        words = " ".join(ElementTree.parse(one).getroot().itertext())
        for name in ("Dune $1 & $2", "Alien (films)", "Series Saga", "because you added to cart"):
            assert name in words


def test_it_is_data_too() -> None:
    found = asdict(FOUND)
    assert json.loads(json.dumps(found))["paths"][0]["by"] == "Saga"
    assert found["past"][0]["title"] == "Alien"
