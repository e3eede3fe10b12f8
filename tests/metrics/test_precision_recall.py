"""Precision and recall: their convention, and which is which."""

import pytest
import torch
from torch import Tensor

from atelier.metrics import precision_recall as module
from atelier.metrics.precision_recall import covered, precision_recall


def normal(n: int, d: int, seed: int = 0) -> Tensor:
    return torch.randn(n, d, generator=torch.Generator().manual_seed(seed))


def test_a_ball_reaches_to_the_kth_neighbour_and_its_surface_belongs_to_it() -> None:
    line = torch.tensor([[0.0], [1.0], [2.0], [3.0], [10.0]])
    # With k = 2 the radii are 2, 1, 1, 2 and 8: the ball of 10 reaches down to 2, that of 0 from -2 to 2.
    points = torch.tensor([[-2.0], [-2.1], [18.0], [18.1]])
    assert [covered(point[None], line, k=2) for point in points] == [1, 0, 1, 0]
    assert covered(points, line, k=2) == 0.5


def test_sets_that_are_alike_have_both() -> None:
    precision, recall = precision_recall(normal(1000, 4), normal(1000, 4, 1))
    assert precision > 0.85
    assert recall > 0.85


def test_collapse_to_a_few_good_images_costs_recall_and_noise_costs_precision() -> None:
    real = normal(1000, 4)
    collapsed = real[:1] + 0.01 * normal(1000, 4, 1)
    precision, recall = precision_recall(real, collapsed)
    assert precision > 0.9
    assert recall < 0.05
    precision, recall = precision_recall(real, 4 * normal(1000, 4, 2))
    assert precision < 0.3
    assert recall > 0.9


def test_of_two_modes_one_that_is_missing_is_half_of_recall() -> None:
    modes = torch.cat([normal(500, 4) - 20, normal(500, 4, 1) + 20])
    precision, recall = precision_recall(modes, normal(1000, 4, 2) + 20)
    assert precision > 0.85
    assert recall == pytest.approx(0.5, abs=0.08)


def test_a_long_matrix_is_cut_into_rows(monkeypatch: pytest.MonkeyPatch) -> None:
    x, y = normal(50, 8), normal(40, 8, 1) * 1.3
    whole = precision_recall(x, y)
    monkeypatch.setattr(module, "ROWS", 7)
    assert precision_recall(x, y) == whole


def test_far_from_zero_it_is_the_same() -> None:
    x, y = normal(100, 8), normal(100, 8, 1) * 1.3
    assert precision_recall(x.double() + 1e4, y.double() + 1e4) == precision_recall(x, y)
    x, y = x + 1000, y + 1000  # where squares in float32 are whole numbers
    assert precision_recall(x, y) == precision_recall(x.double(), y.double())


@pytest.mark.parametrize(("n", "m"), [(3, 10), (10, 3)])
def test_too_few_images_are_refused(n: int, m: int) -> None:
    with pytest.raises(ValueError, match="there are 3"):
        precision_recall(normal(n, 2), normal(m, 2))
