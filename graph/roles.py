"""Roles in the graph, and the labels, relationship types and properties that play them."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from linkspan.cypher import Names
from linkspan.graph.conditions import Condition


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class InteractionRole(_Frozen):
    """A relationship type from users to items that is an interaction.

    Attributes:
        type: Relationship type, such as ``SAVED``.
        at: Property that holds the time or position (an integer), or None: the history is a set.
        repeat: Whether a user and an item have one relationship for each time, not one in all.
        weight: Property that holds the weight, or None: every event weighs 1.
        positive: What makes an event positive, or None: every one is. One without the property is
            neither: known, and not learned from.
        otherwise: What an event is whose property says that it is not positive.
    """

    type: str
    at: str | None = "at"
    repeat: bool = False
    weight: str | None = None
    positive: Condition | None = None
    otherwise: Literal["negative", "ignored"] = "negative"


class RelationRole(_Frozen):
    """A relationship type that is not an interaction, between two kinds of node.

    Attributes:
        type: Relationship type, such as ``WRITTEN_BY``.
        source: Node type at its start: ``item``, ``user``, or the label of an entity kind.
        target: Node type at its end, likewise.
        weight: Property that holds a weight, or None: every relation weighs 1.
    """

    type: str
    source: str
    target: str
    weight: str | None = None


FeatureKind = Literal["number", "category", "date", "vector", "text", "image"]


class FeatureRole(_Frozen):
    """A property of items that a model may use as it is.

    Attributes:
        property: Its name.
        kind: ``number`` (a boolean is 0 or 1), ``category`` (a text), ``date`` (ISO 8601 text) or
            ``vector`` (a list of numbers, of one length for all items), ``text`` (a text that is
            encoded by itself) or ``image`` (a text that names an image file).
    """

    property: str
    kind: FeatureKind


class Roles(_Frozen):
    """The roles in a graph; the defaults are the names that Linkspan itself writes.

    Attributes:
        domains: Domain name to the label its items carry beside ``Item``.
        text: Item properties, in order, whose values make the text of an item.
        interactions: Relationship types from users to items.
        entities: Labels of the entity kinds.
        relations: All other relationship types that the model should see.
        features: Item properties that are read beside the text, in order.
        names: What the roles are called in an adopted graph; None: as Linkspan writes them.
    """

    domains: dict[str, str]
    text: tuple[str, ...] = ("title",)
    interactions: tuple[InteractionRole, ...]
    entities: tuple[str, ...] = ()
    relations: tuple[RelationRole, ...] = ()
    features: tuple[FeatureRole, ...] = ()
    names: Names | None = None
