"""The JSON Schema of linkspan.toml: as committed, and what it lets pass."""

from __future__ import annotations

import json
import re
import tomllib
from importlib.resources import files
from pathlib import Path
from typing import Any

import fastjsonschema
import pytest

from linkspan.gnn.settings import TrainSettings
from linkspan.ingest import TABLES, mapping_from_tables
from linkspan.settings_schema import build_schema
from pages import PAGES, ROOT, blocks

BUNDLED = Path(str(files("linkspan"))) / "data" / "goodbooks" / "linkspan.toml"
FILES = sorted({BUNDLED, *ROOT.glob("examples/**/linkspan.toml")})
BLOCKS = [
    (f"{page} {number}", block)
    for page in PAGES
    for number, block in enumerate(blocks(page, "toml"), 1)
    if re.search(r"^\[", block, re.MULTILINE)  # else lines from within a table
]
DOCUMENTS = [*((path.parent.name, path.read_text("utf-8")) for path in FILES), *BLOCKS]


@pytest.fixture(scope="module")
def validate() -> Any:
    return fastjsonschema.compile(build_schema(), use_default=False)


def test_the_committed_schema_is_up_to_date(linkspan: Any) -> None:
    committed = json.loads((ROOT / "docs" / "linkspan.schema.json").read_text("utf-8"))
    how = "run 'linkspan schema > docs/linkspan.schema.json'"
    assert committed == build_schema(), how
    assert json.loads(linkspan("schema").out) == committed


def test_the_page_of_settings_is_up_to_date(linkspan: Any) -> None:
    committed = (ROOT / "docs" / "settings.md").read_text("utf-8")
    how = "run 'linkspan schema --markdown > docs/settings.md'"
    assert linkspan("schema", "--markdown").out == committed, how
    for part, values in TrainSettings():
        section = committed.split(f"\n## [train.{part}]\n")[1].split("\n## ")[0]
        for key, default in values:
            assert f"| `{key}` | `{json.dumps(default)}` | " in section


@pytest.mark.parametrize("text", [d[1] for d in DOCUMENTS], ids=[d[0] for d in DOCUMENTS])
def test_what_we_show_is_valid(validate: Any, text: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LINKSPAN_DATA", str(ROOT))
    tables = tomllib.loads(text)
    validate(tables)
    if {"items", "interactions"} <= tables.keys():  # a whole mapping, not a part of one
        mapping_from_tables({k: v for k, v in tables.items() if k in TABLES}, ROOT)


def test_all_kinds_of_example_are_there() -> None:
    assert {name.split()[0] for name, _ in DOCUMENTS} >= {"goodbooks", "README.md", "mapping.md"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("[users]", "[user]", "must not contain {'user'} properties"),
        ('id = "book_id"', 'idd = "book_id"', "data.items[0] must contain ['id'] properties"),
        ('type = "integer"', 'type = "int"', "cannot be validated by any definition"),
        ("shared = true", 'shared = "yes"', "must be boolean"),
        ('unit = "position"', 'unit = "seconds"', "must be one of"),
        ("[users]", "[train.learning]\ndropout = 1.0\n[users]", "must be smaller than 1.0"),
        ("[users]", "[ingest]\nduplicates = 'skip'\n[users]", "must be one of"),
    ],
)
def test_mistakes_are_not(validate: Any, old: str, new: str, message: str) -> None:
    text = BUNDLED.read_text("utf-8")
    assert old in text
    with pytest.raises(fastjsonschema.JsonSchemaException) as raised:
        validate(tomllib.loads(text.replace(old, new, 1)))
    assert message in raised.value.message


def test_every_key_is_described() -> None:
    schema = build_schema()
    tables = {"": schema, **schema["definitions"]}
    bare = [
        f"{name}.{key}"
        for name, table in tables.items()
        for key, entry in table["properties"].items()
        if not entry.get("description")
    ]
    assert bare == []
