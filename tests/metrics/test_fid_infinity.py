"""The distance of infinitely many images, against lines that are known and sets whose distance is."""

import pytest
import torch
from scipy.stats import linregress
from torch import Tensor

from atelier.metrics.fid_infinity import fid_infinity
from atelier.metrics.frechet import Gaussian, frechet_distance


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_a_line_over_one_by_n_is_continued_to_its_end() -> None:
    found = fid_infinity(lambda some: 7 + 300 / len(some), normal(1000, 1))
    assert found.value == pytest.approx(7)
    assert found.slope == pytest.approx(300)
    assert found.error == pytest.approx(0, abs=1e-9)
    assert (found.sizes[0], found.sizes[-1], len(found.sizes)) == (100, 1000, 15)
    assert found.distances[0] == 10


def test_the_line_and_its_error_are_those_of_least_squares() -> None:
    found = fid_infinity(lambda some: 3 + 50 / len(some) + float(some.mean()), normal(500, 1), smallest=40, points=9)
    expected = linregress([1 / size for size in found.sizes], found.distances)
    assert found.value == pytest.approx(expected.intercept)
    assert found.slope == pytest.approx(expected.slope)
    assert found.error == pytest.approx(expected.intercept_stderr)


def test_of_one_distribution_it_is_nearer_to_zero_than_all_images_together() -> None:
    real = Gaussian(torch.zeros(16).double(), torch.eye(16).double(), 10**9)
    all_of_them, extrapolated = [], []
    for seed in range(8):
        found = fid_infinity(lambda some: frechet_distance(real, Gaussian.of(some)), normal(600, 16, seed))
        all_of_them.append(found.distances[-1])
        extrapolated.append(found.value)
    assert min(all_of_them) > 0.1
    assert abs(sum(extrapolated) / 8) < sum(all_of_them) / 8 / 4


def test_subsets_are_drawn_anew_without_replacement_and_by_the_seed() -> None:
    generated = torch.arange(60).double()[:, None]
    seen: list[list[float]] = []

    def distance(some: Tensor) -> float:
        seen.append(some.flatten().tolist())
        return float(some.sum())

    first = fid_infinity(distance, generated, smallest=20, points=5)
    assert [len(part) for part in seen] == [20, 30, 40, 50, 60] == list(first.sizes)
    assert all(len(set(part)) == len(part) for part in seen)
    assert not set(seen[0]) <= set(seen[1])
    assert fid_infinity(distance, generated, smallest=20, points=5) == first
    assert fid_infinity(distance, generated, smallest=20, points=5, seed=1) != first


@pytest.mark.parametrize(("smallest", "points"), [(1, 15), (100, 15), (200, 15), (10, 2), (99, 15)])
def test_too_few_sizes_are_refused(smallest: int, points: int) -> None:
    with pytest.raises(ValueError, match="three sizes"):
        fid_infinity(lambda some: 0.0, normal(100, 1), smallest=smallest, points=points)
