"""The Inception Score, against what it must be."""

import pytest
import torch
from torch import Tensor

from atelier.metrics.inception_score import inception_score


def probabilities(n: int, classes: int, seed: int = 0) -> Tensor:
    return (3 * torch.randn(n, classes, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)).softmax(dim=1)


def test_of_one_sure_class_each_it_is_their_number() -> None:
    sure = torch.eye(8).repeat(50, 1)
    assert inception_score(sure, splits=1).value == pytest.approx(8)
    assert inception_score(sure).value < 8  # a tenth of them does not have each as often


@pytest.mark.parametrize("row", [[0.7, 0.2, 0.1], [1.0, 0.0, 0.0]])
def test_of_pictures_that_are_all_alike_it_is_one(row: list[float]) -> None:
    found = inception_score(torch.tensor([row]).repeat(30, 1))
    assert found.value == pytest.approx(1)
    assert found.deviation == pytest.approx(0, abs=1e-12)


def test_it_is_the_mean_divergence_from_the_mean() -> None:
    p = probabilities(40, 5)
    divergences = [(row * (row / p.mean(dim=0)).log()).sum() for row in p]
    assert inception_score(p, splits=1).value == pytest.approx(float(torch.stack(divergences).mean().exp()))


def test_the_seed_decides_the_splits_and_every_picture_is_in_one() -> None:
    p = probabilities(47, 6)
    first, again, other = (inception_score(p, splits=4, seed=seed) for seed in (0, 0, 1))
    assert first == again != other
    assert first.splits == 4
    changed = [inception_score(torch.cat([p[:row], p[row:].roll(1, dims=1)[:1], p[row + 1 :]]), splits=4).value for row in range(47)]
    assert all(value != first.value for value in changed)


def test_what_is_no_probability_is_refused() -> None:
    logits = torch.randn(20, 5, generator=torch.Generator().manual_seed(0))
    for wrong in (logits, logits.sigmoid(), torch.tensor([[1.5, -0.5]]).repeat(20, 1), torch.full((20, 2), torch.nan)):
        with pytest.raises(ValueError, match="probabilities"):
            inception_score(wrong)
    with pytest.raises(ValueError, match="there are 9"):
        inception_score(probabilities(9, 3))
