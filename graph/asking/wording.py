"""Explanations in words."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from linkspan.graph.asking.results import Explanation, PastItem, Path

_MOST = 3
_SAID = {"negative": "disliked", "hidden": "dismissed"}


def tell(found: Explanation) -> list[str]:
    """Tell where the item stands, because of what, and each tie, the strongest first."""
    first = because(found)
    return [standing(found), *([first] if first else []), *(tie for _, tie in ties(found.paths))]


def standing(found: Explanation) -> str:
    """Such as ``Dune is number 1 in books for user 7``."""
    name, since = found.title or found.item, ""
    if found.met is not None:
        since = f"you {verb(found.met)} it"
    elif found.said is not None:
        since = f"you {_SAID[found.said]} it"
    if found.rank is not None:
        where = f"number {found.rank} in {found.domain} for user {found.user}"
        return f"{name} was {where}, until {since}" if since else f"{name} is {where}"
    if found.run is None:
        return f"{name} is not recommended: nothing was published for user {found.user} yet"
    where = f"{name} is not among the recommendations in {found.domain} for user {found.user}"
    if since:
        return f"{where}: {since} already"
    return where if found.place is None else f"{where}; it would be number {found.place:,}"


def because(found: Explanation) -> str:
    """Such as ``because you saved Unbelievable (romance)``; empty where nothing of the past counts.

    Where popularity is the largest part of the score, that comes first, or alone.
    """
    decides = max(found.parts, key=lambda name: found.parts[name], default="")
    popular = "mostly as it is popular" if decides == "popularity" else ""
    if not found.past:
        return popular
    before = f"{popular}, then " if popular else ""
    first = found.past[0]
    domain = "" if first.domain == found.domain else f" ({first.domain})"
    return f"{before}because you {verb(first.met)} {named(first)}{domain}"


def ties(paths: Iterable[Path]) -> Iterator[tuple[float, str]]:
    """Each path in words with its strength; those of one entity together."""
    groups: dict[tuple[str, str, str], list[Path]] = {}
    for path in paths:
        groups.setdefault(tie_of(path), []).append(path)
    for group in groups.values():
        titles = [_past(path) for path in group[:_MOST]]
        if len(group) > _MOST:
            titles.append(f"{len(group) - _MOST} more")
        *some, last = titles
        yield group[0].strength, _words(group[0], f"{', '.join(some)} and {last}" if some else last)


def tie_of(path: Path) -> tuple[str, str, str]:
    """Key that paths share which are told together: an entity; each other path is alone."""
    alone = path.past if path.kind in ("User", "Item", "Text") else ""
    return path.kind, path.by, alone


def counted(count: int, noun: str) -> str:
    """Such as ``1 user``, ``2,000 users``."""
    return f"{count:,} {noun}" + ("" if count == 1 else "s")


def verb(met: str | None) -> str:
    """``SAVED`` as ``saved``, ``ADDED_TO_CART`` as ``added to cart``; ``met`` for None."""
    return "met" if met is None else met.lower().replace("_", " ")


def named(item: PastItem) -> str:
    """Its title, else its key."""
    return item.title or item.item


def _words(path: Path, past: str) -> str:
    if path.kind == "User":
        return f"{counted(path.ties, 'other user')} who {verb(path.how)} {past}"
    if path.kind == "Item":
        return f"{past}, by {path.how}"
    if path.kind == "Text":
        return f"{past}, by what the texts say"
    return f"{path.kind} {path.by} ({path.ties:,} items), as {past}"


def _past(path: Path) -> str:
    domain = f" ({path.past_domain})" if path.cross_domain else ""
    return f"{path.past_title or path.past}{domain}"
