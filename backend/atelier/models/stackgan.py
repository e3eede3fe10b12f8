"""StackGAN: "Text to Photo-realistic Image Synthesis with Stacked Generative Adversarial Networks" (arXiv 1612.03242)."""

from collections.abc import Iterable
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import affine_grid, avg_pool2d, interpolate, relu

from atelier.models.augment import sampled
from atelier.models.base import (
    Batch,
    Conditioning,
    GenerativeModel,
    Hyperparameters,
    ImageSpec,
    Losses,
    Phase,
    Presets,
    Stage,
    architecture,
)
from atelier.models.layers import ConditionalBatchNorm2d, Placing, Upsampling, dcgan_init, double
from atelier.models.prompted import (
    Matching,
    MatchingDiscriminator,
    PromptedGenerator,
    PromptedHyperparameters,
    Reader,
    build_encoder,
)
from atelier.models.textgame import Asked, Game


class StackGANHyperparameters(PromptedHyperparameters):
    """Hyper-parameters of StackGAN."""

    variant: Literal["sn-hinge", "classic"] = "sn-hinge"
    """Spectral norm, the hinge loss and a sentence that scales and shifts each layer; or the paper's batch norm and logistic loss."""
    scale: Literal[2, 4] = 2
    """How many times the size of Stage I's images Stage II draws."""
    first_stage: Literal[1, 2] = 1
    """Stage to begin with; 2 goes on from Stage I, and from the text encoder, of the version to start from."""
    steps_stage2: int = Field(5000, ge=1, le=10_000_000)
    """Steps of Stage II, after those of Stage I (`steps`)."""
    kl_weight: float = Field(2.0, ge=0, le=1000)
    """Weight of the divergence of conditioning augmentation from a standard normal distribution, as a mean over its elements."""
    latent_dim: int = Field(100, ge=2, le=1024)
    """Length of the noise z, beside that of conditioning augmentation."""
    condition_dim: int = Field(128, ge=4, le=1024)
    """Length of the conditioning variable c, and of what the discriminators of the variant classic make of a sentence."""
    residual_blocks: int = Field(2, ge=0, le=8)
    """Of Stage II; the paper has four for birds and flowers."""
    upsampling: Upsampling = "nearest"
    """How the generators double the size: by transposed convolution, or pixels repeated and convolved, free of checkerboards."""
    refinement: Literal["residual", "unet"] = "residual"
    """What Stage II draws is added to Stage I's enlarged images; or drawn anew, and what it sees of them on its way down goes across."""
    restoration_weight: float = Field(0.0, ge=0, le=1000)
    """How much Stage II is told to restore real images that were made small and marred: half of what it is given; 0 gives it none."""
    generator_width: int = Field(48, ge=4, le=256)
    """Channels of Stage I's last hidden layer; each layer before it has twice as many."""
    generator_width_stage2: int = Field(24, ge=4, le=256)
    """Channels of Stage II's last hidden layer."""
    discriminator_width: int = Field(32, ge=4, le=256)
    """Channels of the first layer of Stage I's discriminator; each layer after it has twice as many."""
    discriminator_width_stage2: int | None = Field(None, ge=4, le=256)
    """The same of Stage II's; as many as Stage I's where not given."""
    generator_learning_rate: float = Field(2e-4, gt=0, le=0.1)
    """Adam's learning rate for the generators."""
    discriminator_learning_rate: float = Field(2e-4, gt=0, le=0.1)
    """Adam's learning rate for the discriminators."""
    adam_beta1: float = Field(0.5, ge=0, lt=1)
    """Adam's first momentum."""
    adam_beta2: float = Field(0.999, ge=0, lt=1)
    """Adam's second momentum."""

    @model_validator(mode="after")
    def _room(self) -> Self:
        if self.resolution // self.scale < 8:
            raise ValueError(f"Stage I would draw {self.resolution // self.scale} pixels; take a smaller scale or a larger resolution")
        return self


