"""Diversity of pictures whose distances are known."""

import pytest
import torch
from torch import Tensor

from atelier.metrics import metrics
from atelier.metrics.base import Evidence
from atelier.metrics.diversity import diversity
from atelier.metrics.features import FeatureNetwork


class Mean(FeatureNetwork):
    """An image's mean."""

    name, title, dim, resize = "mean", "Mean", 1, "none"

    def __init__(self) -> None:
        super().__init__()
        self.anything = torch.nn.Parameter(torch.zeros(1))

    def forward(self, images: Tensor) -> Tensor:
        return images.mean(dim=(1, 2, 3))[:, None]


def images(count: int) -> Tensor:
    """Normal means."""
    return torch.randn(count, 1, 1, 1, generator=torch.Generator().manual_seed(0)).expand(-1, 3, 4, 4)


def test_the_mean_is_over_independent_pairs_and_its_error_is_what_it_says() -> None:
    """The squared distance of two normal numbers has mean 2 and variance 8."""
    found = diversity(Mean(), images(4001), batch_size=3)
    assert found.pairs == 2000
    assert found.error == pytest.approx((8 / 2000) ** 0.5, rel=0.15)
    assert abs(found.value - 2) < 3 * found.error
    assert diversity(Mean(), images(4001), batch_size=100).value == pytest.approx(found.value, rel=1e-6)
    assert diversity(Mean(), images(4001), seed=1).value != found.value


def test_pictures_that_are_all_the_same_have_none() -> None:
    assert diversity(Mean(), torch.zeros(4, 1, 2, 2)).value == 0


def test_one_pair_is_no_mean() -> None:
    with pytest.raises(ValueError, match="two pairs of images at least, and there are 3 images"):
        diversity(Mean(), images(3))


def test_as_a_metric_it_tells_of_each_picture_that_was_looked_at() -> None:
    network, told = Mean(), list[int]()
    evidence = Evidence(
        network,
        seed=3,
        num_samples=40,
        see_generated=lambda: pytest.fail("it looks at pictures, not at features"),
        open_perceptual=lambda: network,
        draw_pictures=images,
        on_images=told.append,
    )
    found = metrics["diversity"].measure(evidence)
    assert found.value == diversity(network, images(40), seed=3).value
    assert (sum(told), found.images, found.details["pairs"], found.conventions["size"]) == (40, 40, 20, "4x4")
    assert metrics["diversity"].title_through("lite0") == "Perceptual diversity (lite0)"
