"""Guesses what the files of a folder hold, from the names of files and columns and from values."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
import pandas as pd

from linkspan.errors import LinkspanError
from linkspan.ingest.mapping.names import (
    RESERVED_EDGE_PROPERTIES,
    RESERVED_PROPERTIES,
    domain_label,
    relation_type,
)
from linkspan.ingest.proposing.peek import Peek
from linkspan.ingest.proposing.ratings import Rating, read_scale, read_verdict
from linkspan.ingest.proposing.times import read_times

Kind = Literal["items", "users", "interactions", "relations"]

_USER = re.compile(
    r"(user|customer|client|reader|member|person|account|visitor|reviewer)"
    r"(_?(id|key|no|number))?|uid"
)
_ITEM = re.compile(
    r"(item|product|book|movie|film|article|track|song|game|recipe|business|show)"
    r"(_?(id|key|no|number))?"
    r"|iid|sku|asin|isbn"
)
_ID = re.compile(r"id|key|code")
_DOMAIN = re.compile(r"domain|vertical|shop|shelf")
_TIME = re.compile(r"timestamp|time|at|ts|date|datetime|when|position|\w+_(at|on|date|time)")
_RATING = re.compile(r"(\w+_)?(rating|stars|score|rate|grade)|overall")
_LIKED = re.compile(r"((is|was|has)_)?(like|likes|liked|recommended|thumbs_up)")
_WEIGHT = re.compile(r"weight|count|quantity|amount|plays|times")
_LONGEST = 60  # characters of a property, and room for more
_TITLE = ("title", "name", "label")
_PAIRS = (("source", "target"), ("from", "to"), ("head", "tail"), ("one", "other"))
_ROLE_WORDS = {
    "users": {"user", "users", "people", "persons", "customers", "readers", "members"},
    "items": {"item", "items", "products", "catalog", "catalogue"},
    "interactions": {
        *("interactions", "interaction", "events", "event", "ratings", "rating", "purchases"),
        *("clicks", "views", "reviews", "likes", "saves", "orders", "plays", "log", "history"),
        *("bought", "saved", "rated", "to", "read"),
    },
    "relations": {"relations", "relation", "related", "links", "edges"},
}
_TYPES = {
    **dict.fromkeys(("ratings", "rating", "rated"), "RATED"),
    **dict.fromkeys(("purchases", "orders", "bought"), "BOUGHT"),
    **dict.fromkeys(("saves", "saved", "read"), "SAVED"),
    **{"clicks": "CLICKED", "views": "VIEWED", "reviews": "REVIEWED", "likes": "LIKED"},
    "plays": "PLAYED",
}
ENTITIES = {
    **dict.fromkeys(("author", "authors", "writer", "writers"), ("WRITTEN_BY", "Author")),
    **dict.fromkeys(("genre", "genres"), ("IN_GENRE", "Genre")),
    **dict.fromkeys(("category", "categories"), ("IN_CATEGORY", "Category")),
    **dict.fromkeys(("tag", "tags", "keywords"), ("TAGGED", "Tag")),
    **dict.fromkeys(("maker", "manufacturer", "makers"), ("MADE_BY", "Maker")),
    **dict.fromkeys(("director", "directors"), ("DIRECTED_BY", "Director")),
    **dict.fromkeys(("actor", "actors", "cast"), ("PLAYED_BY", "Actor")),
    **dict.fromkeys(("artist", "artists"), ("PERFORMED_BY", "Artist")),
    **{"brand": ("OF_BRAND", "Brand"), "publisher": ("PUBLISHED_BY", "Publisher")},
    "series": ("IN_SERIES", "Series"),
}
"""Columns of items that become nodes of their own: relationship type and label."""


@dataclass
class Guess:
    """Guess at what a file holds.

    Attributes:
        peek: The file.
        kind: The table of the mapping that it goes to.
        id: Column with the id; for items and users.
        user: Column with the user; for interactions.
        item: Column with the item; for interactions.
        domain: Name of the domain, or ``{column}``; None where nothing says it.
        time: Column and unit.
        ends: Columns of the two ends; for relations.
        type: Relationship type.
        sure: Key of the mapping to the reason why its value is a guess.
        integer_ids: Columns with ids that all end in ``.0``; in the peek, they do not any more.
    """

    peek: Peek
    kind: Kind
    id: str = ""
    user: str = ""
    item: str = ""
    domain: str | None = None
    domain_column: str | None = None
    time: tuple[str, str] | None = None
    ends: tuple[str, str] = ("", "")
    type: str = ""
    guesses: dict[str, str] = field(default_factory=dict)
    integer_ids: list[str] = field(default_factory=list)

    @property
    def taken(self) -> set[str]:
        """Columns that have a role already."""
        named = {self.id, self.user, self.item, self.domain_column or "", *self.ends}
        return named | ({self.time[0]} if self.time else set())


def guess(peek: Peek, fallback: str) -> Guess | str:
    """Guess what a file holds.

    Args:
        peek: The file.
        fallback: Name of the domain where nothing says it.

    Returns:
        The guess, or in words why there is none.
    """
    user, item = _column(peek, _USER), _column(peek, _ITEM)
    ends = _ends(peek)
    words = set(peek.words)
    if ends:
        made = Guess(peek, "relations", ends=ends)
        _name_relation(made)
    elif user and item:
        made = Guess(peek, "interactions", user=user, item=item)
        made.time = _time(made)
        _name_interaction(made)
    else:
        plain = _column(peek, _ID)
        # 'id' goes before 'isbn', but not before 'item_id'.
        item = item if plain == "" or item.lower().endswith("id") else plain
        if user or (plain and words & _ROLE_WORDS["users"]):
            made = Guess(peek, "users", id=user or plain)
        elif item and (item != plain or words & _ROLE_WORDS["items"] or _title(peek)):
            made = Guess(peek, "items", id=item)
        else:
            return (
                f"{peek.file} (columns {', '.join(peek.columns)}): name its id column 'id', "
                "'item_id' or 'user_id', or write its table by hand (docs/mapping.md)"
            )
    _find_domain(made, fallback)
    _find_integer_ids(made)
    return made


def items_of_events(guesses: list[Guess], fallback: str) -> list[Guess]:
    """Items that only the events name, a table for each file of interactions.

    Args:
        guesses: None of them is a file of items; interactions in no domain get ``fallback``.
        fallback: Name of the domain where nothing says it.
    """
    items = []
    for made in guesses:
        if made.kind == "interactions":
            if made.domain is None and not made.domain_column:
                made.domain = fallback
            why = {**made.guesses, "items": "no file of items is here, so what these events name"}
            items.append(replace(made, kind="items", id=made.item, guesses=why))
    return items


def properties(made: Guess) -> dict[str, tuple[str, str, str]]:
    """Columns without another role, as properties.

    Returns:
        Property to column, type and what splits it, the last two empty where there is none; the
        title of an item first.
    """
    found: dict[str, tuple[str, str, str]] = {}
    title = _title(made.peek) if made.kind == "items" else None
    if title and title not in made.taken:
        found["title"] = (title, "", "")
    is_edge = made.kind in ("interactions", "relations")
    reserved = RESERVED_EDGE_PROPERTIES if is_edge else RESERVED_PROPERTIES
    for column in (*made.peek.columns, *made.peek.lists):
        name = re.sub(r"\W+", "_", column.strip().lower()).strip("_")[:_LONGEST].strip("_")
        if column in made.taken or column == title or not name or name[0].isdigit():
            continue
        name = f"{name}_" if name in reserved else name
        if name in found:
            continue
        if column in made.peek.lists:
            found[name] = (column, "list", "")
        elif len(values := made.peek.values(column)):
            found[name] = (column, _type(values), splits(column, values))
    return found


def splits(column: str, values: pd.Series[str]) -> str:
    """Mark between several values in the cells of a column; empty where each has one."""
    several = plain(column).endswith("s") and plain(column) in ENTITIES
    for mark in ("|", ";"):  # in 'authors' one cell with it is enough: few books have several
        share = values.str.contains(mark, regex=False).mean()
        if share >= 0.05 or (several and share > 0):
            return mark
    return "," if several and values.str.contains(",").mean() >= 0.2 else ""


def rating(made: Guess) -> Rating | None:
    """The property that holds a rating, and what its values seem to mean."""
    for name, (column, kind, _) in properties(made).items():
        judges = _RATING.fullmatch(plain(column)) or _LIKED.fullmatch(plain(column))
        if judges and kind == "boolean":
            return read_verdict(name, made.peek.values(column))
        if _RATING.fullmatch(plain(column)) and kind in ("integer", "number"):
            return read_scale(name, made.peek.values(column))
    return None


def weight(made: Guess) -> str | None:
    """The column that says how much a row counts."""
    column = _column(made.peek, _WEIGHT)
    if not column or column in made.taken:
        return None
    values = made.peek.values(column)
    numeric = _type(values) in ("integer", "number") and values.astype(float).min() >= 0
    return column if numeric else None


def repeats(made: Guess) -> bool:
    """Tell whether a user meets an item more than once."""
    columns = [made.user, made.item, *([made.domain_column] if made.domain_column else [])]
    rows = made.peek.rows[columns]
    return made.time is not None and bool(rows.duplicated().any())


def plain(column: str) -> str:
    """A column's name, or a key, as the lists above have it."""
    return re.sub(r"[\W_]+", "_", re.sub(r"(?<=[a-z])(?=[A-Z])", "_", column)).strip("_").lower()


