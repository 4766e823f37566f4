"""Bodies of the server's requests and answers; the rows are those of the Python client."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from linkspan.graph.asking.results import FoundItem, Recommendation, SimilarItem


class Recommendations(BaseModel):
    """The best items for a user, best first."""

    user: str
    results: list[Recommendation]


class Visitor(BaseModel):
    """Someone whom the graph does not have.

    Attributes:
        history: Keys of the items met, or pairs of domain and id, the oldest first; empty: popular
            items are recommended.
        domain: Only from this domain; null: the best of each domain first, then the second.
        k: At most this many.
    """

    model_config = ConfigDict(
        extra="forbid",
        json_schema_extra={"example": {"history": ["books/1", "films/2"], "domain": None, "k": 10}},
    )

    history: list[str | tuple[str, str]] = Field(max_length=10_000)
    domain: str | None = None
    k: int = Field(default=10, ge=1, le=1000)


class ForVisitor(BaseModel):
    """The best items by a history, best first."""

    results: list[Recommendation]


class SimilarItems(BaseModel):
    """Items that are like an item, the most alike first."""

    item: str
    results: list[SimilarItem]


class Found(BaseModel):
    """Items by a text, best first."""

    text: str
    results: list[FoundItem]


class Said(BaseModel):
    """Feedback of a user on an item.

    Attributes:
        user: Key of the user.
        item: Key of the item.
        kind: ``view``, ``click``, ``accept``, ``dislike``, ``dismiss``, or one of the settings.
        at: Milliseconds UTC; null: now.
        run: Id of the run whose list was shown; null: the one that the user reads now.
        create: Whether to make the user where the graph has none.
    """

    model_config = ConfigDict(extra="forbid")

    user: str
    item: str
    kind: str = "accept"
    at: int | None = Field(default=None, ge=0, lt=2**63)
    run: str | None = None
    create: bool = False


class Written(BaseModel):
    """Answer to feedback: ``new`` is false where the same was said within a second."""

    new: bool


class Health(BaseModel):
    """The server and its database answer; ``run`` is the active run, null before the first."""

    status: str = "ok"
    version: str
    run: str | None


class Problem(BaseModel):
    """Report of what went wrong, as in RFC 9457; sent as ``application/problem+json``."""

    type: str = "about:blank"
    title: str
    status: int
    detail: str
