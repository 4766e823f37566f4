"""Linkspan: cross-domain recommendations that live in your knowledge graph.

``import linkspan`` is light: nothing below loads torch, and the client loads only the driver. The
public names stand in the stub beside this file.
"""

import lazy_loader

__version__ = "0.1.0"

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