def _column(peek: Peek, wanted: re.Pattern[str]) -> str:
    """The first column of such a name, one without gaps before others; none that is empty."""
    named = [name for name in peek.columns if wanted.fullmatch(plain(name))]
    filled = {name: len(peek.values(name)) for name in named}
    able = [name for name in named if filled[name] or not len(peek.rows)]
    whole = [name for name in able if filled[name] == len(peek.rows)]
    return next(iter(whole or able), "")


def _title(peek: Peek) -> str | None:
    """The column with the title: that name, or one that ends in it."""
    for word in _TITLE:
        for name in peek.columns:
            if plain(name) == word or plain(name).endswith(f"_{word}"):
                return name
    return None


def _ends(peek: Peek) -> tuple[str, str] | None:
    names = {plain(name): name for name in peek.columns}
    for first, second in _PAIRS:
        for tail in ("", "_id", "_item", "_item_id", "_user", "_user_id"):
            if first + tail in names and second + tail in names:
                return names[first + tail], names[second + tail]
    for word in ("item", "user", "product"):
        for one, two in (("1", "2"), ("_1", "_2"), ("_a", "_b")):
            if word + one in names and word + two in names:
                return names[word + one], names[word + two]
    return None


def _time(made: Guess) -> tuple[str, str] | None:
    """The first column of times whose unit is told, and that unit."""
    for column in (name for name in made.peek.columns if _TIME.fullmatch(plain(name))):
        values = made.peek.values(column)
        if len(values) < len(made.peek.rows):
            unit, why = "", "gaps, and every event needs a time"
        elif not len(values):
            continue
        else:
            unit, why = read_times(values)
        if unit:
            made.guesses |= {"at": why} if why else {}
            return column, unit
        made.guesses.setdefault("no time", f"column '{column}' has {why}")
    return None


