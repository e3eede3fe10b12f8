"""Feature networks: images → vectors, between whose sets a distance means something, behind one interface.

A score is named after the network it was computed with, for another one gives another number: a Fréchet distance is an FID only
through that one Inception, and with EfficientNet-Lite0 it is called so.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn


class FeatureNetwork(nn.Module, ABC):
    """Images [N, 1 or 3, H, W], uint8 or float in [-1, 1], of any size → vectors [N, dim] in float32.

    Frozen, in eval mode, and in float32 whatever autocast says around it. Floats are not rounded to whole pixel values: who scores
    pictures as they are saved passes them as uint8.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    dim: ClassVar[int]  # of the vectors; 0: it grows with the images
    classes: ClassVar[int] = 0  # that `logits` tells apart; 0: none
    resize: ClassVar[str]  # how images are brought to its size, in words: filter, antialiasing, size

    digest: str = ""  # SHA-256 of its weights as they were published

    @abstractmethod
    def forward(self, images: Tensor) -> Tensor: ...

    def logits(self, features: Tensor) -> Tensor:
        """Vectors [N, dim] → classes [N, classes].

        Raises:
            ValueError: it has no classes.
        """
        raise ValueError(f"{self.title} has no classes")

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device


Opening = Callable[[Path, torch.device], FeatureNetwork]

networks: dict[str, Opening] = {}


def network(name: str) -> Callable[[Opening], Opening]:
    """Register a function that opens the network with its trained weights: (folder of feature networks, device) → network.

    It raises FileNotFoundError where there are no weights, and ValueError where they are damaged.
    """

    def register(opening: Opening) -> Opening:
        if name in networks:
            raise ValueError(f"feature network {name!r} is already defined in {networks[name].__module__}")
        networks[name] = opening
        return opening

    return register


def open_network(name: str, folder: Path, device: torch.device) -> FeatureNetwork:
    """The network of that name with its trained weights from `folder`, or from its package; never with others.

    Raises:
        ValueError: there is no such network, or its file is damaged.
        FileNotFoundError: its weights are not here; the message says how to get them.
    """
    if name not in networks:
        raise ValueError(f"feature network {name!r} is not one of {', '.join(networks)}")
    return networks[name](folder, device)


def coloured(images: Tensor) -> Tensor:
    """Images [N, 1 or 3, H, W] with three channels; a view.

    Raises:
        ValueError: they have another shape.
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        raise ValueError(f"images should be [N, 1 or 3, H, W], and these are {list(images.shape)}")
    return images.expand(-1, 3, -1, -1)


@torch.no_grad()
def features_of(network: FeatureNetwork, images: Tensor, *, batch_size: int = 16) -> Tensor:
    """Features [N, D] on the CPU, of images [N, C, H, W], uint8 or float in [-1, 1], a batch at a time on the network's device."""
    parts = [network(images[start : start + batch_size].to(network.device)).cpu() for start in range(0, len(images), batch_size)]
    return torch.cat(parts)
