"""The evidence lower bound on one scale: nats an image."""

import math

import pytest
import torch
from torch import Tensor, nn

from atelier.models.base import Batch, ImageSpec
from atelier.models.vae import MIN_LOG_SIGMA, VAE


class Fixed(nn.Module):
    """An encoder that finds the same Gaussian in every image."""

    def __init__(self, mean: float, log_variance: float) -> None:
        super().__init__()
        self.mean, self.log_variance = mean, log_variance

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        shape = len(images), 16
        return torch.full(shape, self.mean), torch.full(shape, self.log_variance)


class Blank(nn.Module):
    """A decoder that draws nothing but grey."""

    def forward(self, z: Tensor) -> Tensor:
        return torch.zeros(len(z), 1, 16, 16)


def losses(image_value: float, *, mean: float = 0.0, log_variance: float = 0.0, beta: float = 1.0) -> dict[str, float]:
    hp = VAE.hyperparameters("debug", beta=beta)
    assert isinstance(hp, VAE.Hyperparameters)
    model = VAE(hp, ImageSpec(channels=1, resolution=16))
    model.encoder, model.generator = Fixed(mean, log_variance), Blank()  # type: ignore[assignment]
    batch = Batch(images=torch.full((4, 1, 16, 16), image_value), labels=torch.zeros(4, dtype=torch.int64), attributes=torch.zeros(4, 0))
    return {name: value.item() for name, value in model.elbo(batch).items()}


def test_sigma_is_the_error_and_the_likelihood_a_sum_over_pixels() -> None:
    found = losses(0.5)  # every pixel is off by a half
    assert found["sigma"] == pytest.approx(0.5, rel=0.01)  # the soft floor lifts it a little
    assert found["nll"] == pytest.approx(256 * (0.5 + math.log(0.5)), rel=0.01)


def test_a_perfect_picture_does_not_make_the_density_infinite() -> None:
    found = losses(0.0)
    assert found["sigma"] >= math.exp(MIN_LOG_SIGMA)
    assert math.isfinite(found["nll"])


def test_kl_is_a_sum_over_the_code() -> None:
    assert losses(0.5)["kl"] == pytest.approx(0.0, abs=1e-5)
    assert losses(0.5, mean=2.0)["kl"] == pytest.approx(16 * 2.0)  # mean²/2 in each dimension
    assert losses(0.5, log_variance=1.0)["kl"] == pytest.approx(16 * 0.5 * (math.e - 2), rel=1e-5)


def test_beta_weighs_the_kl_term_alone() -> None:
    plain, heavy = losses(0.5, mean=1.0), losses(0.5, mean=1.0, beta=4.0)
    assert plain["loss"] == pytest.approx(plain["nll"] + plain["kl"])
    assert heavy["loss"] == pytest.approx(plain["nll"] + 4 * plain["kl"])
