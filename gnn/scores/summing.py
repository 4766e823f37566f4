"""Sum of the signals of a score: for all items of a domain, and by parts for some of them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from linkspan.gnn.parts.products import Products, add_products
from linkspan.gnn.parts.values import Values

FloatArray = NDArray[np.float32]
IntArray = NDArray[np.int64]


class Summand(NamedTuple):
    """A signal's share of the scores of R users, all of whom are new to the domain, or none.

    Attributes:
        part: Which of `PARTS` it is counted in.
        moves: Whether it depends on the user's history.
        usual: Weight for items that were met.
        of_new: Weight for items that nobody has met.
        values: Of these users.
        scale: (R,) what values less their mean are multiplied by.
        mean: (R,).
    """

    part: str
    moves: bool
    usual: np.float32
    of_new: np.float32
    values: Values
    scale: FloatArray
    mean: FloatArray


class Scored:
    """Scores of B users for the N items of a domain.

    Args:
        groups: Places of some of the users, from 0 to B - 1, and what is summed for them; each user
            is in one group. Where they are made as they are asked for, one question may be asked.
        last: Part that is named where nothing counts.
        unmet: (N,) items that nobody has met.
        start: What these have beside the signals.
        users: B.
    """

    def __init__(
        self,
        groups: Iterable[tuple[IntArray, Iterable[Summand]]],
        last: str,
        unmet: NDArray[np.bool_],
        start: float,
        users: int,
    ) -> None:
        self._groups, self._last, self._unmet, self._users = groups, last, unmet, users
        self._start = np.float32(start if unmet.any() else 0)

    def all(self) -> FloatArray:
        """(B, N), a new array."""
        scores = np.empty((self._users, len(self._unmet)), np.float32)
        for places, summands in self._groups:
            found = self._sum(places, list(summands))
            if len(places) == self._users:
                return found
            scores[places] = found
        return scores

    def _sum(self, places: IntArray, summands: Sequence[Summand]) -> FloatArray:
        """(R, N) scores of the users at some places."""
        unmet = np.flatnonzero(self._unmet)  # (U,) columns
        scores = np.zeros((len(places), len(self._unmet)), np.float32)
        base = np.zeros((len(places), 1), np.float32)  # what items that were met have alike
        states: dict[int, tuple[Tensor, FloatArray]] = {}
        for _, _, usual, _, values, scale, mean in summands:
            if not usual:
                continue
            base -= (usual * scale * mean)[:, None]
            if isinstance(values, Products):  # those with the same vectors are multiplied once
                own = (usual * scale)[:, None] * values.states
                vectors, known = states.get(
                    id(values.vectors), (values.vectors, np.zeros_like(own))
                )
                states[id(vectors)] = vectors, known + own
            else:
                values.add(scores, usual * scale)
        for vectors, own in states.values():
            add_products(scores, own, vectors)
        scores += base
        if len(unmet):  # not as a difference to the others, whose rounding would tell them apart
            new = np.full((len(places), len(unmet)), self._start, np.float32)
            for _, _, _, of_new, values, scale, mean in summands:
                if of_new:
                    new += (of_new * scale)[:, None] * (values.among(unmet) - mean[:, None])
            scores[:, unmet] = new
        return scores

    def parts(self, columns: IntArray) -> dict[str, FloatArray]:
        """Part to its share (B, k) of the scores at columns (B, k); they add up to the scores."""
        parts: dict[str, FloatArray] = {}
        for part, _, places, share in self._shares(columns):
            known = parts.setdefault(part, np.zeros(columns.shape, np.float32))
            known[places] += share
        if self._start:
            prior = parts.setdefault("popularity", np.zeros(columns.shape, np.float32))
            prior += np.where(self._unmet[columns], self._start, np.float32(0))
        return parts or {self._last: np.zeros(columns.shape, np.float32)}

    def moving(self, columns: IntArray) -> FloatArray:
        """(B, k) the scores at columns (B, k), less what is the same for every history."""
        scores = np.zeros(columns.shape, np.float32)
        for _, moves, places, share in self._shares(columns):
            if moves:
                scores[places] += share
        return scores

    def _shares(self, columns: IntArray) -> Iterator[tuple[str, bool, IntArray, FloatArray]]:
        """Part, whether it moves, users' places (R,) and shares (R, k) of each summand."""
        for places, summands in self._groups:
            asked = columns[places]
            unmet = self._unmet[asked]
            for part, moves, usual, of_new, values, scale, mean in summands:
                found = (values.at(asked) - mean[:, None]) * scale[:, None]
                yield part, moves, places, found * np.where(unmet, of_new, usual)
