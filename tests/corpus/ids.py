"""Ids and names with signs in them that mean something elsewhere."""

from __future__ import annotations

from unicodedata import normalize

from corpus.case import (
    WITHOUT_1,
    WITHOUT_3,
    Case,
    Damage,
    each,
    put,
    rejected,
    remap,
    swap,
    taken,
)
from corpus.shop import PEOPLE, Shop

SIGNS = {
    "a quote": "o'neil",
    "double quotes": 'a "b" c',
    "a back-tick": "a`b``c",
    "a backslash": "a\\b\\",
    "a slash": "books/1",
    "emoji": "👩\u200d🍳🍲",
    "text from right to left": "\u202eمستخدم",
    "Cypher": "x'}) MATCH (n) DETACH DELETE n //",
    "Cypher in back-ticks": "`) DETACH DELETE (`",
    "a parameter": "$id",
    "a map": "{id: 1}",
    "a pattern": "%s %(id)s {0}",
    "a path": "../../etc/passwd",
    "HTML": "<script>alert(1)</script>",
    "a label": ":User:Item",
    "a comma": "a,b;c|d",
    "a line end": "a\nb",
    "a tab": "a\tb",
    "a control sign": "a\x07b",
    "a space that does not break": "a\xa0b",
    "a zero-width space": "a\u200bb",
    "the name of nothing": "null",
    "not a number": "NaN",
    "a truth value": "true",
    "zero": "0",
    "zeros before it": "007",
    "a number beyond all bounds": "9" * 40,
    "an exponent": "1e5",
    "a formula": "=1+1",
    "a letter in two parts": normalize("NFD", "zoë"),
    "250 letters": "x" * 250,
}
"""What may be in an id."""


def _quoted(value: str) -> str:
    return '"' + value.replace('"', '""') + '"'


def _everywhere(value: str) -> Damage:
    """An item, a user and an entity with one odd id or name."""

    def damage(shop: Shop) -> None:
        odd = _quoted(value)
        for name, old, new in (
            (
                "things.csv",
                "3,kitchen-ware,Wok,,",
                f"{odd},kitchen-ware,Wok,{odd.replace('|', '')},",
            ),
            ("bought.csv", "ann,3", f"{odd},{odd}"),
            ("with.csv", "1,3", f"1,{odd}"),
            ("with.csv", "2,3", f"2,{odd}"),
        ):
            shop.replace(name, old, new)

    return damage


def _sign(name: str, value: str) -> Case:
    return taken(
        f"an id with {name}",
        _everywhere(value),
        "MATCH (u:User {id: $met})-[:BOUGHT]->(i:Item {id: $met})-[:MADE_BY]->(e:Maker) "
        "RETURN count(*) AS found",
        1,
        met=normalize("NFC", value),
    )


def _unlisted(domain: str) -> Damage:
    """No domains are listed, and one item has this one."""
    return each(
        remap(', values = ["food", "kitchen-ware"]', ""),
        swap("things.csv", "3,kitchen-ware", f"3,{_quoted(domain)}"),
    )


def _domain(name: str, value: str, says: str) -> Case:
    return rejected(
        name,
        _unlisted(value),
        says,
        also=WITHOUT_3,
    )


def _good_domain(name: str, value: str, label: str) -> Case:
    return taken(
        name,
        each(
            _unlisted(value),
            put("with.csv", "one,other,times\n"),
        ),
        f"MATCH (i:`{label}` {{id: '3'}}) RETURN i.domain AS found",
        value,
        BOUGHT_WITH=0,
    )


CASES: list[Case] = [
    *(_sign(name, value) for name, value in SIGNS.items()),
    rejected("an id of 10,000 letters", swap("bought.csv", "bob,", "b" * 10_000 + ","),
          "DIR/bought.csv, line 4, column 'person': the id is longer than 1,000 characters "
          "(found 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb...'). Look "
          "whether the mapping names the right column."),
    rejected("an item id of 10,000 letters", swap("things.csv", "3,kitchen", "3" * 10_000 +
             ",kitchen"),
          "DIR/things.csv, line 4, column 'thing': the id is longer than 1,000 characters "
          "(found '333333333333333333333333333333333333333333333333333333333...'). Look "
          "whether the mapping names the right column.", also=WITHOUT_3),
    rejected("a name of 10,000 letters", swap("things.csv", "Mae Ploy|", "M" * 10_000 + "|"),
          "DIR/things.csv, line 2, column 'makers': the id is longer than 1,000 characters "
          "(found 'MMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMMM...'). Look "
          "whether the mapping names the right column.",
             also=WITHOUT_1),
    rejected("an id that is a parameter of ours", swap("bought.csv", "bob,", "$rows,"),
          "DIR/bought.csv, line 4, column 'person': ArcadeDB takes this id for a parameter (found "
          "'$rows'). Rename it."),
    taken("ids in two forms of Unicode", each(put("people.csv", PEOPLE +
          normalize("NFD", "zoë") + ",4\n"), swap("bought.csv", "bob,2", normalize("NFC", "zoë") +
          ",2")),
          "MATCH (u:User {id: 'zo\u00eb'})-[r:BOUGHT]->() RETURN u.age AS found", 4, User=3),
    taken("a byte order mark before an id, where files were joined",
          swap("bought.csv", "bob,2", "\ufeffbob,2"),
          "MATCH (u:User {id: 'bob'})-[r:BOUGHT]->() RETURN count(r) AS found", 1),
    _domain("a domain with a slash", "fo/od",
          "DIR/things.csv, line 4, column 'shelf': the name of a domain has no '/' in it, "
          "not 'fo/od' (found 'fo/od'). Mend it, or list it in the 'values' of 'domain' in "
          "the mapping."),
    _domain("a domain with a reserved name", "user",
          "DIR/things.csv, line 4, column 'shelf': domain 'user' would have the label "
          "'User', which is reserved (found 'user'). Mend it, or list it in the 'values' of "
          "'domain' in the mapping."),
    _domain("a domain like another", "Food",
          "DIR/things.csv, line 4, column 'shelf': label 'Food' would stand for domain food "
          "and domain Food (found 'Food'). Rename one of them."),
    _good_domain("a domain that is Cypher", "`) DETACH DELETE (n", "DETACHDELETEN"),
    _domain("a domain of signs only", "!!!",
          "DIR/things.csv, line 4, column 'shelf': the name of a domain needs a letter or "
          "digit, not '!!!' (found '!!!'). Mend it, or list it in the 'values' of 'domain' "
          "in the mapping."),
    _good_domain("a domain that begins with a digit", "3d", "3d"),
    _domain("a domain of emoji", "🍲",
          "DIR/things.csv, line 4, column 'shelf': the name of a domain needs a letter or "
          "digit, not '🍲' (found '🍲'). Mend it, or list it in the 'values' of 'domain' in "
          "the mapping."),
]  # fmt: skip
