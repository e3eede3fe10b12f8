"""Losses and gradients of pictures: tiles against the whole, masks against none, and what moves."""

from collections.abc import Callable, Mapping, Sequence

import pytest
import torch
from tests.styletransfer.conftest import picture
from torch import Tensor

from atelier.styletransfer.networks import FeatureNetwork
from atelier.styletransfer.objective import Objective, Region, Weights, activations_of, moments_of, tiles_of, total_variation
from atelier.styletransfer.statistics import Moments, StyleLoss, gram, wasserstein

NETWORKS = pytest.mark.parametrize("name", ["vgg64", "lite64"])


def losses_of(network: FeatureNetwork, seed: int = 9, style_loss: Callable[[Moments], StyleLoss] = wasserstein) -> Mapping[str, StyleLoss]:
    moments = moments_of(network, picture(seed, 96, 80).to(network.dtype), tuple(network.style_layers), 0)
    return {layer: style_loss(part) for layer, part in moments.items()}


def objective(
    network: FeatureNetwork,
    content: Tensor,
    regions: Sequence[Region] | None = None,
    *,
    tile: int = 0,
    tv: float = 0.1,
    content_weight: float = 1.0,
) -> Objective:
    weights = Weights(content_weight, 1.0, tv, network.content_layers, network.style_layers)
    return Objective(network, content, regions or [Region(losses_of(network))], weights, tile=tile)


@pytest.fixture
def network(name: str, request: pytest.FixtureRequest) -> FeatureNetwork:
    found: FeatureNetwork = request.getfixturevalue(name)
    return found


@NETWORKS
def test_tiles_equal_the_whole(network: FeatureNetwork) -> None:
    height, width = 65, 211
    x, content = picture(0, height, width).double(), picture(1, height, width).double()
    mask = (torch.arange(width) > 70).double().expand(1, 1, height, -1)
    regions = [Region(losses_of(network)), Region(losses_of(network, 8), mask, 0.5)]
    whole, tiled = objective(network, content, regions), objective(network, content, regions, tile=96)
    for step in (0, 3):
        losses, gradient = whole(x, step)
        found, slope = tiled(x, step)
        assert {name: float(value) for name, value in found.items()} == pytest.approx({n: float(v) for n, v in losses.items()}, rel=1e-9)
        assert float((slope - gradient).abs().max() / gradient.abs().max()) < 1e-9


@NETWORKS
def test_tiles_cover_every_layer_once(network: FeatureNetwork) -> None:
    x = picture(2, 100, 131).double()
    layers = tuple(network.style_layers)
    whole, tiled = activations_of(network, x, layers, 0), activations_of(network, x, layers, 48)
    assert all(torch.allclose(tiled[layer], whole[layer], atol=1e-9) for layer in layers)


def test_seams_move_and_tiles_are_no_larger_than_asked_for(vgg64: FeatureNetwork) -> None:
    seams = set()
    for step in range(6):
        tiles = list(tiles_of(vgg64, ["relu5_1"], 300, 500, 128, step))
        covered = torch.zeros(300, 500)
        for tile in tiles:
            (top, bottom), (left, right) = tile.own
            covered[top:bottom, left:right] += 1
            assert max(bottom - top, right - left) < 128 + 16
        assert (covered == 1).all()
        seams.add(tiles[0].own)
    assert len(seams) > 3


@NETWORKS
def test_the_gradient_is_that_of_the_loss(network: FeatureNetwork) -> None:
    x, content = picture(3).double(), picture(4).double()
    direction = torch.randn(x.shape, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    goal, step = objective(network, content, [Region(losses_of(network, style_loss=gram))]), 1e-7
    ahead, behind = (goal(x + sign * step * direction, 3)[0]["loss"] for sign in (1, -1))
    slope = (goal(x, 3)[1] * direction).sum()
    assert float((ahead - behind) / (2 * step)) == pytest.approx(float(slope), rel=1e-3)


@NETWORKS
def test_a_mask_of_ones_equals_none(network: FeatureNetwork) -> None:
    x, content = picture(5).double(), picture(6).double()
    with_mask = objective(network, content, [Region(losses_of(network), torch.ones(1, 1, 48, 64).double())])
    for step in range(2):
        losses, gradient = objective(network, content)(x, step)
        found, slope = with_mask(x, step)
        assert float(found["loss"]) == pytest.approx(float(losses["loss"]), rel=1e-10)
        assert torch.allclose(slope, gradient, atol=1e-14)


def test_a_mask_keeps_the_style_out_of_the_rest(vgg64: FeatureNetwork) -> None:
    x = picture(7, 64, 256).double()
    mask = torch.zeros(1, 1, 64, 256).double()
    mask[..., :64] = 1
    _, gradient = objective(vgg64, x, [Region(losses_of(vgg64), mask)], tv=0, content_weight=0)(x)
    assert gradient[..., :64].abs().max() > 0
    assert gradient[..., 64 + vgg64.reach(vgg64.style_layers) :].abs().max() == 0


def test_the_content_itself_has_no_content_loss_wherever_it_is_moved(lite: FeatureNetwork) -> None:
    content = picture(8)
    goal = objective(lite, content)
    assert [float(goal(content, step)[0]["content"]) for step in range(9)] == pytest.approx([0] * 9, abs=1e-12)


def test_a_network_with_strides_sees_pictures_moved_and_each_place_again(lite: FeatureNetwork, vgg: FeatureNetwork) -> None:
    x, content = picture(9), picture(10)
    moving = objective(lite, content)
    losses = [float(moving(x, step)[0]["style"]) for step in range(16)]
    assert len(set(losses[:8])) == 8
    assert losses[8:] == losses[:8]
    still = objective(vgg, content)
    assert len({float(still(x, step)[0]["style"]) for step in range(8)}) == 1


def test_places_are_fair_to_odd_and_even_pixels_and_margins_are_mirrored(lite: FeatureNetwork) -> None:
    dot = torch.zeros(1, 3, 40, 50)
    dot[..., 20, 30] = 1
    goal, places = objective(lite, dot), []
    for step in range(8):
        moved = goal._moved(dot, step)
        assert moved.shape == (1, 3, 47, 57)
        places.append(divmod(int(moved[0, 0].argmax()), 57))
        right = places[-1][1] - 30
        clouds = goal._moved(picture(13, 40, 50), step)
        assert torch.equal(clouds[..., :right], clouds[..., 1 + right : 1 + 2 * right].flip(3))
    assert len(set(places)) == 8
    assert sorted((row % 2, column % 2) for row, column in places) == sorted([(0, 0), (0, 1), (1, 0), (1, 1)] * 2)


def test_one_channel_is_seen_in_grey(vgg64: FeatureNetwork) -> None:
    x, content = picture(11).double()[:, :1], picture(12).double()[:, :1]
    losses, gradient = objective(vgg64, content)(x)
    wide, slopes = objective(vgg64, content.expand(-1, 3, -1, -1))(x.expand(-1, 3, -1, -1).contiguous())
    assert gradient.shape == x.shape
    assert float(losses["loss"]) == pytest.approx(float(wide["loss"]), rel=1e-10)
    assert torch.allclose(gradient, slopes.sum(dim=1, keepdim=True), atol=1e-12)


def test_smoothness_does_not_depend_on_the_size_of_a_pattern() -> None:
    stripes = torch.tensor([0.0, 1.0]).repeat(50).expand(1, 3, 80, -1)
    assert float(total_variation(stripes)) == float(total_variation(stripes[..., :40, :40])) == 1
    assert float(total_variation(torch.full((1, 3, 8, 8), 0.3))) == 0
