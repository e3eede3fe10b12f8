"""Variational autoencoder: "Auto-Encoding Variational Bayes" (arXiv 1312.6114), with an optimal sigma and a learned density of codes."""

import math
from collections.abc import Iterable
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import softplus

from atelier.models.base import (
    OPTIMISATION,
    Batch,
    GenerativeModel,
    Generator,
    Hyperparameters,
    ImageSpec,
    Losses,
    Phase,
    Presets,
    Stage,
    architecture,
)

MIN_LOG_SIGMA = -6.0
LOG_2PI = math.log(2 * math.pi)


class VAEHyperparameters(Hyperparameters):
    """Hyper-parameters of the variational autoencoder."""

    latent_dim: int = Field(64, ge=2, le=1024)
    """Length of the latent vector z, and of the code of an image."""
    width: int = Field(32, ge=4, le=256)
    """Channels at half the resolution; each halving of the image doubles them, up to eight times."""
    prior: Literal["flow", "normal"] = "flow"
    """Where codes to draw from come from: the density that pictures' codes turn out to have, or a standard normal one as in the paper."""
    likelihood: Literal["optimal", "gaussian"] = "optimal"
    """The noise that pictures are taken to have: what is left of the error (sigma-VAE), or always the same sigma."""
    sigma: float = Field(0.1, gt=0, le=10)
    """Standard deviation of that noise, of pixels that go from -1 to 1; used by the likelihood gaussian alone."""
    beta: float = Field(1.0, ge=0, le=1000)
    """Weight of the KL term; 1 is the evidence lower bound, more gives smoother and more disentangled codes (beta-VAE)."""
    beta_warmup: float = Field(0.0, ge=0, le=1)
    """Share of the steps over which beta rises from nothing."""
    free_bits: float = Field(0.0, ge=0, le=10)
    """Nats of the KL term that cost nothing in each dimension of the code, so that none is given up early."""
    upsampling: Literal["bilinear", "transposed"] = "bilinear"
    """How the decoder grows: stretched and convolved, or by transposed convolutions, which are quicker and weave patterns."""
    learning_rate: float = Field(1e-3, gt=0, le=0.1)
    """Adam's learning rate."""
    adam_beta1: float = Field(0.9, ge=0, lt=1)
    """Adam's first momentum."""
    adam_beta2: float = Field(0.999, ge=0, lt=1)
    """Adam's second momentum."""
    # Nothing fights here, so there is little to average away; and an encoder belongs to the decoder of the same step, not to an
    # average of earlier ones. In presets a falling learning rate does what the average does elsewhere, for both of them at once.
    ema_images: int = Field(0, ge=0, le=10_000_000, json_schema_extra=OPTIMISATION)
    """Half-life, in images, of the averaged decoder that is shown and published; 0 publishes the one that the encoder belongs to."""


def widths(hp: VAEHyperparameters, spec: ImageSpec) -> list[int]:
    """Channels at each resolution from half the full one down to 4x4."""
    return [hp.width * min(2**i, 8) for i in range(spec.resolution.bit_length() - 3)]


class Encoder(nn.Module):
    """Images [N, C, H, W] → mean and log-variance of q(code|image), each [N, latent_dim]."""

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


