"""Types of the fixtures in ``contract/conftest.py``."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd

from linkspan.graph.publishing.publish import PublishReport, RunRecord

Lists = Callable[[int], pd.DataFrame]
"""A seed to lists of all users."""

Record = Callable[[str], RunRecord]
"""A name to a run of that name."""

PublishRun = Callable[..., PublishReport]
"""The name and seed of a run to what publishing it said; ``vectors`` of items as well."""
