"""An item that does not exist: what it is like, and who might like it, by a text alone."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import count
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from linkspan import gnn
from linkspan.errors import ArgumentError, ModelError
from linkspan.gnn.metrics import top_columns
from linkspan.graph.snapshot import Snapshot
from linkspan.graph.snapshot.identities import all_keys
from linkspan.loading import LoadedRun
from linkspan.opening import check_encoders

if TYPE_CHECKING:
    from linkspan.gnn import FittedModel, View


@dataclass(frozen=True, slots=True)
class NearItem:
    """An item that is like the newcomer.

    Attributes:
        item: Its key.
        title: Its title, where it has one.
        domain: Its domain.
        score: Cosine of the states that the network gives both; of their texts, where it learned
            nothing.
    """

    item: str
    title: str | None
    domain: str
    score: float


@dataclass(frozen=True, slots=True)
class LikelyUser:
    """A user in whose view of the domain the newcomer stands high.

    Attributes:
        user: Key of the user.
        score: Share, from 0 to 1, of the domain's items that the user has not met and that score
            lower: at 1 the newcomer would head the user's list. Ties count one half.
        history: Events of the user's past.
    """

    user: str
    score: float
    history: int


@dataclass(frozen=True, slots=True)
class Met:
    """A newcomer's place among the items and users of a run.

    Attributes:
        run: Id of the run.
        near: The nearest items over all domains, the nearest first.
        users: The likeliest users, the likeliest first.
    """

    run: str
    near: list[NearItem]
    users: list[LikelyUser]


class Newcomers:
    """Meets items that do not exist; writes nothing, and is safe to share between threads.

    Args:
        run: The run that is asked; the encoder is that of its training.

    Raises:
        ModelError: The encoder has changed since, or the run's items have no texts.
    """

    def __init__(self, run: LoadedRun) -> None:
        fitted, encoding = run.fitted, run.fitted.settings.encoding
        if "item" not in fitted.text:
            raise ModelError(
                f"no item of run {run.id} has a text, so a text says nothing of a new one",
                hint="Name properties as 'text' in the mapping, and do a full run",
            )
        check_encoders(run.folder, encoding, fitted.snapshot)
        self._run = run
        self._encoder = gnn.build_encoder(
            encoding.encoder, encoding.max_tokens, encoding.long_texts
        )

    def meet(self, text: str, domain: str, k: int = 10) -> Met:
        """Find what is like an item of this text, and who would be told of it.

        The graph gets one item more, as a refresh meets it: nobody met it, and nothing is tied to
        it. The users are ranked by the mixture that lists are made by: for each user with a past
        the newcomer is ranked among all items of the domain that the user has not met, as scores
        themselves can be compared within one user only; where two users are equal, the newcomer's
        score decides, whose parts are standardised for each user. Rules of ``[publish]`` are left
        out.

        Args:
            text: As the texts of items are.
            domain: Name of its domain.
            k: Items, and users, at most.

        Raises:
            ArgumentError: The text is empty, the run has no such domain, or ``k`` is below 1.
            ModelError: The encoder cannot be loaded.
        """
        run = self._run
        if not text.strip():
            raise ArgumentError("the text is empty", hint="Give a title or a description")
        if k < 1:
            raise ArgumentError(f"k is {k}", hint="Give 1 or more")
        run.check_domain(domain)
        fitted = run.fitted.learned.on(self._view(text, domain), run.fitted.device)
        return Met(run.id, self._near(fitted, k), self._likely(fitted, domain, k))

    def _view(self, text: str, domain: str) -> View:
        """The graph with the item in its last row."""
        known = self._run.fitted
        vector = gnn.embed_texts([text], self._encoder)  # (1, d)
        vectors = {
            name: np.concatenate([part, vector if name == "item" else np.zeros_like(part[:1])])
            if name.split("/")[0] == "item"
            else part
            for name, part in known.text.items()
        }
        snapshot = _with_item(known.snapshot, text, domain)
        return gnn.View(snapshot, vectors, known.events)

    def _near(self, fitted: FittedModel, k: int) -> list[NearItem]:
        states, run = fitted.item_states, self._run
        cosines = states[:-1] @ states[-1]  # (N,)
        if not fitted.is_trained:  # texts alone: an item without one is like none
            cosines[cosines == 0] = -np.inf
        domains = run.fitted.snapshot.items["domain"].to_numpy()
        return [
            NearItem(run.key(row), run.title(row), str(domains[row]), float(cosines[row]))
            for row in top_columns(cosines[None], k)[0].tolist()
            if np.isfinite(cosines[row])
        ]

    def _likely(self, fitted: FittedModel, domain: str, k: int) -> list[LikelyUser]:
        found = gnn.place_item(fitted, len(fitted.snapshot.items) - 1, domain)[:k]
        keys = fitted.snapshot.users["key"].to_numpy(object)[found["user"]].tolist()
        rows = zip(keys, found["place"].tolist(), found["history"].tolist(), strict=True)
        return [LikelyUser(*row) for row in rows]


def _with_item(snapshot: Snapshot, text: str, domain: str) -> Snapshot:
    """The snapshot with an item of no other property in the last row; all others keep theirs."""
    taken = {*all_keys(snapshot, "item")["key"]}
    ids = (f"new {n}" for n in count())
    id = next(each for each in ids if f"{domain}/{each}" not in taken)
    item = {"key": f"{domain}/{id}", "id": id, "domain": domain, "title": "", "text": text}
    return replace(
        snapshot,
        items=pd.concat([snapshot.items, pd.DataFrame([item])], ignore_index=True),
        features={name: _with_nothing(frame) for name, frame in snapshot.features.items()},
    )


def _with_nothing(frame: pd.DataFrame) -> pd.DataFrame:
    """Values of a property, and at the end none: NaN, or an empty text."""
    longer = frame.reindex(range(len(frame) + 1))
    texts = [name for name in frame if frame[name].dtype.kind not in "iuf"]
    return longer.fillna(dict.fromkeys(texts, ""))
