"""Tables in 80 columns: what is copied from them stays whole, and texts wrap."""

from __future__ import annotations

import pytest

from linkspan.commands.ask import show
from linkspan.commands.feedback import show_acceptance
from linkspan.console import out
from linkspan.figures import show_methods
from linkspan.graph.asking.results import Acceptance

RUN = "20261128-221347-1"
KEY, DOMAIN = "science-fiction/5512", "science-fiction"


def words(printed: str) -> set[str]:
    """Everything between blanks; no line is too long."""
    assert max(map(len, printed.splitlines())) <= 80, printed
    return set(printed.split())


def test_titles_wrap_and_keys_do_not(capsys: pytest.CaptureFixture[str]) -> None:
    columns = (">#", "item", "title", "domain", ">score", "because of")
    title = "The Restaurant at the End of the Universe"
    show([0], False, columns, [("10", KEY, title, DOMAIN, "12.31", title)], "")
    assert words(capsys.readouterr().out) >= {"10", KEY, DOMAIN, "12.31", *title.split()}


def test_a_long_word_of_a_title_gives_way(capsys: pytest.CaptureFixture[str]) -> None:
    cells = [(KEY, "Of " + "x" * 90, DOMAIN, RUN)]
    show([0], False, ("item", "title", "domain", "run"), cells, "")
    assert words(capsys.readouterr().out) >= {KEY, DOMAIN, RUN}


def test_what_cannot_fit_stands_beyond_the_edge(capsys: pytest.CaptureFixture[str]) -> None:
    show([0], False, ("item", "title"), [("x" * 90, "A garden")], "")
    assert f"{'x' * 90}  A" in capsys.readouterr().out


def test_heads_stay_whole_beside_long_names_of_files(capsys: pytest.CaptureFixture[str]) -> None:
    heads = ("file", "becomes", ">read", ">unchanged", ">rejected")
    file = "exports/of/the/warehouse/interactions_2026-11.csv.gz"
    show([0], False, heads, [(file, "INTERACTED_WITH", "1,234,567", "0", "0")], "")
    printed = capsys.readouterr().out
    assert set(printed.split()) >= {file, "unchanged", "rejected", "read", "becomes"}


def test_acceptance_names_the_run_and_domains(capsys: pytest.CaptureFixture[str]) -> None:
    counts = (12_345, 12_345, 12_345) * 3
    rows = [
        Acceptance(run, domain, *counts) for run in (RUN, f"{RUN}.2") for domain in (DOMAIN, "b")
    ]
    show_acceptance(rows, as_json=False)
    printed = capsys.readouterr().out
    assert words(printed) >= {RUN, f"{RUN}.2", DOMAIN, "12,345", "100.0%"}
    assert printed.count("Feedback on what run") == 2


def test_methods_are_named_whole(capsys: pytest.CaptureFixture[str]) -> None:
    methods = ["hybrid without gnn", "popularity", "transitions", "ease-target", "item-knn"]
    figures = dict.fromkeys(("hr", "ndcg", "mrr", "auc", "coverage"), 0.25)
    interval = {"domain": "", "gain": 0.01, "low": -0.02, "high": 0.04}
    table = [
        {"method": name, "segment": "all", "domain": "", "popularity_lift": 12.5, **figures}
        for name in methods
    ]
    gains = [{"over": name, **interval} for name in methods]
    out.print(show_methods({"k": 10, "table": table, "gains": gains}))
    assert words(capsys.readouterr().out) >= {*methods[1:], "without", "+1.00", "25.00"}
