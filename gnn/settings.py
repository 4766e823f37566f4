"""Settings of training; free of torch, so that the command line can check them at once."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from linkspan.errors import ConfigError
from linkspan.precision import Precision

Device = Literal["auto", "cpu", "cuda"]
Convolution = Literal["light", "sage", "gat", "hgt"]
LongTexts = Literal["cut", "mean"]
Fusion = Literal["weighted", "concat", "attention"]
HEADS = 4
"""Heads of attention of ``gat`` and ``hgt``."""
Protocol = Literal[
    "auto",
    "last-out",
    "last-out-per-domain",
    "time",
    "random",
    "fold",
    "domain-out",
    "items-out",
    "file",
]


class SplitSettings(BaseModel):
    """Events held out to choose settings (validation) and to measure (test).

    Attributes:
        protocol: ``last-out``: each user's last event, the one before it for validation;
            ``last-out-per-domain``: the same within each domain; ``time``: all events from a moment
            on; ``random``: a share of all events; ``fold``: one of several equal parts;
            ``domain-out``: all that some users did in one domain; ``items-out``: all events with a
            share of the items of each domain, which are new then; ``file``: what a file says;
            ``auto``: ``last-out`` where events have an order, else ``random``; of the two the
            first that users can spare, else nothing is held out and nothing is measured.
        test: Share for test of events (``time``, ``random``), of users (``domain-out``) or of items
            (``items-out``); 0 for ``random`` measures nothing, and leaves more to learn from.
        validation: Share for validation, likewise; of the events to train on, where a ``file``
            names none and events have no order.
        at: First moment of the test part (``time``), as events have it: milliseconds UTC or a
            position; without, ``test`` says it.
        folds: Number of parts (``fold``).
        fold: The part that is for test, from 0; the one after it is for validation.
        domain: Which domain is held out (``domain-out``); without, all are in turn: each user who
            is drawn loses one of the domains that the user knows.
        file: CSV or Parquet file with columns ``user``, ``item`` (ids), ``domain`` (unless there is
            one only) and ``part`` (``train``, ``validation`` or ``test``); events that are not
            in it are trained on.
        seed: Of what is drawn by chance; that of ``[train.learning]`` draws no events.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    protocol: Protocol = "auto"
    test: float = Field(default=0.1, ge=0.0, lt=0.5)
    validation: float = Field(default=0.1, gt=0.0, lt=0.5)
    at: int | None = None
    folds: int = Field(default=5, ge=3)
    fold: int = Field(default=0, ge=0)
    domain: str | None = None
    file: Path | None = None
    seed: int = Field(default=0, ge=0)

    @model_validator(mode="after")
    def _complete(self) -> SplitSettings:
        if self.protocol == "file" and self.file is None:
            raise ValueError("protocol 'file' needs the key 'file'")
        if not self.test and self.protocol in ("time", "domain-out", "items-out"):
            raise ValueError(f"protocol '{self.protocol}' needs a 'test' above 0")
        if self.fold >= self.folds:
            raise ValueError(f"'fold' counts from 0, so it is below 'folds' ({self.folds})")
        return self


class EncodingSettings(BaseModel):
    """Encoders that turn texts and images into vectors.

    Attributes:
        encoder: Text encoder: ``minilm`` (packaged), ``hash`` (no model, for tests), or the name or
            path of any sentence-transformers model.
        max_tokens: Tokens of a text that the encoder reads at once, at most those that it was made
            for.
        long_texts: What is done with a longer text: ``cut``, or ``mean``: read in pieces, the mean
            of whose vectors, weighed by their tokens, is taken.
        image_encoder: Name or path of the CLIP model of sentence-transformers that reads images.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str = Field(default="minilm", min_length=1)
    max_tokens: int = Field(default=64, ge=8)
    long_texts: LongTexts = "cut"
    image_encoder: str = Field(default="clip-ViT-B-32", min_length=1)


class ModelSettings(BaseModel):
    """Parts of the model, and their sizes.

    Attributes:
        fusion: How the parts of an item (text, images, vectors, other features) become one:
            ``weighted``, a sum with one learned weight a part; ``concat``, a network of two layers
            over all of them; ``attention``, a mean with weights of each item's own. Any may lack.
        embedding_size: Width K of the states of nodes and users.
        layers: Hops of message passing.
        convolution: How messages pass: ``light``, sums over the edges times a learned weight of
            each relation, by far the fastest; ``sage``, ``gat`` and ``hgt`` of PyG learn matrices
            and attention for each relation, and take no weights of edges.
        history_length: Events of a user, the latest ones, that make the user's state (L). Where
            histories are sets, 50 of them do.
        adapter_size: Rank of the linear adapters of each domain; 0 leaves them out.
        temperature: Divides the cosine of user and item.
        transition_window: Item transitions count up to this many steps (G).
        transition_decay: A transition over g steps weighs ``transition_decay ** (g - 1)``.
        hybrid: Whether the score is the sum of the network and the simple parts, weighed on
            validation rows; or the network's alone.
        linear_regularization: λ of the linear part.
        precision: Numbers in which a run keeps states of nodes, weights from items to items, and
            vectors: ``single``; ``half``; or ``int8``, a byte for each number of states and
            vectors (weights are ``half`` then).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    fusion: Fusion = "weighted"
    embedding_size: int = Field(default=64, ge=2)
    layers: int = Field(default=2, ge=1)
    convolution: Convolution = "light"
    history_length: int = Field(default=12, ge=1)
    adapter_size: int = Field(default=8, ge=0)
    temperature: float = Field(default=0.12, gt=0.0)
    transition_window: int = Field(default=5, ge=1)
    transition_decay: float = Field(default=0.7, gt=0.0, le=1.0)
    hybrid: bool = True
    linear_regularization: float = Field(default=500.0, gt=0.0)
    precision: Precision = "single"

    @model_validator(mode="after")
    def _heads(self) -> ModelSettings:
        if self.convolution == "hgt" and self.embedding_size % HEADS:
            raise ValueError(
                f"'embedding_size' has to be a multiple of {HEADS} for convolution 'hgt'"
            )
        return self


