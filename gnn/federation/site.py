"""A site of a federation: trains with the others, and hears of its users from them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from linkspan.errors import ConfigError, ModelError
from linkspan.gnn.events.split import Split, has_histories
from linkspan.gnn.federation.engine import FederatedEngine
from linkspan.gnn.federation.messages import PROTOCOL, STATES, Array, Link, Message
from linkspan.gnn.federation.states import Sealer
from linkspan.gnn.models.device import choose_device
from linkspan.gnn.models.learned import FittedModel
from linkspan.gnn.scores.hybrid import with_weights
from linkspan.gnn.scores.weighing import fit_hybrid
from linkspan.gnn.settings import FederationSettings, TrainSettings
from linkspan.gnn.training.train import train, train_all
from linkspan.graph.snapshot import Snapshot
from linkspan.progress import SILENT, Progress

Vectors = dict[str, Any]


class Site:
    """A site's part in the trainings of a federation.

    Args:
        link: To the coordinator.
        settings: Of this site in the federation; with a name.
        train: How to build and train.
        version: Of Linkspan.
        key: Text that tells the key to pseudonyms from another; None where no states travel.
        sealer: Seals users' states; None: none is sent, and none is heard of.

    Attributes:
        others: Names of the other sites, once they are known.
    """

    def __init__(
        self,
        link: Link,
        settings: FederationSettings,
        train: TrainSettings,
        version: str,
        key: str | None = None,
        sealer: Sealer | None = None,
    ) -> None:
        self._link, self._settings, self._train = link, settings, train
        self._sealer = sealer
        self._about = {
            "protocol": PROTOCOL,
            "version": version,
            "site": settings.name,
            "key": key,
            "encoder": train.encoding.encoder,
            "embedding_size": train.model.embedding_size,
            "convolution": train.model.convolution,
        }
        self.others: list[str] = []

    def train(
        self, snapshot: Snapshot, split: Split, text: Vectors, progress: Progress = SILENT
    ) -> FittedModel:
        """Train without the held-out events, as `linkspan.gnn.train`, and weigh the parts.

        Each site stops by its own validation rows; the others then go on without it.

        Raises:
            ModelError: As `linkspan.gnn.train` and the link raise it; or nothing can be learned.
        """
        if not has_histories(snapshot.events().iloc[split.train]):
            raise ModelError(
                "no user met two items here, so this site has nothing to give to a federation",
                hint="Use 'linkspan run'",
            )
        engine = self._engine(text, progress)
        fitted = train(snapshot, split, text, self._train, progress, engine=engine)
        fitted = self._with_states(fitted)
        return fit_hybrid(fitted, split, progress) if self._train.model.hybrid else fitted

    def train_all(self, held_out: FittedModel, progress: Progress = SILENT) -> FittedModel:
        """Train on all events, as `linkspan.gnn.train_all`: the model to publish.

        Args:
            held_out: What `train` gave: its settings, number of epochs, and weights.
            progress: Told of each epoch.
        """
        text = dict(held_out.text)
        fitted = train_all(
            held_out.snapshot,
            text,
            held_out.settings,
            held_out.best_epoch,
            progress,
            engine=self._engine(text, progress),
        )
        fitted = self._with_states(fitted)
        return with_weights(fitted, held_out.weights) if held_out.weights else fitted

    def _engine(self, text: Mapping[str, Array], progress: Progress) -> FederatedEngine:
        width = text["item"].shape[1] if "item" in text else None
        about = {**self._about, "text_width": width}
        device = choose_device(self._train.machine.device)
        return FederatedEngine(device, self._link, about, self._heard, progress)

    def _heard(self, sites: list[str]) -> None:
        self.others = [name for name in sites if name != self._settings.name]

    def _with_states(self, fitted: FittedModel) -> FittedModel:
        """The model with what other sites know of its users, who hear of them in turn."""
        sealed = {} if self._sealer is None else {"states": self._sealer.seal(fitted)}
        answer = self._link.exchange(Message(STATES, sealed))
        if self._sealer is None:
            return fitted
        return replace(fitted, foreign=self._sealer.open(fitted, answer.arrays))


def check_floor(snapshot: Snapshot, settings: FederationSettings) -> None:
    """See that so many users are learned from that shared parameters tell little of any one.

    Those count who met two items or more: of others nothing is learned.

    Raises:
        ConfigError: It has not.
    """
    users = int((snapshot.events().groupby("user")["item"].nunique() > 1).sum())
    if users < settings.floor:
        raise ConfigError(
            f"{users} users met two items or more here, and a site needs {settings.floor}: what it "
            "shares would tell too much of each",
            hint="Federate when there are more of them; 'linkspan run' trains here alone",
        )
