"""Text2Image DCGAN: "Generative Adversarial Text to Image Synthesis" (arXiv 1605.05396), with the parts of DF-GAN (arXiv 2008.05865)."""

from collections.abc import Iterable
from typing import ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, relu

from atelier.models.base import Batch, Conditioning, GenerativeModel, ImageSpec, Losses, Phase, Presets, Stage, architecture
from atelier.models.layers import ConditionalBatchNorm2d, Placing, Upsampling, dcgan_init, double
from atelier.models.prompted import (
    Matching,
    MatchingDiscriminator,
    PromptedGenerator,
    PromptedHyperparameters,
    Reader,
    build_encoder,
)
from atelier.models.textgame import Game


class TextDCGANHyperparameters(PromptedHyperparameters):
    """Hyper-parameters of Text2Image DCGAN."""

    variant: Literal["affine", "gan-cls"] = "affine"
    """The sentence scales and shifts each layer, with the hinge loss; or it stands beside z, with batch norm, as in the paper."""
    gradient_penalty: float = Field(0.0, ge=0, le=1000)
    """Weight of DF-GAN's matching-aware gradient penalty, in place of spectral norm; 0 leaves it out; used by the variant affine alone."""
    penalty_interval: int = Field(1, ge=1, le=64)
    """Steps between two penalties, each weighted as often as it is left out."""
    latent_dim: int = Field(100, ge=2, le=1024)
    """Length of the latent vector z."""
    projection_dim: int = Field(128, ge=4, le=1024)
    """Length of what the generator, and a discriminator without spectral norm, make of a sentence's embedding before it is used."""
    projection_slope: float = Field(0.2, ge=0, le=1)
    """Slope of the generator's projection below zero; by 1 it is linear, so that what words do to the norms adds up."""
    upsampling: Upsampling = "nearest"
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


class TextDCGANGenerator(PromptedGenerator):
    """z [N, latent_dim], sentences [N, condition_dim] → images [N, C, H, W] in [-1, 1], through 4x4 and then twice the size a layer."""

    def __init__(self, hp: TextDCGANHyperparameters, spec: ImageSpec) -> None:
        super().__init__(build_encoder(hp))
        self.latent_dim = hp.latent_dim
        self.drawing = Drawing(hp, spec, self.encoder.dim)

    def forward(self, z: Tensor, sentences: Tensor, *, truncation_psi: float = 1.0) -> Tensor:
        images: Tensor = self.drawing(truncation_psi * z, sentences)
        return images


class Drawing(nn.Module):
    """The generator but for its encoder, which the game leaves alone."""

    def __init__(self, hp: TextDCGANHyperparameters, spec: ImageSpec, text_dim: int) -> None:
        super().__init__()
        doublings = spec.resolution.bit_length() - 3  # 4 · 2^doublings = resolution
        widths = [hp.generator_width * 2**i for i in reversed(range(doublings))]
        self.affine, self.slope = hp.variant == "affine", hp.projection_slope
        self.project = nn.Linear(text_dim, hp.projection_dim)
        self.first = nn.Linear(hp.latent_dim + (0 if self.affine else hp.projection_dim), widths[0] * 16, bias=False)
        self.place = Placing(text_dim, widths[0]) if self.affine else None
        self.norms = nn.ModuleList(
            ConditionalBatchNorm2d(width, hp.projection_dim) if self.affine else nn.BatchNorm2d(width) for width in widths
        )
        self.doublings = nn.ModuleList(
            nn.Sequential(*double(hp.upsampling, width, following, bias=last))
            for width, following, last in zip(widths, [*widths[1:], spec.channels], [False] * (doublings - 1) + [True], strict=True)
        )
        self.apply(dcgan_init)
        nn.init.kaiming_normal_(self.project.weight, nonlinearity="leaky_relu")
        if self.place is not None:
            self.place.begin()

    def forward(self, z: Tensor, sentences: Tensor) -> Tensor:
        projected = leaky_relu(self.project(sentences), self.slope)
        first, *norms = self.norms
        if self.place is not None:
            x = first(self.first(z).unflatten(1, (-1, 4, 4)), projected) + self.place(sentences)
        else:
            x = first(self.first(torch.cat([z, projected], dim=1)).unflatten(1, (-1, 4, 4)))
        for doubling, norm in zip(self.doublings, norms, strict=False):
            x = doubling(relu(x))
            x = norm(x, projected) if self.affine else norm(x)
        images: Tensor = self.doublings[-1](relu(x))
        return images.tanh()


