"""Moments and the distances between them, against closed forms and other ways to compute them."""

import pytest
import torch
from torch import Tensor

from atelier.metrics.frechet import Gaussian, frechet_distance
from atelier.styletransfer.statistics import STYLE_LOSSES, Moments, blend, gatys, gram, wasserstein


def activations(seed: int, channels: int = 12, height: int = 9, width: int = 11) -> Tensor:
    generator = torch.Generator().manual_seed(seed)
    mixing = torch.randn(channels, channels, generator=generator, dtype=torch.float64)
    places = torch.randn(channels, height * width, generator=generator, dtype=torch.float64)
    return (mixing @ places + mixing[:, :1]).view(1, channels, height, width)


def root_by_newton_schulz(matrix: Tensor, rounds: int = 40) -> Tensor:
    norm = matrix.norm()
    y, z, one = matrix / norm, torch.eye(len(matrix), dtype=matrix.dtype), torch.eye(len(matrix), dtype=matrix.dtype)
    for _ in range(rounds):
        middle = (3 * one - z @ y) / 2
        y, z = y @ middle, middle @ z
    return y * norm.sqrt()


def test_moments_are_mean_and_gram_matrix_over_places() -> None:
    x = activations(0)
    places = x.flatten(2)[0]
    found = Moments.of(x)
    assert torch.allclose(found.mean, places.mean(dim=1))
    assert torch.allclose(found.second, places @ places.mT / places.shape[1])
    assert torch.allclose(found.covariance, torch.cov(places, correction=0))


def test_weights_say_how_often_a_place_counts() -> None:
    x = activations(1, height=2, width=3)
    weights = torch.tensor([[0.0, 1, 2], [1, 0, 3]]).double().view(1, 1, 2, 3)
    repeated = torch.cat([x.flatten(2)[:, :, i : i + 1].expand(-1, -1, int(w)) for i, w in enumerate(weights.flatten())], dim=2)
    found, expected = Moments.of(x, weights), Moments.of(repeated[:, :, None])
    assert torch.allclose(found.mean, expected.mean)
    assert torch.allclose(found.second, expected.second)


def test_a_blend_is_that_of_all_places_together() -> None:
    x, y = activations(2, width=10), activations(3, width=30)
    together, blended = Moments.of(torch.cat([x, y], dim=3)), blend([Moments.of(x), Moments.of(y)], [1, 3])
    assert torch.allclose(blended.mean, together.mean)
    assert torch.allclose(blended.second, together.second)


@pytest.mark.parametrize("name", STYLE_LOSSES)
def test_of_itself_it_is_nothing(name: str) -> None:
    moments = Moments.of(activations(4))
    assert abs(float(STYLE_LOSSES[name](moments)(moments))) < 1e-12
    assert float(STYLE_LOSSES[name](moments)(Moments.of(activations(5)))) > 1e-3


def test_gatys_is_the_published_formula() -> None:
    x, y = (activations(seed).flatten(2)[0] for seed in (6, 7))
    n, m = x.shape
    expected = sum(float((x[i] @ x[j] / m - y[i] @ y[j] / m) ** 2) for i in range(n) for j in range(n)) / n**2 * 1000 / n**2
    assert float(gatys(Moments.of(activations(7)))(Moments.of(activations(6)))) == pytest.approx(expected, rel=1e-9)


def test_shares_have_no_units() -> None:
    for loss in (gram, wasserstein):
        found = loss(Moments.of(activations(8)))(Moments.of(activations(9)))
        louder = loss(Moments.of(10 * activations(8)))(Moments.of(10 * activations(9)))
        assert float(louder) == pytest.approx(float(found), rel=1e-9)


def test_the_wasserstein_distance_is_that_between_normal_distributions() -> None:
    first, second = Moments.of(activations(10)), Moments.of(activations(11))
    expected = frechet_distance(*(Gaussian(part.mean, part.covariance, 1000) for part in (first, second)))
    assert float(wasserstein(second)(first) * second.second.trace()) == pytest.approx(expected, rel=1e-9)


def test_the_gradient_of_the_wasserstein_distance_is_that_by_newton_schulz() -> None:
    target = Moments.of(activations(12))

    def by_newton_schulz(moments: Moments) -> Tensor:
        root = root_by_newton_schulz(target.covariance)
        trace = root_by_newton_schulz(root @ moments.covariance @ root).trace()
        distance = (moments.mean - target.mean).square().sum() + (moments.covariance + target.covariance).trace() - 2 * trace
        return distance / target.second.trace()

    gradients = []
    for loss in (wasserstein(target), by_newton_schulz):
        x = activations(13).requires_grad_()
        gradients.append(torch.autograd.grad(loss(Moments.of(x)), x)[0])
    assert float((gradients[0] - gradients[1]).norm() / gradients[1].norm()) < 1e-7


def test_a_style_of_few_directions_has_a_finite_gradient() -> None:
    flat = activations(14)[:, :, :1, :3]  # three places in twelve dimensions
    for loss in (wasserstein(Moments.of(flat)), wasserstein(Moments.of(torch.zeros_like(flat)))):
        x = (0 * activations(15)).requires_grad_()
        (gradient,) = torch.autograd.grad(loss(Moments.of(x)), x)
        assert gradient.isfinite().all()
