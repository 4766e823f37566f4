"""Proposes roles for an existing graph: an ``[adopt]`` table with its guesses marked."""

from __future__ import annotations

import re
import tomllib
from dataclasses import dataclass

from linkspan.errors import LinkspanError
from linkspan.graph.adopting.inspecting import OUR_LABELS, OURS, Label, Picture, Property
from linkspan.graph.conditions import Condition
from linkspan.ingest.mapping.adoption import adoption_from_tables
from linkspan.ingest.proposing.guess import bare, toml

_USERS = re.compile(
    r"(user|person|people|customer|reader|member|account|visitor|reviewer|player|buyer)s?", re.I
)
_EVENTS = re.compile(
    r".*(RATED|RATES|BOUGHT|PURCHASED|ORDERED|VIEWED|WATCHED|CLICKED|LIKE[DS]|SAVED|REVIEWED|READ"
    r"|LISTENED|PLAYED|INTERACTED|CONSUMED|VISITED|HAS_BOUGHT).*",
    re.I,
)
_TIMES = re.compile(r".*(time|timestamp|date|_at|at|when|on|since|created|ts)", re.I)
_RATING = re.compile(r"(rating|stars|score|rate|grade)", re.I)
_LIKED = re.compile(r"like[sd]?|recommended|rating", re.I)
_TITLE = re.compile(r"(title|name|label|heading|.*_title|.*_name|.*Title|.*Name)")
_KEY = re.compile(r".*(id|key|code|isbn|asin|sku|uri|url|slug|nr|number)", re.I)


@dataclass(frozen=True)
class RoleProposal:
    """Roles for a graph.

    Attributes:
        text: The ``[adopt]`` table; all of it comments where it would not be taken.
        users: Label of the users, or None where none was found.
        interactions: Types from users to items.
        domains: Labels of the items.
        open: In words, what could not be told.
    """

    text: str
    users: str | None
    interactions: list[str]
    domains: list[str]
    open: list[str]


def propose_roles(picture: Picture) -> RoleProposal:
    """Guess which labels are users, items and entities, and which types are interactions."""
    notes: list[str] = []
    arrows = [
        (kind, join.source, join.target, join.count)
        for kind, read in picture.types.items()
        if kind not in OURS
        for join in read.joins
        if join.source and join.target
    ]
    users = _users(arrows)
    if users is None:
        notes.append("no label looks like users: none begins relationships such as RATED or BOUGHT")
        return RoleProposal("", None, [], [], notes)
    starting = {kind for kind, source, target, _ in arrows if source == users != target}
    kinds = sorted(kind for kind in starting if _EVENTS.fullmatch(kind))
    if not kinds:
        most = max((arrow for arrow in arrows if arrow[0] in starting), key=lambda arrow: arrow[3])
        kinds = [most[0]]
    domains = sorted({t for kind, source, t, _ in arrows if kind in kinds and source == users})
    kept, types = [], picture.types
    for kind in kinds:
        joined = {(join.source, join.target) for join in types[kind].joins}
        if joined <= {(users, domain) for domain in domains}:
            kept.append(kind)
        else:
            notes.append(f"{kind} joins other labels too, so it is no interaction")
    text = _Table(picture, users, domains, kept, arrows, notes).write()
    try:
        adoption_from_tables(tomllib.loads(text))
    except LinkspanError as error:
        notes.append(f"the roles are not whole yet: {error}")
        text = "".join(f"# {line}\n" for line in text.splitlines())
    return RoleProposal(text, users, kept, domains, notes)


def _users(arrows: list[tuple[str, str, str, int]]) -> str | None:
    """The label that most relationships with a telling name start at, or with a telling label."""
    score: dict[str, float] = {}
    for kind, source, target, count in arrows:
        if source != target and (_USERS.fullmatch(source) or _EVENTS.fullmatch(kind)):
            telling = bool(_USERS.fullmatch(source)) + 2 * bool(_EVENTS.fullmatch(kind))
            score[source] = score.get(source, 0) + count * telling
    return max(score, key=lambda label: (score[label], label)) if score else None


