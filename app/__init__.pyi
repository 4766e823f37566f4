"""The public names of ``linkspan``, and where each is; read by `lazy_loader`."""

from .api import connect as connect
from .api import connect_async as connect_async
from .errors import ArgumentError as ArgumentError
from .errors import ConfigError as ConfigError
from .errors import DatabaseError as DatabaseError
from .errors import DataError as DataError
from .errors import LinkspanError as LinkspanError
from .errors import ModelError as ModelError
from .errors import PublishError as PublishError
from .errors import SchemaError as SchemaError
from .graph.asking.async_client import AsyncClient as AsyncClient
from .graph.asking.client import Client as Client
from .graph.asking.results import Recommendation as Recommendation
from .graph.asking.results import SimilarItem as SimilarItem

__version__: str