class ConditioningAugmentation(nn.Module):
    """Sentences [N, dim], noise [N, condition_dim] → c and the divergence's elements, [N, condition_dim] each; section 3.2.

    Linear, so that the mean may be negative and the deviation below 1: with the rectified units of the published code neither can.
    """

    def __init__(self, text_dim: int, condition_dim: int) -> None:
        super().__init__()
        self.layer = nn.Linear(text_dim, 2 * condition_dim)

    def forward(self, sentences: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        mean, log_variance = self.layer(sentences).float().chunk(2, dim=1)
        divergence: Tensor = (mean.square() + log_variance.exp() - 1 - log_variance) / 2
        return mean + (log_variance / 2).exp() * noise, divergence


class StageI(nn.Module):
    """Sentences, noise of c, z → logits [N, C, H, W] of small images, before tanh; and the divergence."""

    def __init__(self, hp: StackGANHyperparameters, channels: int, resolution: int, text_dim: int) -> None:
        super().__init__()
        doublings = resolution.bit_length() - 3  # 4 · 2^doublings = resolution
        widths = [hp.generator_width * 2**i for i in reversed(range(doublings))]
        self.classic = hp.variant == "classic"
        self.augmentation = ConditioningAugmentation(text_dim, hp.condition_dim)
        self.first = nn.Linear(hp.latent_dim + (hp.condition_dim if self.classic else 0), widths[0] * 16, bias=False)
        self.norms = nn.ModuleList(
            nn.BatchNorm2d(width) if self.classic else ConditionalBatchNorm2d(width, hp.condition_dim) for width in widths
        )
        self.doublings = nn.ModuleList(
            nn.Sequential(*double(hp.upsampling, width, following, bias=last))
            for width, following, last in zip(widths, [*widths[1:], channels], [False] * (doublings - 1) + [True], strict=True)
        )
        for part in (self.first, self.norms, self.doublings):
            part.apply(dcgan_init)
        self.place = None if self.classic else Placing(hp.condition_dim, widths[0])
        if self.place is not None:
            self.place.begin()

    def forward(self, sentences: Tensor, noise: Tensor, z: Tensor) -> tuple[Tensor, Tensor]:
        c, divergence = self.augmentation(sentences, noise)
        first, *norms = self.norms
        if self.place is None:
            x = first(self.first(torch.cat([z, c], dim=1)).unflatten(1, (-1, 4, 4)))
        else:
            x = first(self.first(z).unflatten(1, (-1, 4, 4)), c) + self.place(c)
        for doubling, norm in zip(self.doublings, norms, strict=False):
            x = doubling(relu(x))
            x = norm(x) if self.classic else norm(x, c)
        return self.doublings[-1](relu(x)), divergence


class StageII(nn.Module):
    """Logits of small images, sentences, noise of c → logits [N, C, scale·H, scale·W], before tanh; and the divergence.

    Down to a quarter of the small size, where c comes in again, then residual blocks, and up. Deviations from the paper: what comes out
    is added to the enlarged logits, so that Stage II begins with what Stage I can do; or else, what was seen on the way down is added
    on the way up where the size is the same (Ronneberger et al. 2015, arXiv 1505.04597, figure 1), so that no detail is lost.
    """

    def __init__(self, hp: StackGANHyperparameters, channels: int, text_dim: int) -> None:
        super().__init__()
        self.scale, self.residual = hp.scale, hp.refinement == "residual"
        self.augmentation = ConditioningAugmentation(text_dim, hp.condition_dim)
        doublings = hp.scale.bit_length() + 1  # up from a quarter of the small size
        width = hp.generator_width_stage2 * 2 ** (doublings - 1)
        self.down = nn.Sequential(
            nn.Conv2d(channels, width // 4, 3, 1, 1),
            nn.ReLU(inplace=True),
            *(nn.Conv2d(width // 4, width // 2, 4, 2, 1, bias=False), nn.BatchNorm2d(width // 2), nn.ReLU(inplace=True)),
            *(nn.Conv2d(width // 2, width, 4, 2, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)),
        )
        self.joint = nn.Sequential(
            nn.Conv2d(width + hp.condition_dim, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)
        )
        self.blocks = nn.ModuleList(
            nn.Sequential(
                *(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width), nn.ReLU(inplace=True)),
                *(nn.Conv2d(width, width, 3, 1, 1, bias=False), nn.BatchNorm2d(width)),
            )
            for _ in range(hp.residual_blocks)
        )
        up: list[nn.Module] = []
        for _ in range(doublings - 1):
            up += [*double(hp.upsampling, width, width // 2, bias=False), nn.BatchNorm2d(width // 2), nn.ReLU(inplace=True)]
            width //= 2
        self.up = nn.Sequential(*up, *double(hp.upsampling, width, channels, bias=True))
        for part in (self.down, self.joint, self.blocks, self.up):
            part.apply(dcgan_init)

    def forward(self, small: Tensor, sentences: Tensor, noise: Tensor) -> tuple[Tensor, Tensor]:
        c, divergence = self.augmentation(sentences, noise)
        x, seen = small.tanh(), []
        for layer in self.down:
            x = layer(x)
            if isinstance(layer, nn.ReLU):
                seen.append(x)
        seen.pop()  # the smallest goes on itself
        x = self.joint(torch.cat([x, c[:, :, None, None].expand(-1, -1, *x.shape[2:]).to(x.dtype)], dim=1))
        for block in self.blocks:
            x = relu(x + block(x))
        for layer in self.up:
            if isinstance(layer, nn.ReLU) and seen and not self.residual:
                x = x + seen.pop()
            x = layer(x)
        return enlarged(small, self.scale) + x if self.residual else x, divergence


def enlarged(small: Tensor, scale: int) -> Tensor:
    return interpolate(small, scale_factor=float(scale), mode="bilinear", align_corners=False)


def marred(images: Tensor) -> Tensor:
    """Images [N, C, H, W] in [-1, 1] → same, as a weak generator might have drawn them: warped, blurred, clouded and noisy.

    Each by its own amount of each. A stage that learns from marred images bears the faults of the one before it (Ho et al. 2021, arXiv
    2106.15282, section 4, with blur and noise).
    """
    n, channels, height, width = images.shape
    warp, blur, cloud, noise = torch.rand(4, n, 1, 1, 1, device=images.device)

    def smooth(channels: int, cells: int) -> Tensor:
        knots = torch.randn(n, channels, cells, cells, device=images.device)
        return interpolate(knots, size=(height, width), mode="bicubic", align_corners=True)

    still = affine_grid(torch.eye(2, 3, device=images.device).expand(n, 2, 3), list(images.shape), align_corners=False)
    shift = 0.08 * warp * (smooth(2, 5) + 0.7 * smooth(2, 9) + 0.4 * smooth(2, 17))
    images = sampled(images, still + shift.permute(0, 2, 3, 1))
    images = images.lerp(avg_pool2d(images, 3, 1, 1, count_include_pad=False), blur)
    clouds = 0.2 * cloud.square() * (smooth(channels, 9) + smooth(channels, 17) / 2)
    made: Tensor = (images + clouds + 0.1 * noise * torch.randn_like(images)).clamp(-1, 1)
    return made


class StackGANGenerator(PromptedGenerator):
    """z [N, latent_dim], sentences [N, condition_dim] → [N, C, H, W] in [-1, 1]: Stage II's images, or Stage I's until there are some.

    z holds all that is random: the noise, and that of each stage's conditioning augmentation.
    """

    refined: Tensor

    def __init__(self, hp: StackGANHyperparameters, spec: ImageSpec) -> None:
        super().__init__(build_encoder(hp))
        self.parts = [hp.latent_dim, hp.condition_dim, hp.condition_dim]
        self.latent_dim = sum(self.parts)
        self.scale = hp.scale
        self.first = StageI(hp, spec.channels, spec.resolution // hp.scale, self.encoder.dim)
        self.second = StageII(hp, spec.channels, self.encoder.dim)
        self.register_buffer("refined", torch.tensor(False))

    def forward(self, z: Tensor, sentences: Tensor, *, truncation_psi: float = 1.0) -> Tensor:
        z, first_noise, second_noise = torch.split(truncation_psi * z, self.parts, dim=1)
        logits, _ = self.first(sentences, first_noise, z)
        if self.refined:
            logits, _ = self.second(logits, sentences, second_noise)
        else:
            logits = enlarged(logits, self.scale)
        images: Tensor = logits.tanh()
        return images


_Hyperparameters = Hyperparameters  # the name by which StackGAN, which has an attribute `Hyperparameters`, can say it


@architecture("stackgan")
class StackGAN(GenerativeModel):
    """Two stages: the first draws small pictures of a sentence, the second corrects and refines them at a larger size.

    Deviations from the paper: conditioning augmentation is linear; the encoder is trained on the data set's own captions; by default the
    sentence also scales and shifts each layer and places things, with spectral norm and the hinge loss, and the network that trained
    the encoder tells the generators whether their pictures can be told by their captions (AttnGAN's DAMSM); Stage II adds to Stage I's
    enlarged images and has an unconditional head (StackGAN++).
    """

    title = "StackGAN"
    paper = "https://arxiv.org/abs/1612.03242"
    paper_title = "Zhang et al. 2017: StackGAN"
    conditioning: ClassVar[Conditioning] = "text"
    options = ("truncation_psi",)
    Hyperparameters = StackGANHyperparameters
    presets: ClassVar[Presets] = {
        "debug": {
            "resolution": 16,
            "steps": 60,
            "steps_stage2": 30,
            "text_steps": 30,
            "thinning_warmup": 20,
            "text_dim": 32,
            "batch_size": 16,
            "condition_dim": 16,
            "residual_blocks": 1,
            "refinement": "unet",
            "restoration_weight": 50.0,
            "generator_width": 16,
            "generator_width_stage2": 8,
            "discriminator_width": 8,
            "generator_learning_rate": 2e-3,
            "discriminator_learning_rate": 2e-3,
        },
        "quick": {
            "resolution": 64,
            "steps": 2700,
            "steps_stage2": 350,
            "batch_size": 32,
            "ema_images": 2000,
            "wrong_captions": "one-word",
            "kl_weight": 0.5,
            "refinement": "unet",
            "restoration_weight": 50.0,
            "discriminator_width": 48,
            "discriminator_width_stage2": 24,
            "generator_learning_rate": 5e-4,
            "discriminator_learning_rate": 5e-4,
            "schedule": "linear",
        },
        "paper": {
            "variant": "classic",
            "text_encoder": "char-cnn-rnn",
            "text_dim": 1024,
            "resolution": 256,
            "scale": 4,
            "steps": 80_000,
            "steps_stage2": 80_000,
            "residual_blocks": 4,
            "generator_width": 128,
            "generator_width_stage2": 64,
            "discriminator_width": 64,
            "augment": "none",
            "thinning": 0.0,
            "matching_weight": 0.0,
            "diversity_weight": 0.0,
        },
    }

    generator: StackGANGenerator

    @classmethod
    def latent_dim(cls, hp: _Hyperparameters) -> int:
        assert isinstance(hp, StackGANHyperparameters)
        return hp.latent_dim + 2 * hp.condition_dim

    @classmethod
    def needs_version(cls, hp: _Hyperparameters) -> str | None:
        later = isinstance(hp, StackGANHyperparameters) and hp.first_stage == 2
        return "Stage II goes on from a version that has Stage I; name one, or begin with first_stage 1." if later else None

    def __init__(self, hp: StackGANHyperparameters, spec: ImageSpec) -> None:
        super().__init__(hp, spec)
        self.hp = hp
        self.generator = StackGANGenerator(hp, spec)
        dim = self.generator.condition_dim
        norm: Literal["batch", "spectral"] = "batch" if hp.variant == "classic" else "spectral"
        small, width = spec.resolution // hp.scale, hp.discriminator_width
        later_width = hp.discriminator_width_stage2 or width
        self.first_discriminator = MatchingDiscriminator(
            spec.channels, small, width, dim, hp.condition_dim, norm=norm, unconditional=norm == "spectral"
        )
        self.second_discriminator = MatchingDiscriminator(
            spec.channels, spec.resolution, later_width, dim, hp.condition_dim, norm=norm, unconditional=True
        )
        self.matching = Matching(spec.channels, small, dim)
        self.reader = Reader(hp, self.generator, self.matching, reduced=self.reduced)
        logistic = hp.variant == "classic"
        self.first_game = Game(hp, self.reader, self.first_discriminator, logistic=logistic)
        # What differs from z to z is Stage I's to draw; Stage II only corrects and refines.
        self.second_game = Game(hp, self.reader, self.second_discriminator, logistic=logistic, diverse=False)

    def stages(self) -> Iterable[Stage]:
        if self.hp.first_stage == 1:
            yield from self.reader.stages()
        betas = self.hp.adam_beta1, self.hp.adam_beta2
        for name, steps, drawing, discriminator, drawn, judged in (
            ("stage1", self.hp.steps, self.generator.first, self.first_discriminator, self.draw_small, self.judge_small),
            ("stage2", self.hp.steps_stage2, self.generator.second, self.second_discriminator, self.draw_large, self.judge_large),
        ):
            g_opt = torch.optim.Adam(drawing.parameters(), self.hp.generator_learning_rate, betas, fused=True)
            d_opt = torch.optim.Adam(discriminator.parameters(), self.hp.discriminator_learning_rate, betas, fused=True)
            # The generator goes first: its drawings then serve the discriminator as well, which saves drawing twice.
            phases = [
                Phase(name=f"{name}_generator", module=drawing, optimizer=g_opt, losses=drawn),
                Phase(name=f"{name}_discriminator", module=discriminator, optimizer=d_opt, losses=judged),
            ]
            if int(name[-1]) >= self.hp.first_stage:
                yield Stage(name=name, steps=steps, phases=phases)

    def draw_small(self, batch: Batch) -> Losses:
        asked = self.first_game.asked(batch)
        z = self.noise(asked)
        own, noise, _ = torch.split(z, self.generator.parts, dim=1)
        logits, divergence = self.generator.first(asked.sentences, noise, own)
        return self.with_divergence(self.first_game.drawing_losses(asked, logits.tanh(), z, batch), divergence)

    def judge_small(self, batch: Batch) -> Losses:
        return self.first_game.judging_losses(self.reduced(batch.images), batch)

    def draw_large(self, batch: Batch) -> Losses:
        self.generator.refined.fill_(True)
        self.generator.first.eval()  # it is done, and draws as it will for users
        asked = self.second_game.asked(batch)
        z = self.noise(asked)
        own, first_noise, second_noise = torch.split(z, self.generator.parts, dim=1)
        with torch.no_grad():
            small, _ = self.generator.first(asked.sentences, first_noise, own)
            if self.hp.restoration_weight:
                restored = slice(asked.own // 2, asked.own)
                real = batch.images[restored]
                small[restored] = marred(self.reduced(real)).clamp(-0.999, 0.999).atanh()
        logits, divergence = self.generator.second(small, asked.sentences, second_noise)
        drawn = logits.tanh()
        losses = self.second_game.drawing_losses(asked, drawn, z, batch)
        if self.hp.restoration_weight:
            losses["restoration"] = (drawn[restored] - real).float().abs().mean()
            losses["loss"] = losses["loss"] + self.hp.restoration_weight * losses["restoration"]
        return self.with_divergence(losses, divergence)

    def judge_large(self, batch: Batch) -> Losses:
        return self.second_game.judging_losses(batch.images, batch)

    def with_divergence(self, losses: Losses, divergence: Tensor) -> Losses:
        kl = divergence.mean()
        return {**losses, "loss": losses["loss"] + self.hp.kl_weight * kl, "kl": kl}

    def noise(self, asked: Asked) -> Tensor:
        return torch.randn(len(asked.sentences), self.generator.latent_dim, device=asked.sentences.device)

    def reduced(self, images: Tensor) -> Tensor:
        """[N, C, H, W] at Stage I's size, whichever stage's they are."""
        small = self.spec.resolution // self.hp.scale
        return images if images.shape[2] == small else avg_pool2d(images, self.hp.scale)
