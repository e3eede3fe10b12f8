"""DCGAN: "Unsupervised Representation Learning with Deep Convolutional Generative Adversarial Networks" (arXiv 1511.06434)."""

from collections.abc import Iterable
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from atelier.models.augment import AdaptiveAugment, Augmentation, diff_augment
from atelier.models.base import Batch, GenerativeModel, Generator, Hyperparameters, ImageSpec, Losses, Phase, Presets, Stage, architecture
from atelier.models.layers import Upsampling, dcgan_init, double, spectral_norm


class DCGANHyperparameters(Hyperparameters):
    """Hyper-parameters of DCGAN."""

    variant: Literal["sn-hinge", "classic", "r1"] = "sn-hinge"
    """Discriminator and loss: spectral norm with the hinge loss, the paper's batch norm with the logistic loss, or the R1 penalty."""
    latent_dim: int = Field(100, ge=2, le=1024)
    """Length of the latent vector z."""
    upsampling: Upsampling = "transposed"
    """How the generator doubles the size: the paper's transposed convolution, or pixels repeated and convolved, free of checkerboards."""
    generator_width: int = Field(48, ge=4, le=256)
    """Channels of the generator's last hidden layer; each layer before it has twice as many."""
    discriminator_width: int = Field(32, ge=4, le=256)
    """Channels of the discriminator's first layer; each layer after it has twice as many."""
    generator_learning_rate: float = Field(2e-4, gt=0, le=0.1)
    """Adam's learning rate for the generator."""
    discriminator_learning_rate: float = Field(4e-4, gt=0, le=0.1)
    """Adam's learning rate for the discriminator."""
    adam_beta1: float = Field(0.5, ge=0, lt=1)
    """Adam's first momentum."""
    adam_beta2: float = Field(0.999, ge=0, lt=1)
    """Adam's second momentum."""
    hinge_margin: float = Field(0.25, gt=0, le=10)
    """Logit beyond which the discriminator is sure enough of an image; used by the variant sn-hinge alone."""
    r1_gamma: float = Field(10.0, ge=0, le=1000)
    """Weight of the R1 penalty; used by the variant r1 alone."""
    r1_interval: int = Field(4, ge=1, le=64)
    """Steps between two R1 penalties, each weighted as often as it is left out; used by the variant r1 alone."""
    augment: Augmentation = "translation"
    """Random changes to all that the discriminator sees, so that it can't learn a small data set by heart; ada doses them itself."""
    ada_target: float = Field(0.6, ge=-1, le=1)
    """Share of real images taken for real, less that taken for generated, which ada aims at; used by the augmentation ada alone."""


