"""The device that tensors are on."""

from __future__ import annotations

import torch

from linkspan.errors import ModelError
from linkspan.gnn.settings import Device


def choose_device(wanted: Device) -> torch.device:
    """The device of a setting.

    Raises:
        ModelError: CUDA is asked for and absent.
    """
    if wanted == "cuda" and not torch.cuda.is_available():
        raise ModelError(
            "device 'cuda' is asked for, and torch finds no CUDA device",
            hint="Set device to 'auto' or 'cpu', or install a CUDA build of torch",
        )
    use_cuda = wanted != "cpu" and torch.cuda.is_available()
    return torch.device("cuda" if use_cuda else "cpu")
