"""LPIPS against torchmetrics' on the same random trunk, and where its gradient could be none."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor
from torchmetrics.functional.image.lpips import _LPIPS

from atelier.metrics.features import FeatureNetwork
from atelier.metrics.lpips import HEADS, LPIPS
from atelier.metrics.ppl import path_length


@pytest.fixture(scope="module")
def lpips(vgg16_network: FeatureNetwork) -> LPIPS:
    assert isinstance(vgg16_network, LPIPS)
    return vgg16_network


def picture(seed: int, size: int = 48, count: int = 2) -> Tensor:
    return torch.rand(count, 3, size, size + 16, generator=torch.Generator().manual_seed(seed)) * 2 - 1


@pytest.mark.parametrize("size", [16, 48])
def test_distances_are_those_of_torchmetrics(size: int, lpips: LPIPS, vgg16_file: Path) -> None:
    theirs = _LPIPS(net="vgg", pnet_rand=True)
    trunk = torch.load(vgg16_file, weights_only=True)
    for part in (getattr(theirs.net, f"slice{index}") for index in range(1, 6)):
        part.load_state_dict({name: trunk[f"features.{name}"] for name in part.state_dict()})
    first, second = picture(0, size), picture(1, size)
    expected = theirs(first, second)[:, 0, 0, 0]
    assert torch.allclose(lpips.distance(first, second), expected, rtol=1e-5, atol=0)
    assert float(lpips.distance(first, first).abs().max()) == 0
    grey = first[:, :1]
    assert torch.allclose(lpips.distance(grey, second), theirs(grey.expand(-1, 3, -1, -1), second)[:, 0, 0, 0], rtol=1e-5, atol=0)


def test_whole_pixel_values_are_the_same_images(lpips: LPIPS) -> None:
    pixels = torch.randint(256, (2, 3, 20, 20), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
    assert torch.equal(lpips(pixels), lpips(pixels / 127.5 - 1))


def test_autocast_around_it_changes_nothing(lpips: LPIPS) -> None:
    with torch.autocast("cpu", torch.bfloat16):
        inside = lpips(picture(0))
    assert inside.dtype == torch.float32
    assert torch.equal(inside, lpips(picture(0)))


def test_no_weight_of_the_heads_is_negative_and_the_file_says_whose_they_are() -> None:
    heads = load_file(HEADS)
    assert [len(heads[name]) for name in sorted(heads)] == [64, 128, 256, 512, 512]
    assert all(float(weights.min()) >= 0 for weights in heads.values())
    assert "Richard Zhang" in HEADS.with_suffix(".LICENSE").read_text()


def test_gradients_are_numbers_where_nothing_is_active_and_lead_to_the_other_image() -> None:
    dead = LPIPS().eval().requires_grad_(False)
    for block in dead.blocks:
        for conv in block:
            conv.weight.zero_()
            conv.bias.zero_()
    image = picture(0).requires_grad_()
    dead.distance(image, picture(1)).sum().backward()
    assert image.grad is not None
    assert bool(image.grad.isfinite().all())


def test_a_step_against_the_gradient_comes_closer(lpips: LPIPS) -> None:
    image, other = picture(0).requires_grad_(), picture(1)
    before = lpips.distance(image, other)
    (slope,) = torch.autograd.grad(before.sum(), image)
    after = lpips.distance(image.detach() - 0.05 * slope / slope.abs().max(), other)
    assert bool((after < before).all())


def test_it_is_the_distance_of_path_lengths(lpips: LPIPS) -> None:
    """Of a generator that is linear in its latent: the same as from the distance itself."""
    ways = picture(2, 16, 4) * 0.2

    def draw(latents: Tensor) -> Tensor:
        return torch.einsum("nk,kchw->nchw", latents, ways)

    starts, ends = (torch.randn(8, 4, generator=torch.Generator().manual_seed(seed)) for seed in (3, 4))
    found = path_length(draw, lpips, starts, ends, epsilon=1e-2, batch_size=4)
    lengths = lpips.distance(draw(starts), draw(torch.lerp(starts, ends, 1e-2))) / 1e-4
    assert found.value == pytest.approx(float(lengths.mean()), rel=1e-3)


def test_images_that_are_too_small_are_refused(lpips: LPIPS) -> None:
    with pytest.raises(ValueError, match="needs images of 16 px at least, and these have 20x15"):
        lpips(torch.zeros(1, 3, 15, 20))
