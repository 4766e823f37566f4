"""Features, split, model, training, scoring and evaluation. Needs the ``train`` extra.

Importing this package, or `linkspan.gnn.settings`, loads no torch; using a name below does.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from linkspan.gnn.baselines import BASELINES as BASELINES
    from linkspan.gnn.baselines import build_baselines as build_baselines
    from linkspan.gnn.choosing import Choice as Choice
    from linkspan.gnn.components import PARTS as PARTS
    from linkspan.gnn.components import Component as Component
    from linkspan.gnn.embedding import Embedded as Embedded
    from linkspan.gnn.embedding import embed_snapshot as embed_snapshot
    from linkspan.gnn.erasing import erase_from_model as erase_from_model
    from linkspan.gnn.evaluation import LIST as LIST
    from linkspan.gnn.evaluation import Evaluation as Evaluation
    from linkspan.gnn.evaluation import evaluate as evaluate
    from linkspan.gnn.features import find_scheme as find_scheme
    from linkspan.gnn.fitted import Epoch as Epoch
    from linkspan.gnn.fitted import FittedModel as FittedModel
    from linkspan.gnn.hybrid import with_weights as with_weights
    from linkspan.gnn.refreshing import carry_over as carry_over
    from linkspan.gnn.scoring import score_pairs as score_pairs
    from linkspan.gnn.scoring import score_top as score_top
    from linkspan.gnn.scoring import similar_items as similar_items
    from linkspan.gnn.settings import SplitSettings as SplitSettings
    from linkspan.gnn.settings import TrainSettings as TrainSettings
    from linkspan.gnn.split import Split as Split
    from linkspan.gnn.split import last_out as last_out
    from linkspan.gnn.split import split_events as split_events
    from linkspan.gnn.store import load as load
    from linkspan.gnn.store import save as save
    from linkspan.gnn.text import HashEncoder as HashEncoder
    from linkspan.gnn.text import SentenceEncoder as SentenceEncoder
    from linkspan.gnn.text import TextEncoder as TextEncoder
    from linkspan.gnn.text import build_encoder as build_encoder
    from linkspan.gnn.text import embed_snapshot_text as embed_snapshot_text
    from linkspan.gnn.text import embed_texts as embed_texts
    from linkspan.gnn.training import train as train
    from linkspan.gnn.training import train_all as train_all
    from linkspan.gnn.tuning import Tuned as Tuned
    from linkspan.gnn.tuning import tune as tune
    from linkspan.gnn.weighing import fit_hybrid as fit_hybrid

_LAZY = {
    "BASELINES": "baselines",
    "LIST": "evaluation",
    "PARTS": "components",
    "Choice": "choosing",
    "Component": "components",
    "Embedded": "embedding",
    "Epoch": "fitted",
    "Evaluation": "evaluation",
    "FittedModel": "fitted",
    "HashEncoder": "text",
    "SentenceEncoder": "text",
    "Split": "split",
    "SplitSettings": "settings",
    "TextEncoder": "text",
    "TrainSettings": "settings",
    "build_baselines": "baselines",
    "build_encoder": "text",
    "embed_snapshot": "embedding",
    "carry_over": "refreshing",
    "embed_snapshot_text": "text",
    "embed_texts": "text",
    "erase_from_model": "erasing",
    "evaluate": "evaluation",
    "find_scheme": "features",
    "fit_hybrid": "weighing",
    "last_out": "split",
    "load": "store",
    "save": "store",
    "score_pairs": "scoring",
    "score_top": "scoring",
    "similar_items": "scoring",
    "split_events": "split",
    "Tuned": "tuning",
    "train": "training",
    "train_all": "training",
    "tune": "tuning",
    "with_weights": "hybrid",
}

__all__ = [
    "BASELINES",
    "LIST",
    "PARTS",
    "Choice",
    "Component",
    "Embedded",
    "Epoch",
    "Evaluation",
    "FittedModel",
    "HashEncoder",
    "SentenceEncoder",
    "Split",
    "SplitSettings",
    "TextEncoder",
    "TrainSettings",
    "Tuned",
    "build_baselines",
    "build_encoder",
    "carry_over",
    "embed_snapshot",
    "embed_snapshot_text",
    "embed_texts",
    "erase_from_model",
    "evaluate",
    "find_scheme",
    "fit_hybrid",
    "last_out",
    "load",
    "save",
    "score_pairs",
    "score_top",
    "similar_items",
    "split_events",
    "train",
    "train_all",
    "tune",
    "with_weights",
]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(import_module(f"linkspan.gnn.{_LAZY[name]}"), name)
    raise AttributeError(f"module 'linkspan.gnn' has no attribute {name!r}")
