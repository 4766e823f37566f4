"""The terms of domain adaptation that the settings ask for."""

from __future__ import annotations

import logging

from linkspan.gnn.settings import TrainSettings
from linkspan.gnn.training.objective import Term
from linkspan.gnn.training.transfer.coral import Coral
from linkspan.gnn.training.transfer.dann import DANN
from linkspan.gnn.training.transfer.gan import GAN
from linkspan.gnn.training.transfer.mapping import Mapping
from linkspan.gnn.training.transfer.mmd import MMD

_log = logging.getLogger(__name__)


def build_terms(settings: TrainSettings, domains: int) -> list[tuple[Term, float]]:
    """Terms with their weights; none where there is one domain only.

    Args:
        settings: Those of the training.
        domains: Number of domains.
    """
    chosen, width = settings.transfer, settings.model.embedding_size
    if domains < 2:
        _log.warning("there is one domain only, so the terms of [train.transfer] are off")
        return []
    align, clusters = chosen.align, chosen.clusters
    terms: list[tuple[Term, float]] = []
    if chosen.coral:
        terms.append((Coral(align, clusters, width), chosen.coral))
    if chosen.mmd:
        terms.append((MMD(align, clusters, width), chosen.mmd))
    if chosen.dann:
        terms.append((DANN(align, clusters, domains, width), chosen.dann))
    if chosen.mapping:
        terms.append((Mapping(), chosen.mapping))
    if chosen.gan:
        terms.append((GAN(domains, width), chosen.gan))
    return terms
