"""The mapping: what may stand in it, what it says of mistakes, and the roles it gives."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import pytest

from linkspan.errors import ConfigError, DataError
from linkspan.graph.conditions import Condition
from linkspan.graph.roles import InteractionRole, RelationRole
from linkspan.ingest import mapping_from_tables
from linkspan.ingest.mapping.names import domain_label
from linkspan.ingest.roles import find_roles

MISTAKES = [
    (
        'id = "thing"',
        'idd = "thing"',
        "[[items]] 1: there is no key 'idd'. Perhaps 'id' is meant.",
    ),
    (
        'weight = "times"',
        'strength = "times"',
        "[[relations]] 1: there is no key 'strength'. Known keys: columns, delimiter, encoding, "
        "escape, file, format, integer_ids, properties, quote, source, target, type, weight.",
    ),
    (
        "shared = true",
        "shard = true",
        "[users]: there is no key 'shard'. Perhaps 'shared' is meant.",
    ),
    (
        "[[interactions]]",
        "[[interaction]]",
        "the mapping: there is no key 'interaction'. Perhaps 'interactions' is meant.",
    ),
    ('user = "person"\n', "", "[[interactions]] 1: key 'user' is missing. Add 'user = ...'."),
    (
        'type = "integer" } }\n\n[[items]]',
        'type = "int" } }\n\n[[items]]',
        "[[users.files]] 1, properties.age.type: 'int' is not allowed. Use one of 'text', "
        "'category', 'integer', 'number', 'boolean', 'date', 'time', 'list', 'image'.",
    ),
    (
        'unit = "s"',
        'unit = "seconds"',
        "[[interactions]] 1, at.unit: 'seconds' is not allowed. Use one of 'position', 's', 'ms', "
        "'us', 'ns', 'iso'.",
    ),
    (
        'unit = "s"',
        'unite = "s"',
        "[[interactions]] 1, at: there is no key 'unite'. Perhaps 'unit' is meant.",
    ),
    (
        "shared = true",
        'shared = "perhaps"',
        "[users], shared: input should be a valid boolean, unable to interpret input "
        "(found 'perhaps'). Give true or false.",
    ),
    (
        'file = "bought.csv"',
        'file = ["bought.csv", "more.csv"]',
        "[[interactions]] 1, file: input should be a valid string (found ['bought.csv', "
        "'more.csv']). Give one path; with * in it, such as 'events/*.csv', it stands for all "
        "files that match.",
    ),
    (
        'unit = "s" }',
        "unit = 5 }",
        "[[interactions]] 1, at.unit: 5 is not allowed. Use one of 'position', 's', 'ms', "
        "'us', 'ns', 'iso'.",
    ),
    (
        'type = "BOUGHT"',
        'type = "BOUGHT`]-(x)"',
        "[[interactions]] 1, type: a relationship type begins with a letter and has letters, "
        "digits and '_' only, not 'BOUGHT`]-(x)'",
    ),
    (
        'type = "BOUGHT"',
        'type = "RECOMMENDED"',
        "[[interactions]] 1, type: a relationship type 'RECOMMENDED' is reserved: BulkLoad, "
        "Entity, FEEDBACK, Forgotten, ForgottenKey, Item, Lease, LoadedFile, RECOMMENDED, "
        "Run, SAME_AS, SIMILAR, User, UserKey",
    ),
    (
        'entity = "Maker"',
        'entity = "User"',
        "[[items]] 1, relations 1.entity: a label 'User' is reserved: BulkLoad, Entity, FEEDBACK, "
        "Forgotten, ForgottenKey, Item, Lease, LoadedFile, RECOMMENDED, Run, SAME_AS, "
        "SIMILAR, User, UserKey",
    ),
    (
        "price = {",
        "key = {",
        "[[items]] 1, properties.key: a property 'key' is reserved: domain, embedding, "
        "feedback_at, id, key, name, run, text_hash_a, text_hash_b, text_vector_a, text_vector_b, "
        "vector_a, vector_b",
    ),
    (
        'text = ["title", "makers"]',
        'text = ["titel"]',
        "[[items]] 1: text 'titel' is not a property of these items (they have: title, makers, "
        "price, fresh)",
    ),
    (
        '"rating >= 4"',
        '"rating > = 4"',
        "[[interactions]] 1, positive: 'rating > = 4': = 4 is no value. Put text into quotes.",
    ),
    (
        '"rating >= 4"',
        '"stars >= 4"',
        "[[interactions]] 1: positive compares 'stars' with a number, and these interactions have "
        "no such property (at is a number, rating is a number, weight is a number)",
    ),
    (
        '"rating >= 4"',
        '"rating = good"',
        "[[interactions]] 1: positive compares 'rating' with text, and these interactions have no "
        "such property (at is a number, rating is a number, weight is a number)",
    ),
    (
        '"rating >= 4"',
        "\"rating > 'a'\"",
        "[[interactions]] 1, positive: \"rating > 'a'\" asks for text beyond another, and feedback "
        "could not say which. Compare with =, !=, >= or <=.",
    ),
    (
        'at = { column = "when", unit = "s" }',
        "repeat = true",
        "[[interactions]] 1: 'repeat = true' tells events apart by time, so 'at' is needed too",
    ),
    (
        '["food", "kitchen-ware"]',
        '["kitchen ware", "kitchen-ware"]',
        "the mapping: label 'KitchenWare' would stand for domain kitchen ware and domain "
        "kitchen-ware",
    ),
    (
        '["food", "kitchen-ware"]',
        '["food", "maker"]',
        "the mapping: label 'Maker' would stand for domain maker and entity Maker",
    ),
    (
        'type = "BOUGHT_WITH"',
        'type = "BOUGHT"',
        "the mapping: relationship type 'BOUGHT' would stand for a relation and an interaction",
    ),
    (
        'source = { item = "one", domain = "food" }',
        'source = { item = "one", user = "one" }',
        "[[relations]] 1, source: an end has exactly one of 'item', 'user' and 'entity'",
    ),
    (
        'source = { item = "one", domain = "food" }',
        'source = { entity = "one" }',
        "[[relations]] 1, source: 'entity' and 'kind' go together",
    ),
    (
        'domain = { column = "shelf", values = ["food", "kitchen-ware"] }',
        'domain = { values = ["food"] }',
        "[[items]] 1, domain: a domain is either a name or { column = ... }",
    ),
    (
        "shared = true",
        "shared = false",
        "the mapping: [[users.files]] 1 needs 'domain', as [users] does not say 'shared = true'",
    ),
    (
        'makers = { column = "makers", split = "|" }',
        'makers = { column = "makers", split = "|", type = "boolean" }',
        "[[items]] 1, properties.makers: 'split' makes lists of text or numbers, so type 'boolean' "
        "cannot go with it",
    ),
]


@pytest.mark.parametrize(("right", "wrong", "message"), MISTAKES, ids=[m[1] for m in MISTAKES])
def test_a_mistake_is_named_with_its_place(shop: Any, right: str, wrong: str, message: str) -> None:
    shop.remap(right, wrong)
    with pytest.raises(ConfigError) as raised:
        shop.mapping() if "[[interaction]]" not in wrong else mapping_from_tables(
            tomllib.loads(shop.toml), shop.folder
        )
    assert str(raised.value) == message


def test_roles(shop: Any) -> None:
    roles = find_roles(shop.mapping())
    assert roles.domains == {"food": "Food", "kitchen-ware": "KitchenWare"}
    assert roles.text == ("title", "makers")
    assert roles.entities == ("Maker",)
    assert roles.interactions == (
        InteractionRole(
            type="BOUGHT",
            at="at",
            weight="weight",
            positive=Condition(property="rating", operator=">=", value=4),
        ),
    )
    assert roles.relations == (
        RelationRole(type="MADE_BY", source="item", target="Maker"),
        RelationRole(type="BOUGHT_WITH", source="item", target="item", weight="weight"),
    )


def test_without_values_the_files_tell_the_domains(shop: Any) -> None:
    shop.remap(', values = ["food", "kitchen-ware"]', "")
    assert set(find_roles(shop.mapping()).domains) == {"food", "kitchen-ware"}
    shop.replace("things.csv", "2,food", "2,Food")
    with pytest.raises(DataError, match=r"'food' and 'Food' would both have the label 'Food'"):
        find_roles(shop.mapping())


def test_a_constant_domain_needs_no_file() -> None:
    tables = {
        "items": [{"file": "a.csv", "id": "i", "domain": "food"}],
        "interactions": [{"file": "b.csv", "type": "LIKED", "user": "u", "item": "i"}],
    }
    roles = find_roles(mapping_from_tables(tables, Path("nowhere")))
    assert roles.domains == {"food": "Food"}
    assert roles.interactions == (InteractionRole(type="LIKED", at=None),)


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("science-fiction", "ScienceFiction"),
        ("food & drink", "FoodDrink"),
        ("3d printing", "3dPrinting"),
        ("CDs_and_vinyl", "CDsAndVinyl"),
        ("écrits", "Écrits"),
        ("電影", "電影"),
    ],
)
def test_labels_of_domains(name: str, label: str) -> None:
    assert domain_label(name) == label


@pytest.mark.parametrize("name", ["", " ", "--", "a/b", "user", "Item", "entity"])
def test_names_that_are_no_domain(name: str) -> None:
    with pytest.raises(ValueError, match="domain"):
        domain_label(name)


@pytest.mark.parametrize(
    ("old", "new", "says"),
    [
        *(
            ('entity = "Maker"', f'entity = "{kind}"', f"a label '{kind}' is reserved")
            for kind in ("user", "ITEM", "entity", "run", "lease", "Forgottenkey", "SIMILAR")
        ),
        *(
            ('type = "BOUGHT"', f'type = "{kind}"', f"a relationship type '{kind}' is reserved")
            for kind in ("recommended", "Same_As", "Feedback", "Item", "Run")
        ),
        ('entity = "Maker"', 'entity = "BOUGHT"',
         "name 'BOUGHT' would stand for an interaction and entity BOUGHT"),
        ('type = "MADE_BY"', 'type = "Food"', "name 'Food' would stand for a relation and domain"),
        *(
            ("price = {", f"{name} = {{", f"a property '{name}' is reserved")
            for name in ("vector_a", "text_hash_b", "feedback_at")
        ),
        *(
            ("source = { item = \"one\", domain = \"food\" }",
             f'source = {{ entity = "one", kind = "{kind}" }}', f"a label '{kind}' is reserved")
            for kind in ("User", "item", "LOADEDFILE")
        ),
        ("source = { item = \"one\", domain = \"food\" }",
         'source = { entity = "one", kind = "my kind" }', "a label begins with a letter"),
        ('"kitchen-ware"]', '"kitchen-ware", "loadedfile"]', "which is reserved"),
    ],
)  # fmt: skip
def test_names_of_ours_are_refused_in_whatever_case(
    shop: Any, old: str, new: str, says: str
) -> None:
    shop.remap(old, new)
    with pytest.raises(ConfigError) as raised:
        shop.mapping()
    assert says in str(raised.value)


@pytest.mark.parametrize("kind", ["Users", "Userland", "RUNNER", "Similar"])
def test_names_that_are_only_like_ours_are_taken(shop: Any, kind: str) -> None:
    shop.remap('entity = "Maker"', f'entity = "{kind}"')
    assert shop.mapping().kinds == (kind,)