@architecture("text_dcgan")
class TextDCGAN(GenerativeModel):
    """Type a sentence, get pictures: a DCGAN that reads captions, and whose discriminator also refuses real pictures under wrong ones.

    Deviations from the paper: the encoder is trained on the data set's own captions in a first stage; by default the sentence scales
    and shifts each layer of the generator and places things in its first image, with the hinge loss (DF-GAN) and spectral norm; the
    network that trained the encoder also tells the generator whether its pictures can be told by their captions (AttnGAN's DAMSM).
    """

    title = "Text2Image DCGAN"
    paper = "https://arxiv.org/abs/1605.05396"
    paper_title = "Reed et al. 2016: Generative Adversarial Text to Image Synthesis"
    conditioning: ClassVar[Conditioning] = "text"
    options = ("truncation_psi",)
    Hyperparameters = TextDCGANHyperparameters
    presets: ClassVar[Presets] = {
        "debug": {
            "resolution": 16,
            "steps": 80,
            "text_steps": 30,
            "thinning_warmup": 20,
            "text_dim": 32,
            "batch_size": 16,
            "projection_dim": 16,
            "generator_width": 16,
            "discriminator_width": 8,
            "generator_learning_rate": 2e-3,
            "discriminator_learning_rate": 2e-3,
        },
        "quick": {
            "steps": 3400,
            "batch_size": 32,
            "wrong_captions": "one-word",
            "matching_weight": 1.5,
            "projection_slope": 1.0,
            "discriminator_width": 48,
            "generator_learning_rate": 1e-3,
            "discriminator_learning_rate": 5e-4,
            "schedule": "linear",
        },
        "df-gan": {
            "resolution": 64,
            "steps": 100_000,
            "batch_size": 32,
            "gradient_penalty": 2.0,
            "hinge_margin": 1.0,
            "generator_learning_rate": 1e-4,
            "discriminator_learning_rate": 4e-4,
            "adam_beta1": 0.0,
            "adam_beta2": 0.9,
            "thinning": 0.0,
            "matching_weight": 0.0,
            "diversity_weight": 0.0,
            "generator_width": 64,
            "discriminator_width": 64,
        },
        "paper": {
            "variant": "gan-cls",
            "text_encoder": "char-cnn-rnn",
            "text_dim": 1024,
            "resolution": 64,
            "steps": 100_000,
            "batch_size": 64,
            "interpolation": 1.0,
            "upsampling": "transposed",
            "generator_width": 128,
            "discriminator_width": 64,
            "generator_learning_rate": 2e-4,
            "discriminator_learning_rate": 2e-4,
            "augment": "none",
            "thinning": 0.0,
            "matching_weight": 0.0,
            "diversity_weight": 0.0,
        },
    }

    generator: TextDCGANGenerator

    def __init__(self, hp: TextDCGANHyperparameters, spec: ImageSpec) -> None:
        super().__init__(hp, spec)
        self.hp = hp
        self.generator = TextDCGANGenerator(hp, spec)
        norm: Literal["batch", "spectral", "none"] = "spectral"
        if hp.variant == "gan-cls" or hp.gradient_penalty:
            norm = "batch" if hp.variant == "gan-cls" else "none"
        self.discriminator = MatchingDiscriminator(
            *(spec.channels, spec.resolution, hp.discriminator_width, self.generator.condition_dim, hp.projection_dim),
            norm=norm,
            unconditional=norm == "spectral",
        )
        self.matching = Matching(spec.channels, spec.resolution, self.generator.condition_dim)
        self.reader = Reader(hp, self.generator, self.matching)
        self.game = Game(hp, self.reader, self.discriminator, logistic=hp.variant == "gan-cls")

    def stages(self) -> Iterable[Stage]:
        yield from self.reader.stages()
        betas = self.hp.adam_beta1, self.hp.adam_beta2
        g_opt = torch.optim.Adam(self.generator.drawing.parameters(), self.hp.generator_learning_rate, betas, fused=True)
        d_opt = torch.optim.Adam(self.discriminator.parameters(), self.hp.discriminator_learning_rate, betas, fused=True)
        # The generator goes first: its drawings then serve the discriminator as well, which saves drawing twice.
        phases = [
            Phase(name="generator", module=self.generator.drawing, optimizer=g_opt, losses=self.generator_losses),
            Phase(name="discriminator", module=self.discriminator, optimizer=d_opt, losses=self.discriminator_losses),
        ]
        if self.hp.gradient_penalty and self.hp.variant == "affine":
            interval = self.hp.penalty_interval
            phases.append(Phase(name="penalty", module=self.discriminator, optimizer=d_opt, losses=self.penalty_losses, interval=interval))
        yield Stage(name="train", steps=self.hp.steps, phases=phases)

    def generator_losses(self, batch: Batch) -> Losses:
        asked = self.game.asked(batch)
        z = torch.randn(len(asked.sentences), self.hp.latent_dim, device=asked.sentences.device)
        return self.game.drawing_losses(asked, self.generator(z, asked.sentences), z, batch)

    def discriminator_losses(self, batch: Batch) -> Losses:
        return self.game.judging_losses(batch.images, batch)

    def penalty_losses(self, batch: Batch) -> Losses:
        """MA-GP, DF-GAN's eq. 2 with k = 2 and p = 6: the sixth power of the gradient's length at real images under their captions."""
        images = self.game.augment(batch.images).detach().requires_grad_()
        sentences = self.reader.sentences(batch.captions).requires_grad_()
        with torch.autocast(images.device.type, enabled=False):  # a sixth power needs float32
            # forward(), because a compiled network can't be differentiated twice
            logits = self.discriminator.forward(images, sentences)
            gradients = torch.autograd.grad(logits.sum(), (images, sentences), create_graph=True)
            lengths = torch.cat([gradient.flatten(1) for gradient in gradients], dim=1).norm(dim=1)
            penalty = lengths.pow(6).mean()
        return {"loss": self.hp.gradient_penalty * self.hp.penalty_interval * penalty, "penalty": penalty}
