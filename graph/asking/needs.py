"""Needs of a question from outside: a query's rows, or the vector of a text."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, TypeVar, runtime_checkable

Result = TypeVar("Result")


@runtime_checkable
class Encoder(Protocol):
    """Turns texts into vectors.

    Attributes:
        name: Says with which model and settings; compared with that of the run's encoder.
    """

    @property
    def name(self) -> str:
        """The encoder's name."""
        ...

    def encode(self, texts: Sequence[str]) -> Any:
        """Vectors (n, d), in the order of the texts."""
        ...


EncoderOfRuns = Callable[[str], Encoder]
"""Gives the encoder to be used beside a run's, by the name of that one."""


@dataclass(frozen=True, slots=True)
class Read:
    """A reading query to be sent; its rows are the answer."""

    text: str
    parameters: dict[str, Any]
    retry: bool = True


@dataclass(frozen=True, slots=True)
class Encode:
    """A text to be encoded, which takes time and no database; its vector is the answer."""

    text: str
    encoder: Encoder

    def __call__(self) -> list[float]:
        """The vector (d,)."""
        return [float(value) for value in self.encoder.encode([self.text])[0]]


Asking = Generator[Read | Encode, Any, Result]