def _type(values: pd.Series[str]) -> str:
    if values.str.fullmatch(r"[+-]?(0|[1-9]\d{0,17})(\.0*)?").all():
        return "integer"
    if values.str.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?").all():
        # Numbers that begin with 0, such as post codes, are text, and so are those beyond a double.
        odd = values.str.match(r"0\d").any() or np.isinf(values.astype(float)).any()
        return "" if odd else "number"
    return "boolean" if values.str.lower().isin(["true", "false"]).all() else ""


def _name_interaction(made: Guess) -> None:
    known = [_TYPES[word] for word in made.peek.words if word in _TYPES]
    made.type = known[0] if known else "RATED" if _column(made.peek, _RATING) else "INTERACTED"
    if not known:
        made.guesses["type"] = "name it after what users do"


def _name_relation(made: Guess) -> None:
    words = [w for w in made.peek.words if w not in _ROLE_WORDS["relations"]]
    try:
        made.type = relation_type("_".join(words))
    except ValueError:
        made.type = "RELATED_TO"
    made.guesses["type"] = "name it after what the relation means"


def _find_integer_ids(made: Guess) -> None:
    for column in dict.fromkeys([made.id, made.user, made.item, *made.ends]):
        values = made.peek.values(column) if column else pd.Series(dtype=str)
        if len(values) and values.str.fullmatch(r"\d+\.0*").all():
            made.integer_ids.append(column)
            plain_ids = made.peek.rows[column].str.replace(r"\.0*$", "", regex=True)
            made.peek.rows[column] = plain_ids.str.replace(r"^0+(?=\d)", "", regex=True)


def _find_domain(made: Guess, fallback: str) -> None:
    column = _column(made.peek, _DOMAIN)
    if column and made.kind != "relations" and _are_domains(made.peek.rows[column]):
        made.domain_column = column
        return
    roles: set[str] = set().union(*_ROLE_WORDS.values())
    words = [word for word in made.peek.words if word not in roles]
    if words and made.kind != "relations":
        made.domain = "-".join(words)
        made.guesses["domain"] = "from the name of the file"
    elif made.kind == "items":
        made.domain = fallback
        made.guesses["domain"] = "from the name of the folder"
    if made.domain is not None and not _is_domain(made.domain):
        made.domain = "items"


def _are_domains(values: pd.Series[str]) -> bool:
    """Tell whether every row has the name of a domain, each with a label of its own."""
    names = values.unique().tolist()
    if not all(isinstance(name, str) and _is_domain(name) for name in names):
        return False
    return len(set(map(domain_label, names))) == len(names)


def _is_domain(name: str) -> bool:
    try:
        domain_label(name)
    except (ValueError, LinkspanError):
        return False
    return True


def toml(value: Any) -> str:
    """A value as TOML has it."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{key} = {toml(each)}" for key, each in value.items()) + " }"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(toml, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    # JSON's escapes are TOML's, apart from the one sign that JSON lets stand.
    return json.dumps(str(value), ensure_ascii=False).replace("\x7f", "\\u007f")


def bare(name: str) -> str:
    """A key of a TOML table, in quotes where it has to be."""
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else toml(name)