class LearningSettings(BaseModel):
    """Objective, batches and steps by which the parameters are learned.

    Attributes:
        loss: ``softmax`` of the target among the negatives, or ``bpr``, the mean over them of how
            surely it is above each (Rendle et al., 2009, arXiv:1205.2618).
        negatives: Items drawn per domain and batch against which a target is ranked.
        dislikes: Items that a user did not like (`positive` in the mapping), of the target's
            domain, that stand among the negatives of each of its events; 0 leaves them out.
        dropout: Share of a history that is left out while training, but never all of it.
        mask_supervision: Whether the transitions that a batch is asked to predict are subtracted
            from the messages of that batch.
        batch_size: Events per optimiser step (B), at least.
        steps: Most optimiser steps of an epoch; batches grow with the events beyond that, as every
            step passes messages over the whole graph.
        learning_rate: Step size of Adam.
        weight_decay: L2 penalty of Adam.
        epochs: Largest number of passes over the events.
        patience: Epochs without a better validation NDCG@10 after which training stops.
        guard: Whether a domain that joint learning hurts on validation rows, by more than the 95%
            interval, gets its lists from a model of its events alone. Costs a training on the
            events of each domain where it is not sure that learning together pays.
        meta: Rounds of meta-learning over the domains, after training, that find where `linkspan
            adapt` shall begin (Nichol et al., 2018, arXiv:1803.02999); 0: none.
        seed: Seed of initial weights, order and negatives.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    loss: Literal["softmax", "bpr"] = "softmax"
    negatives: int = Field(default=1024, ge=1)
    dislikes: int = Field(default=4, ge=0)
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    mask_supervision: bool = True
    batch_size: int = Field(default=2048, ge=1)
    steps: int = Field(default=50, ge=1)
    learning_rate: float = Field(default=0.005, gt=0.0)
    weight_decay: float = Field(default=0.0, ge=0.0)
    epochs: int = Field(default=30, ge=1)
    patience: int = Field(default=4, ge=1)
    guard: bool = True
    meta: int = Field(default=0, ge=0)
    seed: int = Field(default=0, ge=0)


class TransferSettings(BaseModel):
    """Domain adaptation: terms of the objective beside the ranking, each with its weight.

    A weight of 0, the default, leaves a term out; they go together as one likes.

    Attributes:
        coral: Weight of the covariances of the domains being alike (Sun & Saenko, 2016,
            arXiv:1607.01719).
        mmd: Weight of the maximum mean discrepancy between domains (Gretton et al., 2012).
        dann: Weight of a classifier of domains that the states have to deceive (Ganin et al., 2016,
            arXiv:1505.07818).
        mapping: Weight of a map, learned on users of several domains, from their state elsewhere to
            that in a domain (EMCDR, Man et al., 2017); it is used for users without a past there.
        gan: Weight of that map making states that a critic cannot tell from those of users with a
            past there; needs no users of several domains.
        align: Whose states `coral`, `mmd` and `dann` make alike: ``items``, ``users`` or ``both``.
        clusters: Clusters of tastes within which these three do so; 0: over all tastes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    coral: float = Field(default=0.0, ge=0.0)
    mmd: float = Field(default=0.0, ge=0.0)
    dann: float = Field(default=0.0, ge=0.0)
    mapping: float = Field(default=0.0, ge=0.0)
    gan: float = Field(default=0.0, ge=0.0)
    align: Literal["items", "users", "both"] = "both"
    clusters: int = Field(default=0, ge=0)

    @property
    def is_on(self) -> bool:
        """True where any term has a weight."""
        return any((self.coral, self.mmd, self.dann, self.maps_users))

    @property
    def maps_users(self) -> bool:
        """True where users without a past in a domain get a mapped state there."""
        return any((self.mapping, self.gan))


METHODS = {"coral": 1.0, "mmd": 0.1, "dann": 0.03, "mapping": 0.1, "gan": 0.1}
"""Methods of domain adaptation, each with a weight to try it with first."""


