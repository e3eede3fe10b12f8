"""Variational autoencoder: "Auto-Encoding Variational Bayes" (arXiv 1312.6114) with the optimal sigma of arXiv 2006.13202."""

from collections.abc import Iterable
from typing import ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import softplus

from atelier.models.base import Batch, GenerativeModel, Generator, Hyperparameters, ImageSpec, Losses, Phase, Presets, Stage, architecture

MIN_LOG_SIGMA = -6.0


class VAEHyperparameters(Hyperparameters):
    """Hyper-parameters of the variational autoencoder."""

    latent_dim: int = Field(64, ge=2, le=1024)
    """Length of the latent vector z."""
    width: int = Field(32, ge=4, le=256)
    """Channels at full resolution; each halving of the image doubles them, up to eight times."""
    beta: float = Field(1.0, ge=0, le=100)
    """Weight of the KL term; 1 is the evidence lower bound, more gives smoother and more disentangled latents (beta-VAE)."""
    learning_rate: float = Field(1e-3, gt=0, le=0.1)
    """Adam's learning rate."""
    adam_beta1: float = Field(0.9, ge=0, lt=1)
    """Adam's first momentum."""
    adam_beta2: float = Field(0.999, ge=0, lt=1)
    """Adam's second momentum."""


def widths(hp: VAEHyperparameters, spec: ImageSpec) -> list[int]:
    """Channels at each resolution from half the full one down to 4x4."""
    return [hp.width * min(2**i, 8) for i in range(spec.resolution.bit_length() - 3)]


class Encoder(nn.Module):
    """Images [N, C, H, W] → mean and log-variance of q(z|x), each [N, latent_dim]."""

    def __init__(self, hp: VAEHyperparameters, spec: ImageSpec) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        channels = spec.channels
        for width in widths(hp, spec):
            layers += [nn.Conv2d(channels, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.LeakyReLU(0.2, inplace=True)]
            channels = width
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * 16, 2 * hp.latent_dim))

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.layers(images).float().chunk(2, dim=1)
        return mean, log_variance.clamp(-30, 20)


class Decoder(Generator):
    """z [N, latent_dim] → images [N, C, H, W] in [-1, 1]."""

    def __init__(self, hp: VAEHyperparameters, spec: ImageSpec) -> None:
        super().__init__()
        self.latent_dim = hp.latent_dim
        *rest, channels = widths(hp, spec)
        layers: list[nn.Module] = [nn.Linear(hp.latent_dim, channels * 16, bias=False), nn.Unflatten(1, (channels, 4, 4))]
        for width in reversed(rest):
            layers += [nn.BatchNorm2d(channels), nn.LeakyReLU(0.2, inplace=True), nn.ConvTranspose2d(channels, width, 4, 2, 1, bias=False)]
            channels = width
        layers += [
            nn.BatchNorm2d(channels),
            nn.LeakyReLU(0.2, inplace=True),
            nn.ConvTranspose2d(channels, spec.channels, 4, 2, 1),
            nn.Tanh(),
        ]
        self.layers = nn.Sequential(*layers)

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.layers(z)
        return images


@architecture("vae")
class VAE(GenerativeModel):
    """Learns to pass images through a narrow Gaussian code and back; drawing is decoding a random code.

    The loss is the evidence lower bound in nats: summed over pixels and channels, averaged over the batch. The noise
    of the Gaussian likelihood is its optimum for the batch (sigma-VAE, Rybkin et al. 2021, section 4), so there is no
    weight to tune between sharpness and smoothness.
    """

    title = "Variational autoencoder"
    paper = "https://arxiv.org/abs/1312.6114"
    Hyperparameters = VAEHyperparameters
    presets: ClassVar[Presets] = {
        "debug": {"resolution": 16, "steps": 60, "batch_size": 16, "width": 8, "latent_dim": 16},
        # With few pictures and no time, a code that fills the prior matters more than a faithful one: hence the weight on the KL term.
        "quick": {"steps": 2000, "latent_dim": 24, "beta": 25.0},
        "paper": {"resolution": 64, "steps": 100_000, "batch_size": 128, "width": 64, "latent_dim": 128},
    }

    def __init__(self, hp: VAEHyperparameters, spec: ImageSpec) -> None:
        super().__init__(hp, spec)
        self.hp = hp
        self.encoder = Encoder(hp, spec)
        self.generator = Decoder(hp, spec)

    def stages(self) -> Iterable[Stage]:
        betas = self.hp.adam_beta1, self.hp.adam_beta2
        optimizer = torch.optim.Adam(self.parameters(), self.hp.learning_rate, betas, fused=True)
        yield Stage(name="train", steps=self.hp.steps, phases=[Phase(name="elbo", module=self, optimizer=optimizer, losses=self.elbo)])

    def elbo(self, batch: Batch) -> Losses:
        mean, log_variance = self.encoder(batch.images)
        z = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        squares = (self.generator(z).float() - batch.images).square()  # [N, C, H, W]
        log_sigma = 0.5 * squares.mean().log()
        log_sigma = MIN_LOG_SIGMA + softplus(log_sigma - MIN_LOG_SIGMA)  # a soft floor, so that the density stays bounded
        nll = (0.5 * squares / (2 * log_sigma).exp() + log_sigma).sum(dim=(1, 2, 3)).mean()
        kl = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).sum(dim=1).mean()
        return {
            "loss": nll + self.hp.beta * kl,
            "nll": nll,
            "kl": kl,
            "sigma": log_sigma.exp(),
            "active_units": (mean.var(dim=0) > 0.01).float().sum(),  # Burda et al. 2016 (arXiv 1509.00519), section 5.2
        }
