"""Linkspan: cross-domain recommendations that live in your knowledge graph.

``import linkspan`` is light: nothing below loads torch, and the client loads only the driver.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from linkspan.api import connect as connect
    from linkspan.api import connect_async as connect_async
    from linkspan.graph.async_client import AsyncClient as AsyncClient
    from linkspan.graph.client import Client as Client
    from linkspan.graph.results import Recommendation as Recommendation
    from linkspan.graph.results import SimilarItem as SimilarItem

from linkspan.errors import (
    ArgumentError,
    ConfigError,
    DatabaseError,
    DataError,
    LinkspanError,
    ModelError,
    PublishError,
    SchemaError,
)

__version__ = "0.1.0"

_LAZY = {
    "AsyncClient": "linkspan.graph.async_client",
    "Client": "linkspan.graph.client",
    "Recommendation": "linkspan.graph.results",
    "SimilarItem": "linkspan.graph.results",
    "connect": "linkspan.api",
    "connect_async": "linkspan.api",
}

__all__ = [
    "ArgumentError",
    "AsyncClient",
    "Client",
    "ConfigError",
    "DataError",
    "DatabaseError",
    "LinkspanError",
    "ModelError",
    "PublishError",
    "Recommendation",
    "SchemaError",
    "SimilarItem",
    "connect",
    "connect_async",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(_LAZY[name]), name)
    raise AttributeError(f"module 'linkspan' has no attribute {name!r}")
