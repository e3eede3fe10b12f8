"""Small networks with random weights, in float64 where results are compared to many digits; and the trained one."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from atelier.featurefiles import NETWORKS
from atelier.metrics.lite0 import lite0
from atelier.styletransfer.lite0 import Lite0
from atelier.styletransfer.networks import FeatureNetwork, open_network
from atelier.styletransfer.vgg import VGG19

CPU = torch.device("cpu")


def picture(seed: int, height: int = 48, width: int = 64) -> Tensor:
    """Clouds and grain, [1, 3, H, W] in [-1, 1]."""
    generator = torch.Generator().manual_seed(seed)
    clouds = nn.functional.interpolate(torch.rand(1, 3, 5, 6, generator=generator) * 2 - 1, (height, width), mode="bicubic")
    return (clouds + 0.2 * torch.randn(1, 3, height, width, generator=generator)).clamp(-1, 1)


def keep_weights(name: str, folder: Path) -> list[dict[str, Tensor]]:
    """Random weights, in `folder` as the official ones would be kept."""
    generator, states = torch.Generator().manual_seed(0), []
    for published in NETWORKS[name].files:
        shapes = published.layout.items()
        fans = {key: torch.Size(shape[1:]).numel() if len(shape) > 1 else 10_000 for key, shape in shapes}
        states.append({key: torch.randn(shape, generator=generator) * (2 / fans[key]) ** 0.5 for key, shape in shapes})
        save_file(states[-1], folder / published.kept)
    return states


def thin(network: VGG19, width: int) -> VGG19:
    """The same layers with a few channels each."""
    torch.manual_seed(0)
    channels = 3
    for name in network.features:
        network.features[name] = nn.Conv2d(channels, width, 3, padding=1)
        nn.init.kaiming_normal_(network.features[name].weight, nonlinearity="relu")
        channels = width
    return network.eval().requires_grad_(False)


@pytest.fixture(scope="session")
def vgg() -> FeatureNetwork:
    """VGG-19 of 6 channels a layer, which stands still."""
    return thin(VGG19(), 6)


@pytest.fixture(scope="session")
def vgg64() -> FeatureNetwork:
    return thin(VGG19(), 6).double()


@pytest.fixture(scope="session")
def adain(tmp_path_factory: pytest.TempPathFactory) -> FeatureNetwork:
    folder = tmp_path_factory.mktemp("features")
    keep_weights("adain", folder)
    return open_network("adain", folder, CPU)


@pytest.fixture(scope="session")
def adain64(tmp_path_factory: pytest.TempPathFactory) -> FeatureNetwork:
    folder = tmp_path_factory.mktemp("features")
    keep_weights("adain", folder)
    return open_network("adain", folder, CPU).double()


@pytest.fixture(scope="session")
def lite() -> FeatureNetwork:
    return open_network("lite0", Path("nowhere"), CPU)


@pytest.fixture(scope="session")
def lite64() -> FeatureNetwork:
    return Lite0(lite0(CPU)).double()
