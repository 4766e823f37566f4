"""Samples of events, where all of them would cost time and change little."""

from __future__ import annotations

import numpy as np
import pandas as pd


def at_most(events: pd.DataFrame, most: int, random: np.random.Generator) -> pd.DataFrame:
    """The events, or so many of them drawn by chance, in their order."""
    if len(events) <= most:
        return events
    return events.iloc[np.sort(random.choice(len(events), most, replace=False))]
