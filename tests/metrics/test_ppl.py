"""Path lengths, against the closed form of a linear generator."""

import pytest
import torch
from torch import Tensor, nn

from atelier.metrics.ppl import path_length, slerp

Flat = nn.Flatten


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


MATRIX = normal(6, 3 * 4 * 4, seed=7)


def linear(z: Tensor) -> Tensor:
    return (z @ MATRIX.to(z.dtype)).view(-1, 3, 4, 4)


@pytest.mark.parametrize("epsilon", [1e-4, 1e-2])
def test_of_a_linear_generator_it_is_the_mean_square_of_the_whole_way(epsilon: float) -> None:
    starts, ends = normal(500, 6), normal(500, 6, seed=1)
    squares = linear(ends - starts).flatten(1).square().sum(dim=1).sort().values
    found = path_length(linear, Flat(), starts, ends, epsilon=epsilon)
    assert found.value == pytest.approx(float(squares[4:-4].mean()), rel=1e-6)  # of 500, the ends of the one per cent are the 5th ones
    assert found.samples == 500


def test_float32_is_enough_and_the_batch_does_not_matter() -> None:
    starts, ends = normal(200, 6), normal(200, 6, seed=1)
    exact = path_length(linear, Flat(), starts, ends)
    for batch_size in (7, 200):
        found = path_length(linear, Flat(), starts.float(), ends.float(), batch_size=batch_size)
        assert found.value == pytest.approx(exact.value, rel=0.02)
        assert found.error == pytest.approx(exact.error, rel=0.02)


def test_one_wild_step_in_a_hundred_does_not_count() -> None:
    starts, ends = normal(200, 6), normal(200, 6, seed=1)
    calm = path_length(linear, Flat(), starts, ends).value
    ends[0] *= 1e3
    assert path_length(linear, Flat(), starts, ends).value == pytest.approx(calm, rel=0.05)


def test_lower_precision_is_refused_and_autocast_is_switched_off() -> None:
    starts, ends = normal(8, 6).float(), normal(8, 6, seed=1).float()
    with pytest.raises(ValueError, match="bfloat16"):
        path_length(lambda z: linear(z).bfloat16(), Flat(), starts, ends)
    with pytest.raises(ValueError, match="uint8"):
        path_length(lambda z: linear(z).byte(), Flat(), starts, ends)
    layer = nn.Linear(6, 48)

    def draw(z: Tensor) -> Tensor:
        images: Tensor = layer(z).view(-1, 3, 4, 4)
        return images

    outside = path_length(draw, Flat(), starts, ends)
    with torch.autocast("cpu", torch.bfloat16):
        assert path_length(draw, Flat(), starts, ends) == outside


def test_what_is_given_is_the_same_at_both_ends() -> None:
    starts, ends, scales = normal(50, 6), normal(50, 6, seed=1), normal(50, 1, seed=2)

    def draw(z: Tensor, scale: Tensor) -> Tensor:
        return linear(z) * scale[:, :, None, None]

    given = path_length(draw, Flat(), starts, ends, scales, batch_size=16)
    assert given.value == pytest.approx(path_length(linear, Flat(), starts * scales, ends * scales).value, rel=1e-6)


def test_on_the_sphere_lengths_go_from_one_to_the_other() -> None:
    a, b = normal(20, 6), 3 * normal(20, 6, seed=1)
    assert torch.allclose(slerp(a, b, 0.0), a)
    assert torch.allclose(slerp(a, b, 1.0), b)
    half = slerp(a, b, 0.5)
    assert torch.allclose(half.norm(dim=1), (a.norm(dim=1) + b.norm(dim=1)) / 2)
    cosines = [torch.cosine_similarity(half, end) for end in (a, b)]
    assert torch.allclose(*cosines)


def test_a_quarter_turn_is_as_long_as_its_arc() -> None:
    starts, ends = torch.eye(6).double()[:1].repeat(9, 1), torch.eye(6).double()[1:2].repeat(9, 1)
    found = path_length(lambda z: z[:, None, None], Flat(), starts, ends, spherical=True)
    assert found.value == pytest.approx((torch.pi / 2) ** 2, rel=1e-6)
