"""Path lengths, against the closed form of a linear generator."""

import pytest
import torch
from torch import Tensor, nn

from atelier.metrics.ppl import full_precision, path_length, slerp


def flat() -> nn.Module:
    return nn.Flatten().eval()


def normal(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


MATRIX = normal(6, 3 * 4 * 4, seed=7)


def linear(z: Tensor) -> Tensor:
    return (z @ MATRIX.to(z.dtype)).view(-1, 3, 4, 4)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("epsilon", [1e-4, 1e-2, 0.5])
def test_of_a_linear_generator_it_is_the_mean_square_of_the_whole_way(epsilon: float, full: bool) -> None:
    starts, ends = normal(500, 6), normal(500, 6, seed=1)
    squares = linear(ends - starts).flatten(1).square().sum(dim=1).sort().values
    found = path_length(linear, flat(), starts, ends, epsilon=epsilon, full=full)
    assert found.value == pytest.approx(float(squares[4:-4].mean()), rel=1e-6)  # of 500, the ends of the one per cent are the 5th ones
    assert found.error == pytest.approx(float(squares[4:-4].std()) / 492**0.5, rel=1e-6)
    assert found.samples == 500


def test_float32_is_enough_and_the_batch_does_not_matter() -> None:
    starts, ends = normal(200, 6), normal(200, 6, seed=1)
    exact = path_length(linear, flat(), starts, ends)
    for batch_size in (7, 200):
        found = path_length(linear, flat(), starts.float(), ends.float(), batch_size=batch_size)
        assert found.value == pytest.approx(exact.value, rel=0.02)
        assert found.error == pytest.approx(exact.error, rel=0.02)


def test_one_wild_step_in_a_hundred_does_not_count() -> None:
    starts, ends = normal(200, 6), normal(200, 6, seed=1)
    calm = path_length(linear, flat(), starts, ends).value
    ends[0] *= 1e3
    assert path_length(linear, flat(), starts, ends).value == pytest.approx(calm, rel=0.05)


def test_lower_precision_is_refused_and_autocast_is_switched_off() -> None:
    starts, ends = normal(8, 6).float(), normal(8, 6, seed=1).float()
    with pytest.raises(ValueError, match="bfloat16"):
        path_length(lambda z: linear(z).bfloat16(), flat(), starts, ends)
    with pytest.raises(ValueError, match="uint8"):
        path_length(lambda z: linear(z).byte(), flat(), starts, ends)
    for coarsen, said in (
        (lambda images: images.bfloat16().float(), "bfloat16"),
        (lambda images: images.half().float(), "float16"),
        (lambda images: ((images.tanh() + 1) * 127.5).round() / 127.5 - 1, "whole pixel values"),
    ):
        with pytest.raises(ValueError, match=f"images in float32, and these are in {said}"):
            path_length(lambda z, coarsen=coarsen: coarsen(linear(z)), flat(), starts, ends)
    layer = nn.Linear(6, 48)

    def draw(z: Tensor) -> Tensor:
        images: Tensor = layer(z).view(-1, 3, 4, 4)
        return images

    outside = path_length(draw, flat(), starts, ends)
    with torch.autocast("cpu", torch.bfloat16):
        assert path_length(draw, flat(), starts, ends) == outside


def test_features_in_half_precision_are_refused() -> None:
    class Half(nn.Flatten):
        def forward(self, images: Tensor) -> Tensor:
            return super().forward(images).half()

    with pytest.raises(ValueError, match="features in float32, and these are in float16"):
        path_length(linear, Half().eval(), normal(8, 6), normal(8, 6, seed=1))


def test_images_that_saturate_are_no_reason_to_refuse() -> None:
    found = path_length(lambda z: linear(z).sign(), flat(), normal(50, 6), normal(50, 6, seed=1))
    assert found.value >= 0


def test_a_network_in_training_mode_is_refused() -> None:
    starts, ends = normal(8, 6).float(), normal(8, 6, seed=1).float()
    generator = nn.Sequential(nn.Linear(6, 48), nn.Unflatten(1, (3, 4, 4)))
    for draw in (generator, generator.forward):
        with pytest.raises(ValueError, match="generator is in training mode"):
            path_length(draw, flat(), starts, ends)
    with pytest.raises(ValueError, match="feature network is in training mode"):
        path_length(generator.eval(), nn.Flatten(), starts, ends)
    assert path_length(generator, flat(), starts, ends).value > 0


def test_latents_come_in_pairs() -> None:
    for starts, ends in ((normal(8, 6), normal(7, 6)), (normal(1, 6), normal(1, 6))):
        with pytest.raises(ValueError, match="two or more pairs"):
            path_length(linear, flat(), starts, ends)


def test_products_are_in_float32_inside_and_as_they_were_outside() -> None:
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("medium")
    torch.backends.cudnn.allow_tf32 = True
    try:
        with full_precision("cpu"):
            assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == ("highest", False)
        assert (torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32) == ("medium", True)
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]


