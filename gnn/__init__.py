"""Text and graph to scores: encoding, network, training, evaluation. Needs the ``train`` extra.

Importing this package, or `linkspan.gnn.settings`, loads no torch; using a name of the stub beside
this file does.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