class Coupling(nn.Module):
    """One half of a vector scales and shifts the other, and all of it is shuffled: invertible, whatever the network between them is."""

    order: Tensor

    def __init__(self, order: Tensor, hidden: int = 256) -> None:
        super().__init__()
        self.kept, changed = len(order) // 2, len(order) - len(order) // 2
        self.net = nn.Sequential(
            nn.Linear(self.kept, hidden),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(hidden, hidden),
            nn.LeakyReLU(0.2, inplace=True),
            nn.Linear(hidden, 2 * changed),
        )
        self.gain = nn.Parameter(torch.zeros(2 * changed))  # begins as the identity, whatever weights the network begins with
        self.register_buffer("order", order)  # what comes where in the shuffle, [D]

    def forward(self, z: Tensor) -> Tensor:
        kept, changed = z[:, : self.kept], z[:, self.kept :]
        log_scale, shift = self.scale_and_shift(kept)
        return torch.cat([kept, changed * log_scale.exp() + shift], dim=1)[:, self.order.argsort()]

    def inverse(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Back, and the logarithm of how much that stretches volumes, [N]."""
        x = x[:, self.order]
        kept, changed = x[:, : self.kept], x[:, self.kept :]
        log_scale, shift = self.scale_and_shift(kept)
        return torch.cat([kept, (changed - shift) * (-log_scale).exp()], dim=1), -log_scale.sum(dim=1)

    def scale_and_shift(self, kept: Tensor) -> tuple[Tensor, Tensor]:
        log_scale, shift = (self.gain * self.net(kept)).chunk(2, dim=1)
        return 2 * (log_scale / 2).tanh(), shift  # at most e² a layer, so that none explodes


class Flow(nn.Module):
    """z [N, D] from a standard normal density ↔ codes [N, D] as pictures have them.

    Affine couplings as in RealNVP (Dinh et al. 2017, arXiv 1605.08803). Smooth both ways, so that a walk through z is one through
    codes, and every picture has a z. Without layers it is the identity: codes are taken to be standard normal themselves.
    """

    def __init__(self, dim: int, layers: int) -> None:
        super().__init__()
        # Each second one turns the order round, so that what the last one kept is changed: by chance alone some would always be kept.
        orders = [torch.randperm(dim) if layer % 2 else torch.arange(dim).flip(0) for layer in range(layers)]
        self.layers = nn.ModuleList(map(Coupling, orders))

    def forward(self, z: Tensor) -> Tensor:
        with torch.autocast(z.device.type, enabled=False):  # what is inverted must be exact
            codes = z.float()
            for layer in self.layers:
                codes = layer(codes)
            return codes

    def inverse(self, codes: Tensor) -> tuple[Tensor, Tensor]:
        """z, and the logarithm of how much the way there stretches volumes, [N]."""
        with torch.autocast(codes.device.type, enabled=False):
            z, log_stretch = codes.float(), codes.new_zeros(len(codes))
            for layer in reversed(self.layers):
                assert isinstance(layer, Coupling)
                z, more = layer.inverse(z)
                log_stretch = log_stretch + more
            return z, log_stretch


class Decoder(Generator):
    """z [N, latent_dim] → code → images [N, C, H, W] in [-1, 1]."""

    def __init__(self, hp: VAEHyperparameters, spec: ImageSpec) -> None:
        super().__init__()
        self.latent_dim = hp.latent_dim
        self.prior = Flow(hp.latent_dim, layers=4 if hp.prior == "flow" else 0)
        channels, *rest = reversed(widths(hp, spec))
        layers: list[nn.Module] = [nn.Linear(hp.latent_dim, channels * 16, bias=False), nn.Unflatten(1, (channels, 4, 4))]
        stretched = hp.upsampling == "bilinear"
        for width in (*rest, hp.width // 2 if stretched else spec.channels):
            layers += [nn.BatchNorm2d(channels), nn.LeakyReLU(0.2, inplace=True)]
            if stretched:
                layers += [nn.Upsample(scale_factor=2, mode="bilinear"), nn.Conv2d(channels, width, 3, 1, 1, bias=False)]
            else:
                layers += [nn.ConvTranspose2d(channels, width, 4, 2, 1, bias=width == spec.channels)]
            channels = width
        if stretched:  # what was just stretched is soft: edges are drawn at full size
            layers += [nn.BatchNorm2d(channels), nn.LeakyReLU(0.2, inplace=True), nn.Conv2d(channels, spec.channels, 3, 1, 1)]
        self.layers = nn.Sequential(*layers, nn.Tanh())

    def forward(self, z: Tensor) -> Tensor:
        return self.decode(self.prior(z))

    def codes(self, z: Tensor) -> Tensor:
        codes: Tensor = self.prior(z)
        return codes

    def from_codes(self, codes: Tensor) -> Tensor:
        return self.prior.inverse(codes)[0]

    def decode(self, codes: Tensor) -> Tensor:
        """Codes [N, latent_dim] → images [N, C, H, W] in [-1, 1]."""
        images: Tensor = self.layers(codes)
        return images


@architecture("vae")
class VAE(GenerativeModel):
    """Learns to pass images through a narrow code and back, and what codes are like; drawing is decoding a random one.

    The loss is the evidence lower bound in nats: summed over pixels and channels, averaged over the batch. The noise of the
    Gaussian likelihood is its optimum for the batch (sigma-VAE, Rybkin et al. 2021, arXiv 2006.13202, section 4), so there is no
    weight to tune between sharpness and smoothness. Codes of few pictures never fill the standard normal density that the bound
    pulls them to, and what is drawn from where no code ever was is a blur. So a flow learns what density they do have, beside the
    bound and without a say in it: "ex-post density estimation" (Ghosh et al. 2020, arXiv 1903.12436, section 4; Dai and Wipf 2019,
    arXiv 1903.05789), at the same time in place of afterwards. Flow and decoder together are the generator, whose z is standard normal.
    """

    title = "Variational autoencoder"
    paper = "https://arxiv.org/abs/1312.6114"
    paper_title = "Kingma, Welling 2014: Auto-Encoding Variational Bayes"
    Hyperparameters = VAEHyperparameters
    presets: ClassVar[Presets] = {
        "debug": {"resolution": 16, "steps": 60, "batch_size": 16, "width": 8, "latent_dim": 16},
        # With few pictures and no time, a code that fills the prior matters more than a faithful one: hence the weight on the KL term.
        "quick": {
            "steps": 6000,
            "batch_size": 32,
            "learning_rate": 2e-3,
            "latent_dim": 48,
            "beta": 8.0,
            "beta_warmup": 0.1,
            "schedule": "cosine",
        },
        "paper": {
            "resolution": 64,
            "steps": 100_000,
            "batch_size": 128,
            "width": 64,
            "latent_dim": 128,
            "prior": "normal",
            "beta_warmup": 0.1,
            "schedule": "cosine",
        },
    }

    generator: Decoder
    running_mean: Tensor
    seen: Tensor

    def __init__(self, hp: VAEHyperparameters, spec: ImageSpec) -> None:
        super().__init__(hp, spec)
        self.hp = hp
        self.encoder = Encoder(hp, spec)
        self.generator = Decoder(hp, spec)
        self.register_buffer("running_mean", torch.zeros(hp.latent_dim))  # of the codes
        self.register_buffer("seen", torch.zeros(()))  # steps, for the warm-up of beta

    def stages(self) -> Iterable[Stage]:
        betas = self.hp.adam_beta1, self.hp.adam_beta2
        optimizer = torch.optim.Adam(self.parameters(), self.hp.learning_rate, betas, fused=True)
        phase = Phase(name="elbo", module=self, optimizer=optimizer, losses=self.elbo)
        yield Stage(name="train", steps=self.hp.steps, phases=[phase], held_out=self.held_out)

    def elbo(self, batch: Batch) -> Losses:
        mean, log_variance = self.encoder(batch.images)
        self.seen += 1 / self.hp.accumulate
        self.running_mean.lerp_(mean.detach().mean(dim=0), 0.01)
        losses, divergences = self.bound(batch.images, mean, log_variance)
        kl = divergences.clamp_min(self.hp.free_bits).sum()
        ramp = self.hp.beta_warmup * self.hp.steps
        beta = self.hp.beta * (self.seen / ramp).clamp_max(1) if ramp else self.hp.beta
        return {"loss": losses["nll"] + beta * kl + losses["code_nll"]} | losses

    @torch.no_grad()
    def held_out(self, batch: Batch) -> Losses:
        """What is lost of pictures that the networks have never seen, from the middle of their codes, and the terms of the bound."""
        mean, log_variance = self.encoder(batch.images)
        losses, _ = self.bound(batch.images, mean, log_variance)
        mse = (self.generator.decode(mean).float() - batch.images).square().mean()  # a pixel and channel, in [-1, 1]
        return {"mse": mse} | losses

    def bound(self, images: Tensor, mean: Tensor, log_variance: Tensor) -> tuple[Losses, Tensor]:
        """What there is to report, in nats an image, with one random code for each; and the KL term of each dimension [latent_dim]."""
        codes = mean + torch.randn_like(mean) * (0.5 * log_variance).exp()
        squares = (self.generator.decode(codes).float() - images).square()  # [N, C, H, W]
        if self.hp.likelihood == "gaussian":
            log_sigma = squares.new_tensor(self.hp.sigma).log()
        else:
            log_sigma = 0.5 * squares.mean().log()
            log_sigma = MIN_LOG_SIGMA + softplus(log_sigma - MIN_LOG_SIGMA)  # a soft floor, so that the density stays bounded
        nll = (0.5 * squares / (2 * log_sigma).exp() + log_sigma).sum(dim=(1, 2, 3)).mean()
        divergences = 0.5 * (mean.square() + log_variance.exp() - 1 - log_variance).mean(dim=0)
        z, log_stretch = self.generator.prior.inverse(codes.detach())
        code_nll = (0.5 * (z.square() + LOG_2PI).sum(dim=1) - log_stretch).mean()
        variance = (mean - self.running_mean).square().mean(dim=0)
        losses = {
            "nll": nll,
            "kl": divergences.sum(),
            "code_nll": code_nll,  # of codes, under the density that the generator draws them from
            "log_sigma": log_sigma,
            "active_units": (variance > 0.01).float().sum(),  # Burda et al. 2016 (arXiv 1509.00519), section 5.2
        }
        return losses, divergences

    # ------------------------------------------------------------------------------------- what one can do with a trained one

    @torch.no_grad()
    def encode(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Images [N, C, H, W] in [-1, 1] → mean and log-variance of their codes, each [N, latent_dim]."""
        mean, log_variance = self.encoder(images)
        return mean, log_variance

    @torch.no_grad()
    def decode(self, codes: Tensor) -> Tensor:
        """Codes [N, latent_dim] → images [N, C, H, W]."""
        return self.generator.decode(codes)

    @torch.no_grad()
    def latents(self, images: Tensor) -> Tensor:
        """z [N, latent_dim] from which the generator draws what `reconstruct` gives for these images [N, C, H, W]."""
        return self.generator.prior.inverse(self.encode(images)[0])[0]

    def invert(self, images: Tensor) -> Tensor:
        return self.latents(images)

    def reconstruct(self, images: Tensor) -> Tensor:
        """Images [N, C, H, W] through the middle of their codes and back."""
        return self.decode(self.encode(images)[0])

    def interpolate(self, first: Tensor, second: Tensor, steps: int) -> Tensor:
        """From image to image, each [C, H, W], in a straight line between their codes → [steps, C, H, W], both ends included."""
        start, end = self.encode(torch.stack([first, second]))[0]
        return self.decode(torch.lerp(start, end, torch.linspace(0, 1, steps, device=start.device)[:, None]))

    @torch.no_grad()
    def interpolate_samples(self, first: Tensor, second: Tensor, steps: int) -> Tensor:
        """From sample to sample, z [latent_dim] each, along the arc on which standard normal vectors stay likely → [steps, C, H, W]."""
        images: Tensor = self.generator(slerp(first, second, torch.linspace(0, 1, steps, device=first.device)))
        return images

    def traverse(self, image: Tensor, dimension: int, values: Tensor) -> Tensor:
        """An image [C, H, W] with one dimension of its code set to each of the values [K] → [K, C, H, W]."""
        codes = self.encode(image[None])[0].repeat(len(values), 1)
        codes[:, dimension] = values
        return self.decode(codes)

    def direction(self, with_it: Tensor, without: Tensor) -> Tensor:
        """What sets images with something [N, C, H, W] apart from images without it [M, C, H, W]: a step between codes [latent_dim]."""
        return self.encode(with_it)[0].mean(dim=0) - self.encode(without)[0].mean(dim=0)

    def edit(self, images: Tensor, direction: Tensor, intensity: float = 1.0) -> Tensor:
        """Images [N, C, H, W] with more of what `direction` [latent_dim] stands for, or less of it → [N, C, H, W]."""
        return self.decode(self.encode(images)[0] + intensity * direction)


def slerp(first: Tensor, second: Tensor, shares: Tensor) -> Tensor:
    """Between vectors [D], at these shares [K] of the angle between them → [K, D] (Shoemake 1985)."""
    angle = torch.acos(nn.functional.cosine_similarity(first, second, dim=0).clamp(-1, 1)).clamp_min(1e-4)
    shares = shares[:, None]
    return (((1 - shares) * angle).sin() * first + (shares * angle).sin() * second) / angle.sin()
