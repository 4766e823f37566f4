"""Coordinator of a federation: averages what sites share, and keeps them in step.

It sees shared parameters and sealed states, and no graph, event, key or text.
"""

from __future__ import annotations

import logging
import re
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
"""Most times that a site's step may be as long as the median site's, per step of its optimiser."""
LATE = "the others have begun already; join before they do"
NAME = re.compile(r"[\w .-]{1,60}")
"""Form of a site's name."""
MOST = 1e12
"""Events, or steps, that nobody has more of."""

SAME = ("encoder", "text_width", "embedding_size", "convolution")
"""Facts that sites tell of themselves, and that have to be the same at all of them."""

_log = logging.getLogger(__name__)


class Coordinator:
    """Answers the messages of sites, whatever brings them.

    After McMahan et al. (2017, arXiv:1602.05629): parameters are averaged after each epoch,
    weighted by events. A site whose step from the last average is too long has it cut down to
    `CLIP` times the median of all sites' steps, each per step of its optimiser. That is against
    mistakes: who means harm may send false numbers of events.

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
        self._trainings, self._training = 0, False
        self.epochs = 0
        self.gone: dict[str, str] = {}
        self.ended: list[str] = []

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
            self._drop(site, "its connection was lost, or it said nothing for too long")
        for site, message in sorted(told.items(), key=lambda each: self._name(*each)):
            if why := self._fault(site, message):
                answers[site] = self._refuse(site, message, why)
            elif message.kind != WAIT:
                self._names[site] = self._name(site, message)
                self._told[site] = message
        if len(self._names) < LEAST_SITES and any(m.kind != END for m in self._told.values()):
            return answers | self._refuse_all("too few sites are left to go on")
        found = self._answers()
        if not found and self._told:
            return answers | self._refuse_all("the sites are out of step")
        for site in found:
            del self._told[site]
        for site in (site for site, each in found.items() if each.kind == END):
            self.ended.append(self._names.pop(site))
        return answers | found | {site: Message(WAIT) for site in self._told}

    def refuse(self, name: str) -> Message:
        """Answer to who comes when the others have begun."""
        self._gone(name, LATE)
        return Message(REFUSED, about={"why": LATE})

    def _answers(self) -> dict[str, Message]:
        """Answers to those who need not wait for others; none where nobody can go on."""
        epochs = {site: each for site, each in self._told.items() if each.kind == EPOCH}
        if epochs:
            return dict.fromkeys(epochs, self._average(epochs))
        kinds = {each.kind for each in self._told.values()}
        if kinds == {BEGIN}:
            self._training, self._trainings = True, self._trainings + 1
            return dict.fromkeys(self._told, self._begin())
        if kinds == {STATES}:
            self._training = False
            return {site: self._others(site) for site in self._told}
        return dict.fromkeys(self._told, Message(END)) if kinds == {END} else {}

    def _begin(self) -> Message:
        """Parameters that two sites or more have in one shape, each of a median length."""
        found: dict[str, dict[tuple[int, ...], list[Array]]] = {}
        for site in sorted(self._told, key=self._names.__getitem__):
            for name, array in self._told[site].arrays.items():
                found.setdefault(name, {}).setdefault(array.shape, []).append(array)
        most = {name: max(shapes.values(), key=len) for name, shapes in found.items()}
        self._last = {
            name: sorted(each, key=_length)[(len(each) - 1) // 2]
            for name, each in most.items()
            if len(each) > 1
        }
        return Message(BEGIN, self._last, {"sites": sorted(self._names.values())})

    def _average(self, told: Mapping[str, Message]) -> Message:
        """Mean of the parameters over those sites that have them, weighted by their events."""
        steps = {
            site: {name: each.arrays[name] - self._last[name] for name in each.arrays}
            for site, each in told.items()
        }
        lengths = {
            site: sum(_length(each) ** 2 for each in step.values()) ** 0.5
            / told[site].about["steps"]
            for site, step in steps.items()
        }
        moved = sorted(length for length in lengths.values() if length > 0)
        bound = CLIP * moved[(len(moved) - 1) // 2] if moved else 0.0
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
                    CLIP * lengths[site] / bound,
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
        kind = message.kind
        if kind not in (WAIT, BEGIN, EPOCH, STATES, END):
            return "it sent what is no message of a site"
        if site not in self._names and (kind != BEGIN or self._trainings):
            return LATE
        fits = {WAIT: site in self._told, EPOCH: self._training, STATES: self._training}
        if not fits.get(kind, not self._training):
            return f"'{kind}' is not what a site sends now"
        if kind == BEGIN:
            return self._fault_of_begin(site, message)
        return self._fault_of_epoch(message) if kind == EPOCH else ""

    def _fault_of_epoch(self, message: Message) -> str:
        """Reason why parameters cannot be averaged with those of others."""
        if not message.arrays.keys() <= self._last.keys():
            return "it sent parameters that nobody shares"
        if any(a.shape != self._last[n].shape for n, a in message.arrays.items()):
            return "the shapes of its parameters have changed"
        if not is_finite(message.arrays):
            return "its parameters are not finite"
        counts = (message.about.get("events"), message.about.get("steps"))
        if not all(isinstance(n, int) and 0 < n < MOST for n in counts):
            return "it learned from no events"
        return ""

    def _fault_of_begin(self, site: str, message: Message) -> str:
        """Reason why a site may not begin with the others."""
        about, name = message.about, str(message.about.get("site", ""))
        for what, own in (("protocol", PROTOCOL), ("version", self._version)):
            if about.get(what) != own:
                theirs = about.get(what)
                return f"it has {what} {theirs} of Linkspan's, and the coordinator has {own}"
        if not NAME.fullmatch(name):
            return "its name is not of letters, digits, blanks, dots and dashes, 60 at most"
        if any(name == known and site != other for other, known in self._names.items()):
            return f"another site is called '{name}'; give each a 'name' of its own in [federation]"
        if not is_finite(message.arrays):
            return "its parameters are not finite"
        begun = [other for other, told in self._told.items() if told.kind == BEGIN]
        found = (self._difference(about, other) for other in begun if other != site)
        return next(filter(None, found), "")

    def _difference(self, about: Mapping[str, Any], other: str) -> str:
        """Difference to another site in what has to be the same; empty where there is none."""
        theirs, name = self._told[other].about, self._names[other]
        if len({about.get("key"), theirs.get("key")} - {None}) > 1:
            return f"its LINKSPAN_USER_KEY is not that of site '{name}'"
        return next(
            (
                f"its {what} is {about.get(what)}, and that of site '{name}' is {theirs.get(what)}"
                for what in SAME
                if about.get(what) != theirs.get(what)
            ),
            "",
        )

    def _refuse(self, site: str, message: Message, why: str) -> Message:
        name = self._name(site, message)
        self._told.pop(site, None)
        self._names.pop(site, None)
        self._gone(name, why)
        return Message(REFUSED, about={"why": why})

    def _refuse_all(self, why: str) -> dict[str, Message]:
        return {site: self._refuse(site, self._told[site], why) for site in list(self._names)}

    def _drop(self, site: str, why: str) -> None:
        self._told.pop(site, None)
        self._gone(self._names.pop(site), why)

    def _gone(self, name: str, why: str) -> None:
        self.gone[name] = why
        _log.warning("site '%s' is out: %s", name, why)

    def _name(self, site: str, message: Message) -> str:
        known: Any = self._names.get(site) or message.about.get("site") or site
        return str(known)


def _length(array: Array) -> float:
    return float(np.sqrt(np.square(array, dtype=np.float64).sum()))
