"""Settings of training; free of torch, so that the command line can check them at once."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

Device = Literal["auto", "cpu", "cuda"]


class TrainSettings(BaseModel):
    """How the history-state GNN is built and trained.

    Attributes:
        encoder: Text encoder: ``minilm`` (packaged), ``hash`` (no model, for tests), or the name or
            path of any sentence-transformers model.
        embedding_size: Width K of the states of nodes and users.
        layers: Hops of message passing.
        history_length: Events of a user, the latest ones, that make the user's state (L).
        adapter_size: Rank of the linear adapters of each domain; 0 leaves them out.
        dropout: Share of the history's positions that is left out while training.
        temperature: Divides the cosine of user and item.
        transition_window: Item transitions count up to this many steps (G).
        transition_decay: A transition over g steps weighs ``transition_decay ** (g - 1)``.
        mask_supervision: Whether the transitions that a batch is asked to predict are subtracted
            from the messages of that batch.
        hybrid: Whether the score is the sum of the network and the simple parts, weighed on
            validation rows; or the network's alone.
        linear_regularization: λ of the linear part.
        negatives: Items drawn per domain and batch against which a target is ranked.
        batch_size: Events per optimiser step (B).
        learning_rate: Step size of Adam.
        weight_decay: L2 penalty of Adam.
        epochs: Largest number of passes over the events.
        patience: Epochs without a better validation NDCG@10 after which training stops.
        seed: Seed of initial weights, order and negatives.
        device: ``cuda``, ``cpu``, or ``auto``: CUDA where it is there.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    encoder: str = Field(default="minilm", min_length=1)
    embedding_size: int = Field(default=64, ge=2)
    layers: int = Field(default=2, ge=1)
    history_length: int = Field(default=12, ge=1)
    adapter_size: int = Field(default=8, ge=0)
    dropout: float = Field(default=0.0, ge=0.0, lt=1.0)
    temperature: float = Field(default=0.12, gt=0.0)
    transition_window: int = Field(default=5, ge=1)
    transition_decay: float = Field(default=0.7, gt=0.0, le=1.0)
    mask_supervision: bool = True
    hybrid: bool = True
    linear_regularization: float = Field(default=500.0, gt=0.0)
    negatives: int = Field(default=1024, ge=1)
    batch_size: int = Field(default=2048, ge=1)
    learning_rate: float = Field(default=0.005, gt=0.0)
    weight_decay: float = Field(default=0.0, ge=0.0)
    epochs: int = Field(default=30, ge=1)
    patience: int = Field(default=2, ge=1)
    seed: int = Field(default=0, ge=0)
    device: Device = "auto"