class DCGANGenerator(Generator):
    """z [N, latent_dim] → images [N, C, H, W] in [-1, 1], through 4x4 and then twice the size a layer."""

    def __init__(self, hp: DCGANHyperparameters, spec: ImageSpec) -> None:
        super().__init__()
        self.latent_dim = hp.latent_dim
        doublings = spec.resolution.bit_length() - 3  # 4 · 2^doublings = resolution
        channels = hp.generator_width * 2 ** (doublings - 1)
        # The paper's "project and reshape"; as a transposed convolution of one pixel it takes seven times as long on a CPU.
        layers: list[nn.Module] = [nn.Linear(hp.latent_dim, channels * 16, bias=False), nn.Unflatten(1, (channels, 4, 4))]
        for _ in range(doublings - 1):
            layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True), *double(hp.upsampling, channels, channels // 2, bias=False)]
            channels //= 2
        layers += [nn.BatchNorm2d(channels), nn.ReLU(inplace=True), *double(hp.upsampling, channels, spec.channels, bias=True), nn.Tanh()]
        self.layers = nn.Sequential(*layers)
        self.apply(dcgan_init)

    def forward(self, z: Tensor) -> Tensor:
        images: Tensor = self.layers(z)
        return images


class Discriminator(nn.Module):
    """Images [N, C, H, W] → logits [N, 1]: half the size a layer down to 4x4, then one linear map."""

    def __init__(self, hp: DCGANHyperparameters, spec: ImageSpec) -> None:
        super().__init__()
        spectral, batch = hp.variant == "sn-hinge", hp.variant == "classic"
        layers: list[nn.Module] = []
        channels, width = spec.channels, hp.discriminator_width
        for size in range(spec.resolution.bit_length() - 3):
            normed = batch and size > 0  # the paper leaves batch norm out of the first layer
            layers += [nn.Conv2d(channels, width, 4, 2, 1, bias=not normed)]
            layers += [nn.BatchNorm2d(width), nn.LeakyReLU(0.2, inplace=True)] if normed else [nn.LeakyReLU(0.2, inplace=True)]
            channels, width = width, 2 * width
        self.layers = nn.Sequential(*layers, nn.Flatten(), nn.Linear(channels * 16, 1))
        self.apply(dcgan_init)
        if spectral:
            for layer in self.layers:
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    spectral_norm(layer)

    def forward(self, images: Tensor) -> Tensor:
        logits: Tensor = self.layers(images)
        return logits


@architecture("dcgan")
class DCGAN(GenerativeModel):
    """Two convolutional networks play against each other: one draws from noise, one tells real from drawn.

    Deviations from the paper: logits and softplus in place of sigmoid and cross-entropy (the same function, without
    overflow); the averaged generator is published; the default discriminator has spectral norm and the hinge loss
    (Miyato et al. 2018, arXiv 1802.05957), the cheapest that got steadily better on small data. Its margin is a quarter
    of theirs: logits of a discriminator with Lipschitz constants of one seldom reach 1, and a player that is never sure
    teaches little. Momentum is the paper's 0.5.
    """

    title = "DCGAN"
    paper = "https://arxiv.org/abs/1511.06434"
    paper_title = "Radford, Metz, Chintala 2016: Unsupervised Representation Learning with Deep Convolutional GANs"
    Hyperparameters = DCGANHyperparameters
    presets: ClassVar[Presets] = {
        "debug": {
            "resolution": 16,
            "steps": 100,
            "batch_size": 16,
            "generator_width": 16,
            "discriminator_width": 8,
            "generator_learning_rate": 2e-3,
            "discriminator_learning_rate": 2e-3,
        },
        "quick": {"steps": 4000, "batch_size": 32, "generator_learning_rate": 5e-4, "discriminator_learning_rate": 5e-4},
        "photos": {
            "steps": 30_000,
            "batch_size": 32,
            "upsampling": "nearest",
            "generator_learning_rate": 5e-4,
            "discriminator_learning_rate": 5e-4,
            "schedule": "linear",
        },
        "paper": {
            "variant": "classic",
            "resolution": 64,
            "steps": 100_000,
            "batch_size": 128,
            "generator_width": 64,
            "discriminator_width": 64,
            "discriminator_learning_rate": 2e-4,
            "augment": "none",
        },
    }

    def __init__(self, hp: DCGANHyperparameters, spec: ImageSpec) -> None:
        super().__init__(hp, spec)
        self.hp = hp
        self.generator = DCGANGenerator(hp, spec)
        self.discriminator = Discriminator(hp, spec)
        # The paper looks every four batches whether to augment more or less.
        self.ada = AdaptiveAugment(target=hp.ada_target, interval=4 * hp.batch_size) if hp.augment == "ada" else None
        self.drawn: list[Tensor] = []  # what the generator drew and the discriminator has not seen yet, in order, each [N, C, H, W]

    def stages(self) -> Iterable[Stage]:
        betas = self.hp.adam_beta1, self.hp.adam_beta2
        g_opt = torch.optim.Adam(self.generator.parameters(), self.hp.generator_learning_rate, betas, fused=True)
        d_opt = torch.optim.Adam(self.discriminator.parameters(), self.hp.discriminator_learning_rate, betas, fused=True)
        # The generator goes first: its drawings then serve the discriminator as well, which saves drawing twice.
        phases = [
            Phase(name="generator", module=self.generator, optimizer=g_opt, losses=self.generator_losses),
            Phase(name="discriminator", module=self.discriminator, optimizer=d_opt, losses=self.discriminator_losses),
        ]
        if self.hp.variant == "r1":
            penalty = Phase(name="r1", module=self.discriminator, optimizer=d_opt, losses=self.r1_losses, interval=self.hp.r1_interval)
            phases.append(penalty)
        yield Stage(name="train", steps=self.hp.steps, phases=phases)

    def generator_losses(self, batch: Batch) -> Losses:
        images = self.generator(torch.randn(len(batch.images), self.hp.latent_dim, device=batch.images.device))
        self.drawn.append(images.detach())
        logits = self.judge(self.augment(images))
        return {"loss": -logits.mean() if self.hp.variant == "sn-hinge" else softplus(-logits).mean()}

    def discriminator_losses(self, batch: Batch) -> Losses:
        drawn = self.drawn.pop(0)
        if self.hp.variant == "classic":  # batch norm would tell a mixed batch from a pure one
            real_logits, fake_logits = self.judge(self.augment(batch.images)), self.judge(self.augment(drawn))
        else:
            real_logits, fake_logits = self.judge(self.augment(torch.cat([batch.images, drawn]))).chunk(2)
        if self.hp.variant == "sn-hinge":
            loss = relu(self.hp.hinge_margin - real_logits).mean() + relu(self.hp.hinge_margin + fake_logits).mean()
        else:
            loss = softplus(-real_logits).mean() + softplus(fake_logits).mean()
        losses = {"loss": loss}
        for name, logits in {"real": real_logits.detach(), "fake": fake_logits.detach()}.items():
            losses[f"{name}_logit"] = logits.mean()
            losses[f"{name}_score"] = logits.sigmoid().mean()  # what the paper calls D(x) and D(G(z))
            losses[f"{name}_sign"] = logits.sign().mean()  # 1: all are taken for real, -1: for generated; for real ones r_t of ADA
        if self.ada is not None:
            self.ada.observe(real_logits)
            losses["augment_p"] = self.ada.p.clone()
        return losses

    def r1_losses(self, batch: Batch) -> Losses:
        """Mescheder et al. 2018 (arXiv 1801.04406), eq. 9; computed lazily as in StyleGAN2 (arXiv 1912.04958), section 3.1."""
        # At augmented images, by what the discriminator itself sees: the game is played between augmented distributions, and the
        # penalty belongs where they meet; of other images the discriminator learns nothing. So do StyleGAN2-ADA and DiffAugment.
        # (ADA takes the gradient on through the augmentation, which needs a second derivative that grid_sample has not.)
        images = self.augment(batch.images).detach().requires_grad_()
        with torch.autocast(images.device.type, enabled=False):  # a squared gradient needs float32
            # forward(), because a compiled network can't be differentiated twice
            (gradient,) = torch.autograd.grad(self.discriminator.forward(images).sum(), images, create_graph=True)
            penalty = gradient.square().sum(dim=(1, 2, 3)).mean()
        return {"loss": penalty * (self.hp.r1_gamma / 2 * self.hp.r1_interval), "penalty": penalty}

    def augment(self, images: Tensor) -> Tensor:
        if self.hp.augment == "ada":
            assert self.ada is not None
            augmented: Tensor = self.ada(images)
            return augmented
        return diff_augment(images, self.hp.augment)

    def judge(self, images: Tensor) -> Tensor:
        """Logits [N, 1], in float32 whatever the discriminator computes in, so that the losses are."""
        logits: Tensor = self.discriminator(images)
        return logits.float()
