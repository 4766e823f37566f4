"""The query files and their loader."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from linkspan import cypher
from linkspan.cypher.names import PROPERTIES
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


def test_the_list_of_a_user_is_read_by_one_run() -> None:
    """Neo4j may read u.run anew for each row, and so another run's after a switch amid the list."""
    asked = re.compile(r"\{key: \$user\}|UNWIND \$users")
    texts = {file.stem: file.read_text() for file in FILES}
    of_a_user = {name: text for name, text in texts.items() if asked.search(text)}
    assert "recommend_many" in of_a_user
    assert [name for name, text in of_a_user.items() if "r.run = u.run" in text] == []


def test_no_node_is_looked_for_by_two_labels() -> None:
    """ArcadeDB takes no index then, and reads all nodes of the label for every row."""
    two = re.compile(r"\(\s*\w*\s*:\s*[\w`]+\s*[:&][^)]*\{")
    made = re.compile(r"\bCREATE\s[^\n]*")  # what is made is not looked for
    bodies = {file.stem: re.sub(r"^//.*$", "", file.read_text(), flags=re.M) for file in FILES}
    assert {name for name, body in bodies.items() if two.search(body)} == {
        "create_nodes",
        "write_nodes",
    }
    assert [name for name, body in bodies.items() if two.search(made.sub("", body))] == []


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


THEIRS = cypher.Names(
    users=cypher.NodeNames(label="Person", key="pid"),
    items={
        "films": cypher.NodeNames(label="Film", key="no", integer=True, title="name"),
        "o'b": cypher.NodeNames(label="Printed Book", key="is`bn", title="heading"),
    },
    entities={"Genre": cypher.NodeNames(label="Kind", key="code", title="called")},
    at=("on", "seen at"),
)
# Those that write files of a mapping are never for an adopted graph; the last takes two labels.
OTHERS = ("write_", "create_", "stored_", "count_both")
ASKED = [file for file in FILES if not file.stem.startswith(OTHERS)]


def test_an_item_of_one_domain_is_found_by_its_own_key() -> None:
    text = cypher.load("similar", None, THEIRS.only("films"))
    assert "MATCH (of:Film {no: CASE WHEN $item STARTS WITH 'films/'" in text
    assert "RETURN 'films/' + toString(i.no) AS item, i.name AS title, 'films' AS domain" in text


def test_items_of_several_domains_are_found_each_by_its_key() -> None:
    text = cypher.load("similar", None, THEIRS)
    assert text.count("UNION ALL") == 1
    assert "(of:`Printed Book` {`is``bn`: CASE WHEN $item STARTS WITH 'o\\'b/'" in text
    assert "WHEN i:Film THEN 'films/' + toString(i.no) WHEN i:`Printed Book` THEN" in text


def test_times_and_entities_have_the_names_of_the_graph() -> None:
    assert "coalesce(r.on, r.`seen at`) AS at" in cypher.load("history", None, THEIRS)
    text = cypher.load("bridges", None, THEIRS)
    assert "e.called AS name" in text and "l IN ['Kind']" in text
    kind = cypher.load("read_entities", {"Author": "Genre"}, THEIRS)
    assert "MATCH (e:Kind)" in kind and "'genre/' + toString(e.code) AS key" in kind


@pytest.mark.parametrize("file", ASKED, ids=lambda file: file.stem)
def test_every_query_says_of_roles_only_what_can_be_put_into_other_names(file: Path) -> None:
    """After the names of a graph are put in, none of ours is left."""
    body = "\n".join(line for line in file.read_text().splitlines() if line[:2] != "//")
    variables = dict(re.findall(r"\((\w+):(User|Item|Entity)\b", body))
    for variable, role in variables.items():
        used = set(re.findall(rf"\b{variable}\.(\w+)", body))
        assert used <= set(PROPERTIES[role]), (variable, used)
    text = cypher.load(file.stem, None, THEIRS)
    body = "\n".join(line for line in text.splitlines() if line[:2] != "//")
    assert not re.findall(r":(User|Item|Entity)\b", body)
    assert not re.findall(r"\{key: ", body) or "LoadedFile" in body


def test_values_are_written_in_where_parameters_stand() -> None:
    text = """// $a in a comment
RETURN '$a', "it's \\"$a", `$a`, /* $a
*/ $a, $ab, $none, 'it\\'s $a' // $a"""
    assert cypher.write_in(text, {"a": "$ab", "ab": ["o'b\\", 1, 2.5, True, None]}) == (
        text.replace("*/ $a, $ab", r"*/ '$ab', ['o\'b\\', 1, 2.5, true, null]")
    )
