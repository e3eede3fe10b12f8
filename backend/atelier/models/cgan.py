"""Conditional GAN: "Conditional Generative Adversarial Nets" (arXiv 1411.1784), with the projection discriminator of arXiv 1802.05637."""

from collections.abc import Iterable
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu, softplus

from atelier.models.augment import AdaptiveAugment, Augmentation, diff_augment
from atelier.models.base import (
    Batch,
    ConditionalGenerator,
    Conditioning,
    GenerativeModel,
    Hyperparameters,
    ImageSpec,
    Losses,
    Phase,
    Presets,
    Stage,
    architecture,
    conditions_of,
)
from atelier.models.layers import ConditionalBatchNorm2d, Placing, Upsampling, dcgan_init, double, spectral_norm

JOINT_WIDTH = 240  # of the hidden layer in which the classic discriminator joins image and condition; the paper has as many maxout units
CLASSIC_LOUDNESS = 0.2  # of the condition's embedding beside z, where the paper leaves its scale open


class CGANHyperparameters(Hyperparameters):
    """Hyper-parameters of the conditional GAN."""

    conditions: Literal["class", "attributes"] = "class"
    """What images can be asked for by: the data set's classes, or its attributes."""
    variant: Literal["projection", "classic"] = "projection"
    """Conditional batch norm and a projection discriminator with the hinge loss, or the paper's joined layers with the logistic loss."""
    label_dropout: float = Field(0.1, ge=0, lt=1)
    """Share of images that are shown without their condition, so that the generator can also draw when it is asked for nothing."""
    mismatch: float = Field(0.0, ge=0, le=1)
    """Weight of real images under conditions of others, which the discriminator must refuse, as in arXiv 1605.05396; 0 shows none."""
    latent_dim: int = Field(100, ge=2, le=1024)
    """Length of the latent vector z."""
    embedding_dim: int = Field(64, ge=1, le=1024)
    """Length of the condition's embedding, in both networks; used by the variant classic alone."""
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
    """Logit beyond which the discriminator is sure enough of an image; used by the variant projection alone."""
    augment: Augmentation = "translation"
    """Random changes to all that the discriminator sees, so that it can't learn a small data set by heart; ada doses them itself."""
    ada_target: float = Field(0.6, ge=-1, le=1)
    """Share of real images taken for real, less that taken for generated, which ada aims at; used by the augmentation ada alone."""


class CGANGenerator(ConditionalGenerator):
    """z [N, latent_dim], condition [N, K] → images [N, C, H, W] in [-1, 1], through 4x4 and then twice the size a layer.

    All that a class does to the norms is linear in it, so that a blend of two classes is a blend of what they do.
    """

    def __init__(self, hp: CGANHyperparameters, spec: ImageSpec, condition_dim: int) -> None:
        super().__init__(condition_dim)
        self.latent_dim = hp.latent_dim
        doublings = spec.resolution.bit_length() - 3  # 4 · 2^doublings = resolution
        widths = [hp.generator_width * 2**i for i in reversed(range(doublings))]
        self.classic = hp.variant == "classic"
        self.first = nn.Linear(hp.latent_dim + (hp.embedding_dim if self.classic else 0), widths[0] * 16, bias=False)
        self.embedding = nn.Linear(condition_dim, hp.embedding_dim, bias=False) if self.classic else None
        # A class says nothing of places, and beside it, z would soon be ignored.
        self.place = Placing(condition_dim, widths[0]) if hp.conditions == "attributes" and not self.classic else None
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(width) if self.classic else ConditionalBatchNorm2d(width, condition_dim) for width in widths
        )
        self.doublings = nn.ModuleList(
            nn.Sequential(*double(hp.upsampling, width, following, bias=last))
            for width, following, last in zip(widths, [*widths[1:], spec.channels], [False] * (doublings - 1) + [True], strict=True)
        )
        self.apply(dcgan_init)
        if self.embedding is not None:
            nn.init.normal_(self.embedding.weight, std=CLASSIC_LOUDNESS * condition_dim**-0.5)
        if self.place is not None:
            self.place.begin()

    def forward(self, z: Tensor, condition: Tensor) -> Tensor:
        condition = self.standardised(condition)
        if self.embedding is not None:
            z = torch.cat([z, self.embedding(condition)], dim=1)
        first, *norms = self.norms
        x: Tensor = self.first(z).unflatten(1, (-1, 4, 4))
        x = first(x) if self.classic else first(x, condition)
        if self.place is not None:
            x = x + self.place(condition)
        for doubling, norm in zip(self.doublings, norms, strict=False):
            x = doubling(relu(x))
            x = norm(x) if self.classic else norm(x, condition)
        images: Tensor = self.doublings[-1](relu(x))
        return images.tanh()


