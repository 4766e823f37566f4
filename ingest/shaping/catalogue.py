"""Items, users and entities declared so far, so that references can be checked."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import pyarrow as pa
import pyarrow.compute as pc

from linkspan.graph.users.forgetting import NOBODY
from linkspan.ingest.mapping.columns import Domain
from linkspan.ingest.mapping.names import domain_label, entity_key_prefix
from linkspan.ingest.readers.integer_ids import whole_number
from linkspan.ingest.shaping.codes import Codes, KeyCodes
from linkspan.ingest.shaping.convert import Rows, joined
from linkspan.ingest.shaping.links import Links
from linkspan.ingest.shaping.parse import Mask, mask
from linkspan.ingest.shaping.relation_types import TypeNames
from linkspan.ingest.shaping.targets import LinkTarget

_AMBIGUOUS = "*"


class Catalogue:
    """All keys met so far.

    Args:
        kinds: Labels of all entity kinds.
        listed_kinds: Those that have a file of their own; only these are checked.
        insert: Take items and entities that no file declares as declared by who refers to them.
        interactions: Types of the interactions, which no relation may have.

    Attributes:
        items: Keys of the items that a file declares.
        users: Keys of all users.
        entities: Kind to the keys of its entities.
        links: Which entities are items.
        types: Relationship types from columns.
        forgotten: Users whose rows are passed over.
    """

    def __init__(
        self,
        kinds: Iterable[str],
        listed_kinds: frozenset[str],
        *,
        insert: bool = False,
        interactions: Iterable[str] = (),
    ) -> None:
        self.items = KeyCodes()
        self.users = KeyCodes()
        self.entities: defaultdict[str, KeyCodes] = defaultdict(KeyCodes)
        self.listed_kinds = listed_kinds
        self.insert = insert
        self.links = Links()
        self._labels = {kind: f"entity {kind}" for kind in kinds}
        self._labels |= dict.fromkeys(interactions, "an interaction")
        self.types = TypeNames(self._labels)
        self.forgotten = NOBODY
        self._groups = KeyCodes()
        self._declared: defaultdict[str, int] = defaultdict(int)  # how many, by role
        self._ids = KeyCodes()
        self._domains: list[str] = []  # of each id; `_AMBIGUOUS` where it stands in several
        self._domain_array: pa.StringArray | None = None

    def add_items(self, ids: pa.StringArray, domains: pa.StringArray) -> Codes:
        """Declare items; returns the number of each key."""
        before = len(self.items)
        codes = self.items.add(joined(domains, ids))
        known = len(self._ids)
        places = self._ids.add(ids)
        for place, domain in zip(places.tolist(), domains.to_pylist(), strict=True):
            if place >= known and place == len(self._domains):
                self._domains.append(domain)
            elif self._domains[place] != domain:
                self._domains[place] = _AMBIGUOUS
        self._domain_array = None
        if len(self.items) > before:
            self._declared["item"] = len(self.items)
        return codes

    def add_entities(self, kind: str, keys: pa.StringArray) -> Codes:
        """Declare entities; returns the number of each key."""
        before = len(self.entities[kind])
        codes = self.entities[kind].add(keys)
        if len(self.entities[kind]) > before:
            self._declared[kind] = len(self.entities[kind])
        return codes

    def undeclared(self, role: str, keys: pa.StringArray) -> pa.StringArray:
        """Those of the keys whose nodes are made because rows refer to them, not by a file."""
        if role == "user" or (role != "item" and role not in self.listed_kinds):
            return keys
        if not self.insert:
            return keys[:0]
        codes = self.items if role == "item" else self.entities[role]
        found = codes.find(keys)
        return keys.filter(pa.array((found < 0) | (found >= self._declared[role])))

    def check_labels(self, rows: Rows, domains: pa.StringArray, column: str) -> None:
        """See that no two domains, and no domain and entity kind, have one label."""
        for name in pc.unique(domains.filter(pa.array(rows.good))).to_pylist():
            label, what = domain_label(name), f"domain {name}"
            other = self._labels.setdefault(label, what)
            if other != what:
                reason = f"label '{label}' would stand for {other} and {what}"
                rows.reject(mask(pc.equal(domains, name)), column, reason, "Rename one of them")

    def domains_of(self, rows: Rows, ids: pa.StringArray, column: str) -> pa.StringArray:
        """The domain of each item id; an id that is in none, or in several, is a problem."""
        if self._domain_array is None:
            self._domain_array = pa.array(self._domains, pa.string())
        places = self._ids.find(ids)
        hint = _unknown_item(ids, places < 0, self._ids)
        rows.reject(places < 0, column, "no items file has this item", hint, dangling=True)
        found = self._domain_array.take(pa.array(places, mask=places < 0))
        rows.reject(
            mask(pc.equal(found, _AMBIGUOUS)),
            column,
            "this item stands in several domains",
            "Say which with 'domain' in the mapping",
        )
        return found

    def item_keys(self, rows: Rows, column: str, domain: Domain | None) -> pa.StringArray:
        """Keys of items that a column refers to; an item that no file declares is a problem."""
        ids = rows.ids(column)
        if domain is None:
            return joined(self.domains_of(rows, ids, column), ids)
        domains = rows.domains(domain)
        keys = joined(domains, ids)
        if self.insert and domain.column is not None:
            self._check_domains(rows, domains, domain.column)
        if not self.insert:
            unknown = self.items.find(keys) < 0
            reason, hint = "no items file has this item", _unknown_item(ids, unknown, self._ids)
            rows.reject(unknown, column, reason, hint, dangling=True)
        return keys

    def _check_domains(self, rows: Rows, domains: pa.StringArray, column: str) -> None:
        known = pa.array(sorted(set(self._domains)), pa.string())
        unknown = ~mask(pc.is_in(domains, known))
        hint = "Add it there, or remove this row"
        rows.reject(unknown, column, "no items file has this domain", hint, dangling=True)

    def entity_keys(self, rows: Rows, column: str, kind: str) -> pa.StringArray:
        """Keys of entities that a column refers to, checked where a file lists the kind."""
        keys = pc.binary_join_element_wise(entity_key_prefix(kind), rows.ids(column), "")
        if kind in self.listed_kinds and not self.insert:
            rows.reject(
                self.entities[kind].find(keys) < 0,
                column,
                f"no entities file has this {kind}",
                "Add it there, or remove this row",
                dangling=True,
            )
        return keys

    def user_keys(self, rows: Rows, column: str, domains: pa.StringArray | None) -> pa.StringArray:
        """Keys of users that a column names; ``domains`` is None where users are shared."""
        ids = rows.ids(column)
        if domains is not None:
            return joined(domains, ids)
        rows.check_key(ids, column)
        return ids

    def group_codes(self, *parts: pa.StringArray) -> Codes:
        """Numbers of type, source role and target role of relations."""
        return self._groups.add(joined(*parts))

    def group(self, code: int) -> LinkTarget:
        """Target that the rows of a group become."""
        kind, source, target = self._groups.key(code).split("/")
        return LinkTarget(kind, source, target)

    def codes(self, role: str, keys: pa.StringArray) -> Codes:
        """Numbers of keys of a role (``item``, ``user`` or an entity kind); new ones get one."""
        if role == "item":
            return self.items.add(keys) if self.insert else self.items.find(keys)
        return self.users.add(keys) if role == "user" else self.entities[role].add(keys)

    def key(self, role: str, code: int) -> str:
        """The key with a number."""
        named = {"item": self.items, "user": self.users}
        return named.get(role, self.entities[role]).key(code)


def _unknown_item(ids: pa.StringArray, unknown: Mask, known: KeyCodes) -> str:
    """Hint on how to mend that items are not known, judged by the first of them."""
    hint = "Add it to an items file, or remove this row"
    first = next(iter(ids.filter(pa.array(unknown)).drop_null()[:1].to_pylist()), "")
    plain = whole_number(first)
    if plain not in (None, first) and known.find(pa.array([plain]))[0] >= 0:
        hint += f"; if it is {plain}, name the column in 'integer_ids'"
    return hint
