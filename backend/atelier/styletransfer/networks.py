"""Feature networks that style transfer looks through: images → activations of named layers, behind one interface."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import ClassVar, Literal

import torch
from torch import Tensor, nn

Pooling = Literal["max", "average", "l2"]


class FeatureNetwork(nn.Module, ABC):
    """Images [N, 3, H, W] in [-1, 1], of any size from 32 px on → activations of the layers that are asked for, each [N, C, h, w].

    Frozen. A pixel of a layer stands for a square of `strides[layer]` pixels of the image, the first for that in the corner, and
    sees no further than `reaches[layer]` pixels beyond it. That is what tiles rely on.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    # What is looked at unless the user says otherwise, with the weights that were tuned for losses without units (see `pyramid`).
    content_layers: ClassVar[Mapping[str, float]]
    style_layers: ClassVar[Mapping[str, float]]
    # Pixels by which pictures are moved about, because layers with strides see some pixels more often than others; 0: not at all.
    jitter: ClassVar[int] = 0
    tile: ClassVar[int]  # longer side in pixels of what 2 GB are enough for

    strides: dict[str, int]  # of all layers, in order
    reaches: dict[str, int]

    @abstractmethod
    def forward(self, images: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        """Stops behind the last layer that is asked for."""

    @abstractmethod
    def grid(self, layer: str, size: int) -> int:
        """How many pixels of the layer there are along so many pixels of an image."""

    def reach(self, layers: Collection[str]) -> int:
        return max(self.reaches[layer] for layer in layers)

    def stride(self, layers: Collection[str]) -> int:
        return max(self.strides[layer] for layer in layers)

    @property
    def device(self) -> torch.device:
        return next(self.parameters()).device

    @property
    def dtype(self) -> torch.dtype:
        return next(self.parameters()).dtype


Opening = Callable[[Path, torch.device, Pooling], FeatureNetwork]

networks: dict[str, Opening] = {}
PREFERRED = ("vgg19", "lite0")


def network(name: str) -> Callable[[Opening], Opening]:
    """Register a function that opens the network with its trained weights: (folder of feature networks, device, pooling) → network.

    It raises FileNotFoundError where there are no weights, and ValueError where they are damaged.
    """

    def register(opening: Opening) -> Opening:
        if name in networks:
            raise ValueError(f"feature network {name!r} is already defined in {networks[name].__module__}")
        networks[name] = opening
        return opening

    return register


def open_network(name: str, folder: Path, device: torch.device, pooling: Pooling = "max") -> FeatureNetwork:
    """The network of that name; with "auto" VGG-19 if its weights were added to the folder, and otherwise EfficientNet-Lite0.

    Raises:
        ValueError: there is no such network, or its file is damaged.
        FileNotFoundError: its weights are not here; the message says how to get them.
    """
    if name != "auto":
        if name not in networks:
            raise ValueError(f"feature network {name!r} is not one of {', '.join(networks)}")
        return networks[name](folder, device, pooling)
    for preferred in PREFERRED:
        try:
            return networks[preferred](folder, device, pooling)
        except FileNotFoundError as error:
            missing = error
    raise missing