class Discriminator(nn.Module):
    """Images [N, C, H, W], conditions [N, K] → logits [N, conditions]: half the size a layer down to 4x4, then each condition comes in.

    "projection": a linear map of the features, plus their scalar product with an embedding of the condition (eq. 4 of the paper).
    "classic": features and an embedding of the condition are joined in a hidden layer.
    """

    def __init__(self, hp: CGANHyperparameters, spec: ImageSpec, condition_dim: int) -> None:
        super().__init__()
        self.classic = hp.variant == "classic"
        layers: list[nn.Module] = []
        channels, width = spec.channels, hp.discriminator_width
        for size in range(spec.resolution.bit_length() - 3):
            normed = self.classic and size > 0  # DCGAN leaves batch norm out of the first layer
            layers += [nn.Conv2d(channels, width, 4, 2, 1, bias=not normed)]
            layers += [nn.BatchNorm2d(width), nn.LeakyReLU(0.2, inplace=True)] if normed else [nn.LeakyReLU(0.2, inplace=True)]
            channels, width = width, 2 * width
        self.layers = nn.Sequential(*layers, nn.Flatten())
        # Flattened, not summed over places as in the paper: what a condition says of places is not lost.
        features = channels * 16
        self.embedding = nn.Linear(condition_dim, hp.embedding_dim if self.classic else features, bias=False)
        self.joint = nn.Linear(features + hp.embedding_dim, JOINT_WIDTH) if self.classic else None
        self.last = nn.Linear(JOINT_WIDTH if self.classic else features, 1)
        self.apply(dcgan_init)
        if self.classic:
            nn.init.normal_(self.embedding.weight)
        else:
            for layer in self.modules():
                if isinstance(layer, nn.Conv2d | nn.Linear):
                    spectral_norm(layer)

    def forward(self, images: Tensor, *conditions: Tensor) -> Tensor:
        features = self.layers(images)
        return torch.cat([self.logits(features, self.embedding(condition)) for condition in conditions], dim=1)

    def logits(self, features: Tensor, embedding: Tensor) -> Tensor:
        if self.joint is not None:
            joint = leaky_relu(self.joint(torch.cat([features, embedding], dim=1)), 0.2)
            logits: Tensor = self.last(joint)
        else:
            projected = (features.float() * embedding.float()).sum(dim=1, keepdim=True)  # thousands of products, too many for bfloat16
            logits = self.last(features) + projected
        return logits


