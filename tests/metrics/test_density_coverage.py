"""Density and coverage: their convention, and what they see that precision and recall don't."""

import pytest
import torch
from torch import Tensor

from atelier.metrics import density_coverage as module
from atelier.metrics.density_coverage import density_coverage
from atelier.metrics.precision_recall import precision_recall


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_balls_are_about_real_images_and_open() -> None:
    line = torch.tensor([[0.0], [1.0], [2.0], [3.0], [10.0]])
    # With k = 2 the radii are 2, 1, 1, 2 and 8.
    assert density_coverage(line, torch.tensor([[-1.9]]), k=2) == (1 / 2, 1 / 5)
    assert density_coverage(line, torch.tensor([[-2.0]]), k=2) == (0, 0)
    assert density_coverage(line, torch.tensor([[2.5]]), k=2) == (3 / 2, 3 / 5)  # in the balls of 2, 3 and 10
    assert density_coverage(line, torch.tensor([[-1.9], [2.5]]), k=2) == (4 / 4, 4 / 5)


def test_a_set_has_density_one_in_itself_and_covers_itself() -> None:
    real = normal(200, 4)
    assert density_coverage(real, real) == (1, 1)


def test_of_sets_that_are_alike_they_are_what_the_paper_derives() -> None:
    density, coverage = density_coverage(normal(2000, 4), normal(2000, 4, 1), k=5)
    assert density == pytest.approx(1, abs=0.03)
    assert coverage == pytest.approx(1 - 0.5**5, abs=0.02)  # k of k + M nearest are real, N = M: lemma 2


def test_an_outlier_among_the_real_ones_vouches_for_nothing() -> None:
    real = torch.cat([normal(500, 4), torch.full((1, 4), 30.0)])
    generated = 3 * normal(500, 4, 1) + 25  # in the outlier's ball and in no other
    precision, _ = precision_recall(real, generated)
    density, _ = density_coverage(real, generated)
    assert precision > 0.95
    assert density < 0.25


def test_collapse_to_a_few_good_images_costs_coverage() -> None:
    real = normal(1000, 4)
    density, coverage = density_coverage(real, real[:1] + 0.01 * normal(1000, 4, 1))
    assert density > 0.9
    assert coverage < 0.05


def test_a_long_matrix_is_cut_into_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normal(50, 8), normal(40, 8, 1) * 1.3
    whole = density_coverage(x, y)
    monkeypatch.setattr(module, "ROWS", 7)
    assert density_coverage(x, y) == whole


def test_far_from_zero_it_is_the_same() -> None:
    x, y = normal(100, 8), normal(100, 8, 1) * 1.3
    assert density_coverage(x.double() + 1e4, y.double() + 1e4) == density_coverage(x, y)
    x, y = x + 1000, y + 1000  # where squares in float32 are whole numbers
    assert density_coverage(x, y) == density_coverage(x.double(), y.double())


def test_too_few_real_images_are_refused() -> None:
    with pytest.raises(ValueError, match="there are 5"):
        density_coverage(normal(5, 2), normal(9, 2))
