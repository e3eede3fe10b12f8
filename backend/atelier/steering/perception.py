"""How alike two pictures look: LPIPS where its network is here, and else the same idea through EfficientNet-Lite0."""

from abc import abstractmethod
from pathlib import Path
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from atelier.metrics.features import coloured, open_network
from atelier.styletransfer.networks import FeatureNetwork
from atelier.styletransfer.networks import open_network as open_layers

SMALLEST = 64  # pixels that lite0 is shown; of fewer, its deeper layers see one or two places


class Perception(Protocol):
    """Images [N, C, H, W] in [-1, 1] → vectors [N, D] whose squared distance says how unlike they look. Differentiable."""

    @property
    def name(self) -> str: ...

    @abstractmethod
    def __call__(self, images: Tensor) -> Tensor: ...


class Lite0Perception(nn.Module):
    """Activations of five layers, brought to length 1 at each place, as LPIPS has them; all channels and layers count alike.

    Nobody has fitted it to people's judgements: its distances are larger than LPIPS' and not to be compared with them.
    """

    name = "lite0"
    LAYERS = ("stem", "block0", "block2", "block4", "block7")

    def __init__(self, network: FeatureNetwork) -> None:
        super().__init__()
        self.network = network

    def forward(self, images: Tensor) -> Tensor:
        images = coloured(images.float())
        if images.shape[2] < SMALLEST:
            images = interpolate(images, (SMALLEST, SMALLEST), mode="bilinear", align_corners=False)
        vectors = []
        for activations in self.network(images, self.LAYERS).values():
            units = activations * (activations.square().sum(dim=1, keepdim=True) + 1e-8).rsqrt()
            vectors.append((units * (len(self.LAYERS) * units[0, 0].numel()) ** -0.5).flatten(1))
        return torch.cat(vectors, dim=1)


def open_perception(folder: Path, device: torch.device) -> Perception:
    """LPIPS if VGG-16 was added to the folder of feature networks.

    Raises:
        FileNotFoundError: no network is here at all; the message says how to get one.
        ValueError: a file is damaged.
    """
    try:
        return open_network("vgg16", folder, device)
    except FileNotFoundError:
        return Lite0Perception(open_layers("lite0", folder, device))
