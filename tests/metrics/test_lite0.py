"""EfficientNet-Lite0, against what it is known to say of pictures, and on what it must not depend."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from atelier.datasets.base import package_file
from atelier.metrics import lite0 as module
from atelier.metrics.features import features_of
from atelier.metrics.lite0 import Lite0, lite0, load_lite0

CPU = torch.device("cpu")
DAISY, PALACE = 985, 698  # ImageNet's classes


@pytest.fixture(scope="module")
def network() -> Lite0:
    return lite0(CPU)


def photograph(name: str) -> Tensor:
    """As ImageNet is judged: the shorter side 256 px, of which the middle 224: [1, 3, 224, 224] in [-1, 1]."""
    with Image.open(package_file("scikit-learn", f"sklearn/datasets/images/{name}")) as image:
        scale = 256 / min(image.size)
        width, height = (round(scale * side) for side in image.size)
        left, top = (width - 224) // 2, (height - 224) // 2
        image = image.resize((width, height), Image.Resampling.BICUBIC).crop((left, top, left + 224, top + 224))
        return torch.from_numpy(np.array(image)).permute(2, 0, 1)[None].float() / 127.5 - 1


@pytest.mark.parametrize(("name", "label", "probability"), [("flower.jpg", DAISY, 0.364), ("china.jpg", PALACE, 0.315)])
def test_it_recognises_what_it_is_known_to(network: Lite0, name: str, label: int, probability: float) -> None:
    probabilities = network.logits(network.pooled(photograph(name))).softmax(dim=1)[0]
    assert probabilities.argmax() == label
    assert float(probabilities[label]) == pytest.approx(probability, abs=0.002)


def test_features_do_not_depend_on_the_batch_and_grey_is_grey_in_colour(network: Lite0) -> None:
    images = torch.rand(5, 1, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    together = features_of(network, images)
    assert together.shape == (5, 1280)
    assert torch.allclose(features_of(network, images, batch_size=2), together, atol=1e-4)
    assert torch.allclose(features_of(network, images.expand(-1, 3, -1, -1)), together, atol=1e-4)


def test_whole_pixel_values_are_the_same_images(network: Lite0) -> None:
    pixels = torch.randint(256, (2, 3, 16, 16), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert torch.allclose(features_of(network, pixels), features_of(network, pixels.float() / 127.5 - 1), atol=1e-5)


def test_autocast_around_it_changes_nothing(network: Lite0) -> None:
    images = torch.rand(2, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1
    with torch.autocast("cpu", torch.bfloat16):
        inside = features_of(network, images)
    assert inside.dtype == torch.float32
    assert torch.equal(inside, features_of(network, images))


def test_every_pixel_of_a_large_image_counts() -> None:
    image = torch.zeros(1, 3, 512, 512)
    image[:, :, ::4] = 1  # lines that a filter without antialiasing would hit or miss
    small = Lite0().scaled(image)
    assert small.shape == (1, 3, 128, 128)
    assert float(small[:, :, 8:-8].std()) < 0.01
    assert float(small.mean()) == pytest.approx(0.25, abs=0.01)


def test_what_the_filter_overshoots_is_cut_off() -> None:
    image = torch.full((1, 1, 32, 32), -1.0)
    image[:, :, :, 16:] = 1
    assert Lite0().scaled(image).abs().max() == 1


def test_another_file_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "weights.pth"
    torch.save(Lite0().state_dict(), path)
    with pytest.raises(ValueError, match=r"weights\.pth is damaged"):
        load_lite0(path, CPU)


def test_weights_are_read_as_numbers_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "weights.pth"
    torch.save({"_conv_stem.weight": print}, path)
    monkeypatch.setattr(module, "SHA256", hashlib.sha256(path.read_bytes()).hexdigest())
    with pytest.raises(Exception, match="Weights only load failed"):
        load_lite0(path, CPU)
