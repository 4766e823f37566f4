"""Coordinator of a federation: averages what sites share, and keeps them in step.

It sees shared parameters and sealed states, and no graph, event, key or text.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

import numpy as np

from linkspan.gnn.federation.messages import (
    BEGIN,
    END,
    EPOCH,
    PROTOCOL,
    REFUSED,
    STATES,
    WAIT,
    Array,
    Message,
    is_finite,
)

LEAST_SITES = 2
CLIP = 4.0
"""Most times that a site's step may be as long as the median site's."""

SAME = ("encoder", "text_width", "embedding_size", "convolution")
"""Facts that sites tell of themselves, and that have to be the same at all of them."""

_log = logging.getLogger(__name__)


class Coordinator:
    """Answers the messages of sites, whatever brings them.

    After McMahan et al. (2017, arXiv:1602.05629): parameters are averaged after each epoch,
    weighted by events. A site whose step from the last average is too long has it cut down to
    `CLIP` times the median of all sites' steps, so that none moves the average as it likes.

    Attributes:
        epochs: Times that parameters were averaged so far.
        gone: Name of each site that is no longer there to why.
        ended: Names of the sites that came to the end.

    Args:
        version: Of Linkspan, which all sites have to have.
    """

    def __init__(self, version: str) -> None:
        self._version = version
        self._names: dict[str, str] = {}
        self._told: dict[str, Message] = {}
        self._last: dict[str, Array] = {}
        self.epochs = 0
        self.gone: dict[str, str] = {}
        self.ended: list[str] = []

    @property
    def left(self) -> list[str]:
        """Connections of the sites that are taking part."""
        return list(self._names)

    def answer(self, told: Mapping[str, Message]) -> dict[str, Message]:
        """Answer each site that has sent something.

        Args:
            told: Connection to message. A connection that took part and is missing is gone; one
                that says `WAIT` was told to, and stands by what it said before.

        Returns:
            Connection to answer; `REFUSED` says ``why``, and is the last one.
        """
        answers: dict[str, Message] = {}
        for site in self._names.keys() - told.keys():
            self._drop(site, "its connection was lost")
        for site, message in sorted(told.items(), key=lambda each: self._name(*each)):
            if message.kind == WAIT:
                continue
            if why := self._fault(site, message):
                answers[site] = self._refuse(site, message, why)
            else:
                self._names[site] = self._name(site, message)
                self._told[site] = message
        if len(self._names) < LEAST_SITES and any(m.kind != END for m in self._told.values()):
            why = "too few sites are left to go on"
            return answers | {s: self._refuse(s, self._told[s], why) for s in list(self._names)}
        found = self._answers()
        for site in found:
            del self._told[site]
        for site in (site for site, each in found.items() if each.kind == END):
            self.ended.append(self._names.pop(site))
        return answers | found | {site: Message(WAIT) for site in self._told}

    def _answers(self) -> dict[str, Message]:
        """Answers to those who need not wait for others."""
        epochs = {site: each for site, each in self._told.items() if each.kind == EPOCH}
        if epochs:
            return dict.fromkeys(epochs, self._average(epochs))
        kinds = {each.kind for each in self._told.values()}
        if kinds == {BEGIN}:
            return dict.fromkeys(self._told, self._begin())
        if kinds == {STATES}:
            return {site: self._others(site) for site in self._told}
        if kinds == {END}:
            return dict.fromkeys(self._told, Message(END))
        return {}

    def _begin(self) -> Message:
        """Parameters that two sites or more have in one shape, as the first of them has them."""
        found: dict[str, dict[tuple[int, ...], list[Array]]] = {}
        for site in sorted(self._told, key=self._names.__getitem__):
            for name, array in self._told[site].arrays.items():
                found.setdefault(name, {}).setdefault(array.shape, []).append(array)
        most = {name: max(shapes.values(), key=len) for name, shapes in found.items()}
        self._last = {name: each[0] for name, each in most.items() if len(each) > 1}
        return Message(BEGIN, self._last, {"sites": sorted(self._names.values())})

    def _average(self, told: Mapping[str, Message]) -> Message:
        """Mean of the parameters over those sites that have them, weighted by their events."""
        steps = {
            site: {name: each.arrays[name] - self._last[name] for name in each.arrays}
            for site, each in told.items()
        }
        lengths = {
            site: float(np.sqrt(sum(float(np.square(s, dtype=np.float64).sum()) for s in own)))
            for site, own in ((site, step.values()) for site, step in steps.items())
        }
        bound = CLIP * sorted(lengths.values())[(len(lengths) - 1) // 2]
        sums: dict[str, Array] = {}
        weights: dict[str, float] = {}
        for site, step in steps.items():
            scale = 1.0
            if lengths[site] > bound:
                scale = bound / lengths[site]
                _log.warning(
                    "epoch %d: the step of site '%s' was %.0f times as long as the median; it was "
                    "cut down to %g times",
                    self.epochs + 1,
                    self._names[site],
                    CLIP * lengths[site] / bound if bound else np.inf,
                    CLIP,
                )
            weight = float(told[site].about["events"])
            for name, own in step.items():
                sums[name] = sums.get(name, 0.0) + weight * scale * own
                weights[name] = weights.get(name, 0.0) + weight
        for name, total in sums.items():
            mean = self._last[name] + total / weights[name]
            self._last[name] = np.asarray(mean, self._last[name].dtype)  # also of one number
        self.epochs += 1
        return Message(EPOCH, {name: self._last[name] for name in sums})

    def _others(self, site: str) -> Message:
        """Sealed states that all others sent."""
        arrays = {
            self._names[other]: array
            for other, each in self._told.items()
            if other != site
            for array in each.arrays.values()
        }
        return Message(STATES, arrays)

    def _fault(self, site: str, message: Message) -> str:
        """Reason to refuse a message; empty where there is none."""
        if message.kind == BEGIN:
            return self._fault_of_begin(site, message)
        if site not in self._names:
            return "the others have begun already; join before they do"
        return self._fault_of_epoch(message) if message.kind == EPOCH else ""

    def _fault_of_epoch(self, message: Message) -> str:
        """Reason why parameters cannot be averaged with those of others."""
        events = float(message.about.get("events", 0))
        if not message.arrays.keys() <= self._last.keys():
            return "it sent parameters that nobody shares"
        if any(a.shape != self._last[n].shape for n, a in message.arrays.items()):
            return "the shapes of its parameters have changed"
        if not is_finite(message.arrays):
            return "its parameters are not finite"
        return "" if 0 < events < np.inf else "it learned from no events"

    def _fault_of_begin(self, site: str, message: Message) -> str:
        """Reason why a site may not begin with the others."""
        about = message.about
        for what, own in (("protocol", PROTOCOL), ("version", self._version)):
            if about.get(what) != own:
                theirs = about.get(what)
                return f"it has {what} {theirs} of Linkspan's, and the coordinator has {own}"
        name = str(about.get("site", ""))
        if any(name == known and site != other for other, known in self._names.items()):
            return f"another site is called '{name}'; give each a 'name' of its own in [federation]"
        if not is_finite(message.arrays):
            return "its parameters are not finite"
        for other, theirs in self._told.items():
            if other == site or theirs.kind != BEGIN:
                continue
            keys = {about.get("key"), theirs.about.get("key")} - {None}
            if len(keys) > 1:
                return f"its LINKSPAN_USER_KEY is not that of site '{self._names[other]}'"
            for what in SAME:
                if about.get(what) != theirs.about.get(what):
                    return (
                        f"its {what} is {about.get(what)}, and that of site "
                        f"'{self._names[other]}' is {theirs.about.get(what)}"
                    )
        return ""

    def _refuse(self, site: str, message: Message, why: str) -> Message:
        name = self._name(site, message)
        self._told.pop(site, None)
        self._names.pop(site, None)
        self._gone(name, why)
        return Message(REFUSED, about={"why": why})

    def _drop(self, site: str, why: str) -> None:
        self._told.pop(site, None)
        self._gone(self._names.pop(site), why)

    def _gone(self, name: str, why: str) -> None:
        self.gone[name] = why
        _log.warning("site '%s' is out: %s", name, why)

    def _name(self, site: str, message: Message) -> str:
        known: Any = self._names.get(site) or message.about.get("site") or site
        return str(known)
