"""The kernel distance, against its definition."""

import pytest
import torch
from torch import Tensor

from atelier.metrics.kid import kernel_distance, squared_mmd


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_it_is_the_mean_of_the_kernel_over_pairs() -> None:
    x, y = normal(6, 4, 0).double(), normal(5, 4, 1).double()

    def kernel(a: Tensor, b: Tensor) -> float:
        return float((a @ b / 4 + 1) ** 3)

    within_x = sum(kernel(x[i], x[j]) for i in range(6) for j in range(6) if i != j) / 30
    within_y = sum(kernel(y[i], y[j]) for i in range(5) for j in range(5) if i != j) / 20
    across = sum(kernel(a, b) for a in x for b in y) / 30
    assert float(squared_mmd(x, y)) == pytest.approx(within_x + within_y - 2 * across)


def test_of_sets_that_are_alike_it_is_zero_on_average_below_it_as_often_as_above() -> None:
    values = torch.stack([squared_mmd(normal(50, 8, 2 * seed).double(), normal(50, 8, 2 * seed + 1).double()) for seed in range(200)])
    assert (values < 0).any()
    assert float(values.mean()) == pytest.approx(0, abs=3 * float(values.std()) / 200**0.5)


def test_it_grows_with_the_distance_and_knows_no_order() -> None:
    real = normal(300, 16)
    near, far = (kernel_distance(real, normal(300, 16, 1) + shift, subset_size=100).value for shift in (0.2, 0.6))
    assert 0 < near < far
    x, y = normal(40, 16).double(), 2 * normal(50, 16, 1).double()
    assert float(squared_mmd(x, y)) == pytest.approx(float(squared_mmd(y, x)))


def test_small_sets_have_small_subsets() -> None:
    found = kernel_distance(normal(40, 8), normal(30, 8, 1))
    assert found.subset_size == 30
    both = kernel_distance(normal(30, 8), normal(30, 8, 1), subsets=2)  # each subset is everything
    assert both.deviation == pytest.approx(0, abs=1e-12)
    assert both.value == pytest.approx(float(squared_mmd(normal(30, 8).double(), normal(30, 8, 1).double())))


def test_the_seed_decides_the_subsets() -> None:
    x, y = normal(100, 8), normal(100, 8, 1)
    first, again, other = (kernel_distance(x, y, subsets=3, subset_size=20, seed=seed).value for seed in (0, 0, 1))
    assert first == again != other


@pytest.mark.parametrize(("n", "m"), [(1, 10), (10, 1)])
def test_too_few_images_are_refused(n: int, m: int) -> None:
    with pytest.raises(ValueError, match="would have 1"):
        kernel_distance(normal(n, 2), normal(m, 2))
