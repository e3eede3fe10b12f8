"""The FID Inception, against torch-fidelity's on the same file of random weights."""

from pathlib import Path

import pytest
import torch
from torch import Tensor
from torch_fidelity import FeatureExtractorInceptionV3
from torch_fidelity.interpolate_compat_tensorflow import interpolate_bilinear_2d_like_tensorflow1x

from atelier.metrics.features import FeatureNetwork, features_of
from atelier.metrics.inception import bilinear


@pytest.fixture(scope="module")
def theirs(inception_file: Path) -> FeatureExtractorInceptionV3:
    return FeatureExtractorInceptionV3("inception", ["2048", "logits_unbiased"], inception_file)


def pixels(channels: int, height: int, width: int) -> Tensor:
    return torch.randint(256, (2, channels, height, width), dtype=torch.uint8, generator=torch.Generator().manual_seed(height))


@pytest.mark.parametrize(("channels", "height", "width"), [(3, 64, 64), (3, 299, 299), (3, 512, 384), (1, 28, 28)])
def test_features_and_logits_are_those_of_torch_fidelity(
    channels: int, height: int, width: int, inception: FeatureNetwork, theirs: FeatureExtractorInceptionV3
) -> None:
    images = pixels(channels, height, width)
    features, logits = theirs(images.expand(-1, 3, -1, -1))
    found = features_of(inception, images)
    assert found.shape == (2, 2048)
    assert float((found - features).norm() / features.norm()) < 1e-6
    assert float((inception.logits(found) - logits).norm() / logits.norm()) < 1e-6


def test_floats_are_the_same_images_whatever_autocast_says(inception: FeatureNetwork) -> None:
    images = pixels(3, 64, 64)[:1]
    found = features_of(inception, images)
    with torch.autocast("cpu", torch.bfloat16):
        floats = features_of(inception, images.float() / 127.5 - 1)
    assert floats.dtype == torch.float32
    assert float((found - floats).norm() / found.norm()) < 1e-5


def test_it_is_differentiable(inception: FeatureNetwork) -> None:
    image = (pixels(1, 32, 32)[:1] / 127.5 - 1).requires_grad_()
    inception(image).sum().backward()
    assert image.grad is not None
    assert bool((image.grad != 0).any())


@pytest.mark.parametrize("size", [1, 32, 299, 512])
def test_images_are_resized_to_the_last_bit_as_tensorflow_1_does(size: int) -> None:
    images = pixels(3, size, size + 7).float()
    assert torch.equal(bilinear(images, 299), interpolate_bilinear_2d_like_tensorflow1x(images, (299, 299), align_corners=False))