class _Table:
    """Writes the ``[adopt]`` table."""

    def __init__(
        self,
        picture: Picture,
        users: str,
        domains: list[str],
        kinds: list[str],
        arrows: list[tuple[str, str, str, int]],
        notes: list[str],
    ) -> None:
        self._picture, self._users, self._domains = picture, users, domains
        self._kinds, self._arrows, self._notes = kinds, arrows, notes

    def write(self) -> str:
        lines = ["# Roles for this graph; docs/adopt.md describes every key."]
        lines += ["# Where a line says 'guess', look at it.", "", "[adopt.users]"]
        lines += [f"label = {toml(self._users)}   # guess", self._key(self._users)]
        for label in self._domains:
            lines += ["", f"[adopt.domains.{bare(_domain(label))}]", f"label = {toml(label)}"]
            lines += [self._key(label), *self._text(label)]
        for kind in self._kinds:
            lines += ["", "[[adopt.interactions]]", f"type = {toml(kind)}   # guess"]
            lines += self._event(kind)
        entities, relations = self._others()
        for label in entities:
            lines += ["", f"[adopt.entities.{bare(_kind(label))}]"]
            lines += [f"label = {toml(label)}", self._key(label)]
            if name := self._name(self._picture.labels[label]):
                lines.append(f"name = {toml(name)}   # guess")
        for kind, source, target in relations:
            lines += ["", "[[adopt.relations]]", f"type = {toml(kind)}"]
            lines += [f"source = {toml(source)}", f"target = {toml(target)}"]
        return "\n".join(lines) + "\n"

    def _key(self, label: str) -> str:
        """The property that tells the nodes of a label apart."""
        properties = self._picture.labels[label].properties
        able = [
            name
            for name, found in properties.items()
            if found.filled == found.different == 1.0 and found.types in (["STRING"], ["INTEGER"])
        ]
        if not able:
            self._notes.append(
                f"no property tells all nodes labelled {label} apart: give each one of its own"
            )
            return 'key = "?"   # no property here is on every node, and differs on all'
        best = min(able, key=lambda name: (not _KEY.fullmatch(name), len(name), name))
        others = f"; {', '.join(name for name in able if name != best)} would do too"
        return f"key = {toml(best)}   # guess{others if len(able) > 1 else ''}"

    def _name(self, label: Label) -> str | None:
        """The property that a person reads."""
        able = [name for name, found in label.properties.items() if found.types == ["STRING"]]
        titled = [name for name in able if _TITLE.fullmatch(name)]
        return min(titled, key=lambda name: (len(name), name)) if titled else None

    def _text(self, label: str) -> list[str]:
        read = self._picture.labels[label]
        title = self._name(read)
        long = [
            name
            for name, found in read.properties.items()
            if found.types == ["STRING"] and found.length > 40 and not _KEY.fullmatch(name)
        ]
        lines = [f"title = {toml(title)}   # guess"] if title else []
        if not title:
            self._notes.append(f"no property of {label} looks like a title")
        if long:
            text = [*([title] if title else []), *(name for name in long if name != title)]
            lines.append(f"text = {toml(text)}   # guess: long enough to say what an item is")
        return lines

    def _event(self, kind: str) -> list[str]:
        lines = []
        properties = self._picture.types[kind].properties
        at = [name for name, found in properties.items() if _is_time(name, found)]
        if at:
            lines.append(f"at = {toml(at[0])}   # guess")
        else:
            self._notes.append(f"{kind} has no property that looks like a time")
        for name, found in properties.items():
            if _RATING.fullmatch(name) and set(found.types) <= {"INTEGER", "FLOAT"}:
                condition = Condition(property=name, operator=">=", value=4)
                lines.append(f"# positive = {toml(str(condition))}   # if low values mean dislike")
            elif _LIKED.fullmatch(name) and found.types == ["BOOLEAN"]:
                condition = Condition(property=name, operator="==", value=True)
                lines.append(f"# positive = {toml(str(condition))}   # if false means dislike")
        return lines

    def _others(self) -> tuple[list[str], list[tuple[str, str, str]]]:
        """Labels that items are tied to, and all types between labels with a role."""
        roles = {self._users, *self._domains}
        entities = []
        for kind, source, target, _ in self._arrows:
            for label, other in ((source, target), (target, source)):
                if (
                    label in roles
                    or label in entities
                    or label in OUR_LABELS
                    or kind in self._kinds
                ):
                    continue
                if other in self._domains:
                    entities.append(label)
        known = roles | set(entities)
        relations = [
            (kind, source, target)
            for kind, source, target, _ in self._arrows
            if kind not in self._kinds and {source, target} <= known
        ]
        return entities, relations


def _is_time(name: str, found: Property) -> bool:
    temporal = all("DATE" in kind for kind in found.types)
    return temporal or (found.types == ["INTEGER"] and bool(_TIMES.fullmatch(name)))


def _domain(label: str) -> str:
    """A name for a domain: ``PrintedBook`` becomes ``printed-book``."""
    words = re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[^\W_A-Z]+", label)
    return "-".join(word.lower() for word in words) or "items"


def _kind(label: str) -> str:
    """A name for a kind of entity: the label, in the form that a kind has."""
    name = re.sub(r"\W+", "_", label).strip("_")
    return name if name not in ("User", "Item", "Entity") else f"{name}Kind"