@architecture("cgan")
class CGAN(GenerativeModel):
    """Draws what it is asked for: a digit, a colour, a mixture; the discriminator looks at an image and at what it should show.

    Deviations from the paper, which has multi-layer perceptrons: the networks are DCGAN's. By default the condition scales and shifts
    each layer of the generator (conditional batch norm) and meets the discriminator's features in a scalar product (Miyato and
    Koyama 2018), with spectral norm and the hinge loss; both are linear in the condition, so that a class and a mixture are one and
    the same to it. Attributes also come in as an image of 4x4. A tenth of the images are shown without their condition.
    """

    title = "Conditional GAN"
    paper = "https://arxiv.org/abs/1411.1784"
    paper_title = "Mirza, Osindero 2014: Conditional Generative Adversarial Nets"
    conditioning: ClassVar[Conditioning] = "class"
    Hyperparameters = CGANHyperparameters
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
        "attributes": {
            "conditions": "attributes",
            "mismatch": 0.5,
            "upsampling": "nearest",
            "discriminator_width": 64,
            "steps": 36_000,
            "batch_size": 32,
            "generator_learning_rate": 5e-4,
            "discriminator_learning_rate": 5e-4,
            "schedule": "linear",
        },
        "paper": {
            "resolution": 64,
            "steps": 100_000,
            "batch_size": 128,
            "generator_width": 64,
            "discriminator_width": 64,
        },
    }

    generator: CGANGenerator

    def __init__(self, hp: CGANHyperparameters, spec: ImageSpec) -> None:
        super().__init__(hp, spec)
        self.hp = hp
        condition_dim = spec.num_classes if hp.conditions == "class" else spec.num_attributes
        self.generator = CGANGenerator(hp, spec, condition_dim)
        self.discriminator = Discriminator(hp, spec, condition_dim)
        # The paper of ADA looks every four batches whether to augment more or less.
        self.ada = AdaptiveAugment(target=hp.ada_target, interval=4 * hp.batch_size) if hp.augment == "ada" else None
        # What was asked of the generator, and what it drew, that the discriminator has not seen yet, in order: [N, K], [N, C, H, W].
        self.drawn: list[tuple[Tensor, Tensor]] = []

    def stages(self) -> Iterable[Stage]:
        betas = self.hp.adam_beta1, self.hp.adam_beta2
        g_opt = torch.optim.Adam(self.generator.parameters(), self.hp.generator_learning_rate, betas, fused=True)
        d_opt = torch.optim.Adam(self.discriminator.parameters(), self.hp.discriminator_learning_rate, betas, fused=True)
        # The generator goes first: its drawings then serve the discriminator as well, which saves drawing twice.
        phases = [
            Phase(name="generator", module=self.generator, optimizer=g_opt, losses=self.generator_losses),
            Phase(name="discriminator", module=self.discriminator, optimizer=d_opt, losses=self.discriminator_losses),
        ]
        yield Stage(name="train", steps=self.hp.steps, phases=phases)

    def generator_losses(self, batch: Batch) -> Losses:
        condition = self.asked(batch)
        images = self.generator(torch.randn(len(condition), self.hp.latent_dim, device=condition.device), condition)
        self.drawn.append((condition, images.detach()))
        logits = self.judge(self.augment(images), condition)
        return {"loss": softplus(-logits).mean() if self.hp.variant == "classic" else -logits.mean()}

    def discriminator_losses(self, batch: Batch) -> Losses:
        # The real images stand under the very conditions under which the generator drew: only the images tell them apart.
        condition, drawn = self.drawn.pop(0)
        asked = [condition, self.mistaken(condition)] if self.hp.mismatch else [condition]
        if self.hp.variant == "classic":  # batch norm would tell a mixed batch from a pure one
            real_logits = self.judge(self.augment(batch.images), *asked)
            fake_logits = self.judge(self.augment(drawn), condition)
        else:
            images = self.augment(torch.cat([batch.images, drawn]))
            real_logits, fake_logits = self.judge(images, *(some.repeat(2, 1) for some in asked)).chunk(2)
        loss = self.errors(real_logits[:, :1]).mean() + self.errors(-fake_logits[:, :1]).mean()
        if self.hp.mismatch:
            own, other = asked
            wrong = (own != other).any(dim=1) & own.any(dim=1) & other.any(dim=1)  # what was dropped is wrong of no image
            loss = loss + self.hp.mismatch * (self.errors(-real_logits[:, 1]) * wrong).mean()
        real_logits, fake_logits = real_logits[:, :1], fake_logits[:, :1]
        losses = {"loss": loss}
        for name, logits in {"real": real_logits.detach(), "fake": fake_logits.detach()}.items():
            losses[f"{name}_logit"] = logits.mean()
            losses[f"{name}_score"] = logits.sigmoid().mean()
            losses[f"{name}_sign"] = logits.sign().mean()  # 1: all are taken for real, -1: for generated; for real ones r_t of ADA
        if self.ada is not None:
            self.ada.observe(real_logits)
            losses["augment_p"] = self.ada.p.clone()
        return losses

    def asked(self, batch: Batch) -> Tensor:
        """The batch's own conditions [N, K], some of them dropped."""
        condition = conditions_of(batch.labels, batch.attributes, self.hp.conditions, self.spec)
        kept = torch.rand(len(condition), 1, device=condition.device) >= self.hp.label_dropout
        return condition * kept

    def mistaken(self, condition: Tensor) -> Tensor:
        """Conditions [N, K] that others have: other classes; or one attribute as another has it, with those that exclude it."""
        other = condition.roll(1, dims=0)
        if self.hp.conditions == "class":
            return other
        chosen = torch.randint(condition.shape[1], (len(condition),), device=condition.device)
        changed = self.generator.excludes[chosen].bool().scatter(1, chosen[:, None], True)  # all else is right: that alone gives it away
        return torch.where(changed, other, condition)

    def augment(self, images: Tensor) -> Tensor:
        if self.hp.augment == "ada":
            assert self.ada is not None
            augmented: Tensor = self.ada(images)
            return augmented
        return diff_augment(images, self.hp.augment)

    def errors(self, logits: Tensor) -> Tensor:
        """How far logits [N, 1] are from saying yes, and being sure enough of it."""
        return softplus(-logits) if self.hp.variant == "classic" else relu(self.hp.hinge_margin - logits)

    def judge(self, images: Tensor, *conditions: Tensor) -> Tensor:
        """Logits [N, conditions], in float32 whatever the discriminator computes in, so that the losses are."""
        logits: Tensor = self.discriminator(images, *(self.generator.standardised(condition) for condition in conditions))
        return logits.float()
