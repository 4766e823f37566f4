"""Names of the files and folders of a saved model; nothing here loads torch."""

from __future__ import annotations

PARAMETERS, KEYS, MANIFEST, SPLIT = (
    "weights.safetensors",
    "keys.parquet",
    "model.json",
    "split.parquet",
)
ALONE, BASE = "alone", "base"
