"""The query files and their loader."""

from __future__ import annotations

from pathlib import Path

import pytest

from linkspan import cypher
from linkspan.errors import ConfigError

FILES = sorted((Path(__file__).parents[2] / "cypher").rglob("*.cypher"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_file_says_what_it_does(file: Path) -> None:
    query = cypher.describe(file.stem)
    assert query.text == file.read_text()
    assert all((query.purpose, query.parameters, query.columns, query.index))
    header = [line for line in query.text.splitlines() if line.startswith("//")]
    used = {word for word in cypher.parameters(query.text) if word not in " ".join(header)}
    assert not used, f"the header does not name {used}"


def test_people_are_offered_the_queries_and_not_the_steps() -> None:
    assert "recommend" in cypher.names()
    assert "publish_run" not in cypher.names()
    assert cypher.describe("publish_run").purpose


def test_names_are_replaced_all_at_once_and_quoted() -> None:
    text = cypher.load("read_relations", {"Item": "Author", "Author": "Item", "WRITTEN_BY": "by`e"})
    assert "(s:Author)-[r:`by``e`]->(t:Item)" in text
    several = cypher.load("read_interactions", {"SAVED": ["RATED", "PUT ASIDE"]})
    assert "[r:RATED|`PUT ASIDE`]" in several


def test_only_whole_names_are_replaced() -> None:
    text = cypher.load("read_users", {"Use": "Person"})
    assert text == cypher.load("read_users")


@pytest.mark.parametrize("name", ["nothing", "../README", "steps/read_users", "", "a b"])
def test_an_unknown_query_is_named_with_those_there_are(name: str) -> None:
    with pytest.raises(ConfigError, match=r"there is no query .* Known queries: .*recommend"):
        cypher.load(name)