class MachineSettings(BaseModel):
    """Device and memory to train with, which are no part of what a model is.

    Attributes:
        device: Where to train: ``cuda``, ``cpu``, or ``auto``: CUDA where it is there. A model that
            was trained on CUDA is opened on the CPU where there is none.
        memory: MiB that the tensors of training may take (graph, vectors, parameters, their Adam
            state, and the states of a step); what would take more is trained in pieces of batches,
            and if need be on subgraphs drawn around them. 0: no bound; then training is refused
            where the machine, or its container, has less than that takes.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    device: Device = "auto"
    memory: int = Field(default=0, ge=0)


class ClusterSettings(BaseModel):
    """Ray cluster whose workers train and score, a core each; without an address, this process.

    Attributes:
        address: ``local``: Ray is started on this machine for the command; ``auto``: the cluster
            that this machine is a part of; or ``HOST:PORT`` of its head.
        workers: How many share the work; by default one for each CPU of the cluster.
        storage: Folder or address, such as ``s3://...``, that all machines of the cluster can write
            to, for the checkpoints of trainings; needed where there are several.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    address: str | None = Field(default=None, min_length=1)
    workers: PositiveInt | None = None
    storage: str | None = Field(default=None, min_length=1)


class PrivacySettings(BaseModel):
    """Bound on what a model may tell of any one user (differential privacy).

    Attributes:
        epsilon: ε of a training; without, nothing is bounded. At 1 no one learns much from a model
            whether a user was there; above 10 the bound says little.
        delta: δ, the chance that the bound does not hold; below one over the number of users.
        total: Most ε of all private trainings of this folder together; without, their sum is told.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    epsilon: float | None = Field(default=None, gt=0, le=100, allow_inf_nan=False)
    delta: float = Field(default=1e-6, gt=0, lt=0.01)
    total: float | None = Field(default=None, gt=0, allow_inf_nan=False)

    @model_validator(mode="after")
    def _enough(self) -> PrivacySettings:
        """See that one training is within the total."""
        if self.total is not None and self.epsilon is None:
            raise ValueError("total bounds trainings with an epsilon, and there is none")
        if self.total is not None and self.epsilon is not None and self.total < self.epsilon:
            raise ValueError(f"epsilon {self.epsilon:g} is above the total {self.total:g}")
        return self


class FederationSettings(BaseModel):
    """Training together with other sites, each of which keeps its own graph.

    Attributes:
        name: Of this site, as the others see it: letters, digits, blanks, dots and dashes.
        states: Whether states of users travel (64 numbers each, sealed, under pseudonyms made with
            the key in ``LINKSPAN_USER_KEY``, which all sites have), so that what a user did at one
            site counts at the others; without, parameters alone travel.
        floor: Fewest users with two items or more that a site needs to take part.
        timeout: Seconds to wait for the coordinator, and then for each of its answers.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(default=None, pattern=r"^[\w .-]{1,60}$")
    states: bool = False
    floor: int = Field(default=100, ge=25)
    timeout: float = Field(default=3600, gt=0, allow_inf_nan=False)


class TrainSettings(BaseModel):
    """Settings to build and train the history-state GNN.

    No two parts have a key of the same name, so that a name says its part (`PARTS`). What is dumped
    has no ``machine``.

    Attributes:
        encoding: What makes vectors of texts and images.
        model: What the model is.
        learning: How it is learned.
        transfer: What makes domains alike while it is learned.
        machine: Where it is learned; a run does not keep it, as the same model, learned elsewhere,
            is the same model.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoding: EncodingSettings = EncodingSettings()
    model: ModelSettings = ModelSettings()
    learning: LearningSettings = LearningSettings()
    transfer: TransferSettings = TransferSettings()
    machine: MachineSettings = Field(default=MachineSettings(), exclude=True)

    @classmethod
    def of(cls, **values: Any) -> TrainSettings:
        """Settings from keys without their parts, such as ``TrainSettings.of(epochs=3, layers=1)``.

        Raises:
            ConfigError: No part has such a key.
            ValueError: A value is not allowed.
        """
        return cls().changed(**values)

    def changed(self, **values: Any) -> TrainSettings:
        """The same settings with other values of some keys, as `of` takes them.

        Raises:
            ConfigError: No part has such a key.
            ValueError: A value is not allowed.
        """
        parts = {part: dict(getattr(self, part)) for part in TrainSettings.model_fields}
        for part, own in in_parts(values).items():
            parts[part] |= own
        return TrainSettings.model_validate(parts)


def _find_parts() -> dict[str, str]:
    parts: dict[str, str] = {}
    for part, field in TrainSettings.model_fields.items():
        model: type[BaseModel] = field.annotation  # type: ignore[assignment]
        parts |= dict.fromkeys(model.model_fields, part)
    return parts


PARTS = _find_parts()
"""Key to the part of `TrainSettings` that has it."""


def in_parts(values: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """Values by part and key, from values by key.

    Raises:
        ConfigError: No part of `TrainSettings` has such a key.
    """
    parts: dict[str, dict[str, Any]] = {}
    for key, value in values.items():
        if key not in PARTS:
            raise ConfigError(
                f"there is no setting of training '{key}'", hint=f"There are {', '.join(PARTS)}"
            )
        parts.setdefault(PARTS[key], {})[key] = value
    return parts