def test_steps_begin_at_the_start_or_anywhere_on_the_way() -> None:
    starts, ends = torch.zeros(400, 1).double(), torch.ones(400, 1).double()

    def quadratic(z: Tensor) -> Tensor:  # steps of 2 t, where t is how far one is
        return z.square()[:, :, None, None] * torch.ones(1, 1, 2, 2)

    assert path_length(quadratic, flat(), starts, ends).value == pytest.approx(0, abs=1e-6)
    found = path_length(quadratic, flat(), starts, ends, full=True)
    assert found.value == pytest.approx(4 * 4 / 3, rel=0.15)  # four pixels, the mean of (2 t)²
    assert found == path_length(quadratic, flat(), starts, ends, full=True, batch_size=7)
    assert found != path_length(quadratic, flat(), starts, ends, full=True, seed=1)


def test_latents_of_several_layers_are_walked_straight() -> None:
    starts, ends = normal(30, 5, 6), normal(30, 5, 6, seed=1)
    for full in (False, True):
        found = path_length(lambda w: linear(w.sum(dim=1)), flat(), starts, ends, full=full).value
        assert found == pytest.approx(path_length(linear, flat(), starts.sum(dim=1), ends.sum(dim=1)).value, rel=1e-6)


def test_large_images_are_looked_at_by_the_means_of_blocks() -> None:
    starts, ends = normal(4, 6), normal(4, 6, seed=1)
    large = path_length(lambda z: linear(z).repeat_interleave(128, dim=2).repeat_interleave(128, dim=3), flat(), starts, ends)
    small = path_length(lambda z: linear(z).repeat_interleave(64, dim=2).repeat_interleave(64, dim=3), flat(), starts, ends)
    assert large.value == pytest.approx(small.value)


def test_large_images_are_looked_at_a_few_at_a_time_and_each_beside_its_own_end() -> None:
    starts, ends, counts = normal(5, 6), normal(5, 6, seed=1), list[int]()
    network = nn.Sequential(nn.AvgPool2d(64), nn.Flatten()).eval()
    network.register_forward_hook(lambda module, images, found: counts.append(len(found)))
    large = path_length(lambda z: linear(z).repeat_interleave(64, dim=2).repeat_interleave(64, dim=3), network, starts, ends)
    assert counts == [4, 4, 2]
    assert large.value == pytest.approx(path_length(linear, flat(), starts, ends).value)


def test_what_is_given_is_the_same_at_both_ends() -> None:
    starts, ends, scales = normal(50, 6), normal(50, 6, seed=1), normal(50, 1, seed=2)

    def draw(z: Tensor, scale: Tensor) -> Tensor:
        return linear(z) * scale[:, :, None, None]

    given = path_length(draw, flat(), starts, ends, scales, batch_size=16)
    assert given.value == pytest.approx(path_length(linear, flat(), starts * scales, ends * scales).value, rel=1e-6)


def test_on_the_sphere_lengths_go_from_one_to_the_other() -> None:
    a, b = normal(20, 6), 3 * normal(20, 6, seed=1)
    assert torch.allclose(slerp(a, b, 0.0), a)
    assert torch.allclose(slerp(a, b, 1.0), b)
    half = slerp(a, b, 0.5)
    assert torch.allclose(half.norm(dim=1), (a.norm(dim=1) + b.norm(dim=1)) / 2)
    cosines = [torch.cosine_similarity(half, end) for end in (a, b)]
    assert torch.allclose(*cosines)
    positions = torch.linspace(0, 1, 20, dtype=torch.float64)[:, None]
    each = torch.cat([slerp(a[row, None], b[row, None], float(positions[row])) for row in range(20)])
    assert torch.allclose(slerp(a, b, positions), each)
    assert torch.allclose(slerp(a, 2 * a, 0.5), 1.5 * a)  # no angle between them


def test_a_quarter_turn_is_as_long_as_its_arc() -> None:
    starts, ends = torch.eye(6).double()[:1].repeat(9, 1), torch.eye(6).double()[1:2].repeat(9, 1)
    for full in (False, True):
        found = path_length(lambda z: z[:, None, None], flat(), starts, ends, spherical=True, full=full)
        assert found.value == pytest.approx((torch.pi / 2) ** 2, rel=1e-6)
        assert (found.spherical, found.full) == (True, full)
