"""StyleGAN: "Analyzing and Improving the Image Quality of StyleGAN" (StyleGAN2, arXiv 1912.04958), with ADA (arXiv 2006.06676)."""

import math
from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import conv2d, conv_transpose2d, interpolate, leaky_relu, linear, softplus

from atelier.models.augment import AdaptiveAugment, Augmentation, diff_augment
from atelier.models.base import (
    Batch,
    ConditionalGenerator,
    GenerativeModel,
    Generator,
    Hyperparameters,
    ImageSpec,
    Losses,
    Phase,
    Presets,
    Stage,
    architecture,
    conditions_of,
)

NoiseMode = Literal["random", "const", "none"]

SLOPE, GAIN = 0.2, math.sqrt(2)  # of leaky ReLUs, and what gives their outputs the variance of their inputs
W_AVERAGE = 0.998  # how much of the average style is left after a step
GROUP = 4  # images that the discriminator compares


class StyleGANHyperparameters(Hyperparameters):
    """Hyper-parameters of StyleGAN."""

    conditions: Literal["none", "class", "attributes"] = "none"
    """What images can be asked for by: nothing, the data set's classes, or its attributes."""
    label_dropout: float = Field(0.1, ge=0, lt=1)
    """Share of images that are shown without their condition, so that the generator can also draw when it is asked for nothing."""
    latent_dim: int = Field(128, ge=2, le=1024)
    """Length of the latent vector z."""
    style_dim: int = Field(128, ge=2, le=1024)
    """Length of the style vector w."""
    mapping_layers: int = Field(2, ge=1, le=16)
    """Layers of the mapping from z to w; the paper has 8, two learn faster and do as well on small images."""
    capacity: int = Field(1024, ge=64, le=65536)
    """Channels times pixels along the side: a layer of 32x32 has capacity / 32 channels, up to max_channels."""
    max_channels: int = Field(64, ge=4, le=1024)
    """Channels of the small layers, in both networks."""
    generator_learning_rate: float = Field(2.5e-3, gt=0, le=0.1)
    """Adam's learning rate for the generator."""
    discriminator_learning_rate: float = Field(2.5e-3, gt=0, le=0.1)
    """Adam's learning rate for the discriminator."""
    r1_gamma: float | None = Field(None, ge=0, le=1000)
    """Weight of the R1 penalty; left empty it is 0.0002 · resolution² / batch size. Where training is unstable, try four times that."""
    r1_interval: int = Field(16, ge=1, le=64)
    """Steps between two R1 penalties, each weighted as often as it is left out."""
    path_length_weight: float = Field(0.0, ge=0, le=1000)
    """Weight of the path length penalty, which makes equal steps in w change the image equally; 2 in the paper, 0 trains without."""
    path_length_interval: int = Field(4, ge=1, le=64)
    """Steps between two path length penalties, each weighted as often as it is left out."""
    style_mixing: float = Field(0.9, ge=0, le=1)
    """Share of the images that are drawn with two styles, changing from one to the other at a random layer."""
    augment: Augmentation = "translation"
    """Random changes to all that the discriminator sees, so that it can't learn a small data set by heart; ada doses them itself."""
    ada_target: float = Field(0.6, ge=-1, le=1)
    """Share of real images taken for real, less that taken for generated, which ada aims at; used by the augmentation ada alone."""

    @model_validator(mode="after")
    def _own_initialisation(self) -> Self:
        if self.initialisation != "paper":
            raise ValueError("StyleGAN's weights begin as its paper says: its equalised learning rates rest on it")
        return self


# ---------------------------------------------------------------------------------------------------------------------- layers


class EqualLinear(nn.Module):
    """x [..., inputs] → [..., outputs], with an equalised learning rate (Karras et al. 2018, arXiv 1710.10196, section 4.1).

    Weights are kept at variance 1 and scaled when they are used, so that Adam moves all of them at the same relative speed;
    `rate` makes that of these ones faster or slower.
    """

    def __init__(self, inputs: int, outputs: int, *, bias: float = 0.0, rate: float = 1.0) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs) / rate)
        self.bias = nn.Parameter(torch.full((outputs,), bias / rate))
        self.scale, self.rate = rate / math.sqrt(inputs), rate

    def forward(self, x: Tensor) -> Tensor:
        return linear(x, self.weight * self.scale, self.bias * self.rate)


class Fir(nn.Module):
    """The filter [1, 3, 3, 1] along both sides: what is to be halved, or was doubled, is smoothed by it, so that nothing aliases.

    Each channel is convolved with the filter, at full size, and the strided convolution comes after: as one convolution with the
    product of both kernels it takes two to six times as long on a CPU.
    """

    kernel: Tensor

    def __init__(self) -> None:
        super().__init__()
        side = torch.tensor([1.0, 3.0, 3.0, 1.0]) / 8
        self.register_buffer("kernel", torch.outer(side, side))

    def forward(self, x: Tensor, padding: int, gain: float = 1.0) -> Tensor:
        """[N, C, H, W] → [N, C, H', W'], where H' = H + 2 · padding - 3."""
        channels = x.shape[1]
        return conv2d(x, (self.kernel * gain).to(x.dtype).expand(channels, 1, 4, 4), padding=padding, groups=channels)


class EqualConv(nn.Module):
    """Convolution of odd size with an equalised learning rate; with `down`, smoothed to half the size."""

    def __init__(self, inputs: int, outputs: int, size: int, *, gain: float = 1.0, bias: bool = True, down: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.bias = nn.Parameter(torch.zeros(outputs)) if bias else None
        self.scale, self.gain = gain / math.sqrt(inputs * size * size), gain
        self.fir = Fir() if down else None

    def forward(self, x: Tensor) -> Tensor:
        weight, bias = self.weight * self.scale, None if self.bias is None else self.bias * self.gain
        if self.fir is None:
            return conv2d(x, weight, bias, padding=weight.shape[2] // 2)
        return conv2d(self.fir(x, padding=weight.shape[2] // 2 + 1), weight, bias, stride=2)


class ModulatedConv(nn.Module):
    """Convolution whose kernel follows from a style: x [N, I, H, W], w [N, style_dim] → [N, O, H, W], or twice the size with `up`.

    Section 2.2 of the paper: each input channel is scaled by the style, and each output channel of that kernel brought back to
    length 1 (demodulated). Instead of a kernel for each image, the images' channels are scaled before and after one common
    convolution, which is the same (eq. 1 and 3 are linear in them) and faster where grouped convolutions are slow.
    """

    def __init__(self, inputs: int, outputs: int, size: int, style_dim: int, *, demodulate: bool = True, up: bool = False) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.randn(outputs, inputs, size, size))
        self.affine = EqualLinear(style_dim, inputs, bias=1.0)
        self.scale, self.demodulate = 1 / math.sqrt(inputs * size * size), demodulate
        self.fir = Fir() if up else None

    def forward(self, x: Tensor, w: Tensor) -> tuple[Tensor, Tensor | None]:
        """The convolution, and by what [N, O, 1, 1] to multiply it: the caller has more to do with each pixel, and reads it once."""
        with torch.autocast(x.device.type, enabled=False):  # few numbers, which all pixels depend on
            weight = self.weight * self.scale
            style = self.affine(w.float())  # [N, I]
            norm = None
            if self.demodulate:
                norm = (style.square() @ weight.square().sum(dim=(2, 3)).mT + 1e-8).rsqrt()[:, :, None, None]
        x = x * style[:, :, None, None].to(x.dtype)
        if self.fir is None:
            return conv2d(x, weight, padding=weight.shape[2] // 2), norm
        # Doubled by zeros between the pixels, of which the transposed convolution takes no notice; hence the gain of 4.
        return self.fir(conv_transpose2d(x, weight.transpose(0, 1), stride=2), padding=1, gain=4.0), norm


class StyleLayer(nn.Module):
    """Modulated convolution, noise, bias, leaky ReLU: x [N, I, H, W], w [N, style_dim], noise [N or 1, 1, R, R] → [N, O, R, R]."""

    noise: Tensor

    def __init__(self, inputs: int, outputs: int, resolution: int, style_dim: int, *, up: bool) -> None:
        super().__init__()
        self.convolution = ModulatedConv(inputs, outputs, 3, style_dim, up=up)
        self.bias = nn.Parameter(torch.zeros(outputs, 1, 1))
        self.strength = nn.Parameter(torch.zeros(()))
        self.register_buffer("noise", torch.randn(1, 1, resolution, resolution))

    def forward(self, x: Tensor, w: Tensor, noise: Tensor | None) -> Tensor:
        x, norm = self.convolution(x, w)
        assert norm is not None
        # The gain that follows the leaky ReLU may as well precede it.
        x = x * (norm * GAIN).to(x.dtype) + (self.bias * GAIN).to(x.dtype)
        if noise is not None:
            x = x + (noise * (self.strength * GAIN)).to(x.dtype)
        return leaky_relu(x, SLOPE, inplace=True)


class ToImage(nn.Module):
    """x [N, I, H, W], w [N, style_dim] → what a layer adds to the image, float32 [N, C, H, W]; its style is not demodulated."""

    def __init__(self, inputs: int, channels: int, style_dim: int) -> None:
        super().__init__()
        self.convolution = ModulatedConv(inputs, channels, 1, style_dim, demodulate=False)
        self.bias = nn.Parameter(torch.zeros(channels, 1, 1))

    def forward(self, x: Tensor, w: Tensor) -> Tensor:
        x, _ = self.convolution(x, w)
        return x.float() + self.bias


def normalised(x: Tensor) -> Tensor:
    """Each vector [..., K] scaled to a second moment of 1."""
    return x * (x.square().mean(dim=-1, keepdim=True) + 1e-8).rsqrt()


class Mapping(nn.Module):
    """z [N, latent_dim] or [N, L, latent_dim], condition [N, K] → [N, outputs] or [N, L, outputs]; either input may be absent.

    Learns a hundred times as slowly as the rest (section 4.1 of StyleGAN, arXiv 1812.04948, appendix C).
    """

    RATE = 0.01

    def __init__(self, latent_dim: int, condition_dim: int, outputs: int, layers: int) -> None:
        super().__init__()
        self.embedding = EqualLinear(condition_dim, outputs) if condition_dim else None
        widths = [latent_dim + (outputs if condition_dim else 0)] + [outputs] * layers
        self.layers = nn.ModuleList(EqualLinear(a, b, rate=self.RATE) for a, b in pairwise(widths))

    def forward(self, z: Tensor | None, condition: Tensor | None = None) -> Tensor:
        given = condition if z is None else z
        assert given is not None
        with torch.autocast(given.device.type, enabled=False):
            parts = [] if z is None else [normalised(z.float())]
            if self.embedding is not None:
                assert condition is not None
                embedded = normalised(self.embedding(condition.float()))
                parts.append(embedded if z is None or z.ndim == 2 else embedded[:, None].expand(-1, z.shape[1], -1))
            x = torch.cat(parts, dim=-1)
            for layer in self.layers:
                x = leaky_relu(layer(x), SLOPE) * GAIN
        return x


# -------------------------------------------------------------------------------------------------------------------- networks


def _channels(hp: StyleGANHyperparameters, resolution: int) -> int:
    return max(1, min(hp.capacity // resolution, hp.max_channels))


class StyleGenerator(Generator):
    """z → mapping → w, a style for each layer → synthesis → images [N, C, H, W], in [-1, 1] when it is in evaluation mode.

    Layers are numbered as the paper does: the style of a layer also serves the ToImage before it, so that L = 2 log2(resolution) - 2.
    While it trains, values are not cut at ±1: beyond it no gradient would lead back.
    """

    w_average: Tensor

    def __init__(self, hp: StyleGANHyperparameters, spec: ImageSpec) -> None:
        super().__init__()
        self.build(hp, spec)

    def build(self, hp: StyleGANHyperparameters, spec: ImageSpec) -> None:
        self.latent_dim, self.style_dim = hp.latent_dim, hp.style_dim
        self.mapping = Mapping(hp.latent_dim, self.condition_dim, hp.style_dim, hp.mapping_layers)
        self.register_buffer("w_average", torch.zeros(hp.style_dim))
        channels = _channels(hp, 4)
        self.first = nn.Parameter(torch.randn(1, channels, 4, 4))
        layers = [StyleLayer(channels, channels, 4, hp.style_dim, up=False)]
        to_images = [ToImage(channels, spec.channels, hp.style_dim)]
        for doubling in range(1, spec.resolution.bit_length() - 2):  # 4 · 2^doublings = resolution
            resolution = 4 * 2**doubling
            before, channels = channels, _channels(hp, resolution)
            layers += [StyleLayer(before, channels, resolution, hp.style_dim, up=True)]
            layers += [StyleLayer(channels, channels, resolution, hp.style_dim, up=False)]
            to_images.append(ToImage(channels, spec.channels, hp.style_dim))
        self.layers, self.to_images = nn.ModuleList(layers), nn.ModuleList(to_images)
        self.num_styles = len(layers) + 1

    def forward(
        self,
        z: Tensor,
        condition: Tensor | None = None,
        *,
        truncation_psi: float | Tensor = 1.0,
        truncation_cutoff: int | None = None,
        noise_mode: NoiseMode = "const",
        seeds: Sequence[int] | None = None,
    ) -> Tensor:
        w = self.styles(z, condition, truncation_psi=truncation_psi, truncation_cutoff=truncation_cutoff)
        if self.training:
            self.w_average.lerp_(w.detach().mean(dim=(0, 1)), 1 - W_AVERAGE)
        return self.synthesis(w, noise_mode=noise_mode, seeds=seeds)

    def styles(
        self, z: Tensor, condition: Tensor | None = None, *, truncation_psi: float | Tensor = 1.0, truncation_cutoff: int | None = None
    ) -> Tensor:
        """w [N, L, style_dim] of z [N, latent_dim], or of one z for each layer [N, L, latent_dim], which mixes styles.

        Truncation moves the styles of the first `truncation_cutoff` layers, or of all, towards the average style: at psi = 0 all
        images are the average one, at 1 they are as they were learned.
        """
        w: Tensor = self.mapping(z, condition)
        if w.ndim == 2:
            w = w[:, None].expand(-1, self.num_styles, -1)
        if isinstance(truncation_psi, Tensor) or truncation_psi != 1:  # a tensor is an input of a graph, which has no branches
            chosen = torch.arange(self.num_styles, device=w.device) < (self.num_styles if truncation_cutoff is None else truncation_cutoff)
            w = torch.where(chosen[:, None], self.w_average.lerp(w, truncation_psi), w)
        return w

    def synthesis(self, w: Tensor, *, noise_mode: NoiseMode = "const", seeds: Sequence[int] | None = None) -> Tensor:
        """Images [N, C, H, W] of w [N, L, style_dim].

        Noise is "const", the same for all images, "none", or "random": for each image, where `seeds` are given by its own seed alone.
        """
        x, image = self.first.expand(w.shape[0], -1, -1, -1), None
        for index, (layer, noise) in enumerate(zip(self.layers, self._noises(w.shape[0], noise_mode, seeds), strict=True)):
            x = layer(x, w[:, index], noise)
            if index % 2 == 0:
                added: Tensor = self.to_images[index // 2](x, w[:, index + 1])
                # The same filter as Fir's, written as what it is; at the borders it repeats pixels instead of taking zeros.
                image = added if image is None else added + interpolate(image, scale_factor=2, mode="bilinear", align_corners=False)
        assert image is not None
        return image if self.training else image.clamp(-1, 1)

    def _noises(self, n: int, mode: NoiseMode, seeds: Sequence[int] | None) -> list[Tensor | None]:
        """For each layer [N or 1, 1, R, R], or None."""
        constant: list[Tensor] = [layer.noise for layer in self.layers]  # type: ignore[misc]
        if mode == "const":
            return list(constant)
        if mode == "none":
            return [None] * len(constant)
        device, sizes = constant[0].device, [noise.numel() for noise in constant]
        if seeds is None:
            drawn = torch.randn(n, sum(sizes), device=device)
        else:
            # Of another seed than z, whose numbers would come again.
            generators = [torch.Generator().manual_seed(seed ^ 0x5717E) for seed in seeds]
            drawn = torch.stack([torch.randn(sum(sizes), generator=generator) for generator in generators]).to(device)
        return [part.view(n, *noise.shape[1:]) for part, noise in zip(torch.split(drawn, sizes, dim=1), constant, strict=True)]


class ConditionalStyleGenerator(StyleGenerator, ConditionalGenerator):
    """The same, asked for something: the condition is embedded and goes into the mapping beside z."""

    def __init__(self, hp: StyleGANHyperparameters, spec: ImageSpec, condition_dim: int) -> None:
        ConditionalGenerator.__init__(self, condition_dim)
        self.build(hp, spec)


class DiscriminatorBlock(nn.Module):
    """x [N, I, H, W] → [N, O, H/2, W/2]: two convolutions, and a shorter way around them (section 4.1 of the paper)."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__()
        self.first = EqualConv(inputs, inputs, 3, gain=GAIN)
        # The sum of both ways is divided by √2, which the gains of both take in.
        self.second = EqualConv(inputs, outputs, 3, gain=1.0, down=True)
        self.around = EqualConv(inputs, outputs, 1, gain=math.sqrt(0.5), bias=False, down=True)

    def forward(self, x: Tensor) -> Tensor:
        around: Tensor = self.around(x)
        x = leaky_relu(self.first(x), SLOPE, inplace=True)
        return leaky_relu(self.second(x), SLOPE, inplace=True) + around


class Discriminator(nn.Module):
    """Images [N, C, H, W], condition [N, K] → logits [N, 1].

    Where there is a condition, the logit is the scalar product of the image's features with an embedding of it (Miyato and Koyama
    2018, arXiv 1802.05637), as in StyleGAN2-ADA.
    """

    def __init__(self, hp: StyleGANHyperparameters, spec: ImageSpec, condition_dim: int) -> None:
        super().__init__()
        widths = [_channels(hp, spec.resolution >> halving) for halving in range(spec.resolution.bit_length() - 2)]
        self.from_image = EqualConv(spec.channels, widths[0], 1, gain=GAIN)
        self.blocks = nn.Sequential(*(DiscriminatorBlock(a, b) for a, b in pairwise(widths)))
        last = widths[-1]
        self.convolution = EqualConv(last + 1, last, 3, gain=GAIN)
        self.dense = EqualLinear(last * 16, last)
        self.out = EqualLinear(last, last if condition_dim else 1)
        self.mapping = Mapping(0, condition_dim, last, hp.mapping_layers) if condition_dim else None

    def forward(self, images: Tensor, condition: Tensor | None = None) -> Tensor:
        x = leaky_relu(self.from_image(images), SLOPE, inplace=True)
        x = with_deviation(self.blocks(x))
        x = leaky_relu(self.convolution(x), SLOPE, inplace=True)
        with torch.autocast(x.device.type, enabled=False):
            x = leaky_relu(self.dense(x.float().flatten(1)), SLOPE) * GAIN
            features: Tensor = self.out(x)
            if self.mapping is None:
                return features
            embedded: Tensor = self.mapping(None, condition)
            return (features * embedded).sum(dim=1, keepdim=True) / math.sqrt(features.shape[1])


def with_deviation(x: Tensor) -> Tensor:
    """x [N, C, H, W] with one channel more: how much the images of a group differ (Karras et al. 2018, arXiv 1710.10196, section 3).

    A generator that draws always the same is seen through by it. Groups are of four images, or of as many as divide the batch.
    """
    n, _, height, width = x.shape
    group = next(size for size in range(GROUP, 0, -1) if n % size == 0)
    variance = x.float().reshape(n // group, group, *x.shape[1:]).var(dim=1, correction=0)
    spread = (variance + 1e-8).sqrt().mean(dim=(1, 2, 3))  # [N / group]
    added = spread.repeat_interleave(group)[:, None, None, None].expand(n, 1, height, width)
    return torch.cat([x, added.to(x.dtype)], dim=1)


class Cut(torch.autograd.Function):
    """Values cut at ±1, as they are when an image is shown; a gradient passes where a step against it leads back from beyond."""

    @staticmethod
    def forward(ctx: Any, images: Tensor) -> Tensor:
        ctx.save_for_backward(images)
        return images.clamp(-1, 1)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        (images,) = ctx.saved_tensors
        gradient: Tensor = gradients[0] * ((images.abs() <= 1) | (images * gradients[0] > 0))
        return gradient


# ----------------------------------------------------------------------------------------------------------------------- model


_Hyperparameters = Hyperparameters  # the name by which StyleGAN, which has an attribute `Hyperparameters`, can say it


@architecture("stylegan")
class StyleGAN(GenerativeModel):
    """Noise becomes a style, and the style steers every layer of the drawing, from the coarse to the fine; styles can be mixed.

    The architecture is StyleGAN2's, with the losses of its paper: logistic, with the R1 penalty every 16 steps and that of path
    lengths, where it is asked for, every 4. Deviations: small networks, two layers of mapping and no path length penalty by
    default (as in StyleGAN2-ADA's own settings for 32 px); augmentation by DiffAugment or ADA; the discriminator sees what the
    generator drew for its own step, which saves drawing twice; R1 is taken at augmented images; the discriminator
    is shown values cut at ±1, as people are.
    """

    title = "StyleGAN"
    paper = "https://arxiv.org/abs/1912.04958"
    paper_title = "Karras et al. 2020: Analyzing and Improving the Image Quality of StyleGAN"
    options: ClassVar[tuple[str, ...]] = ("truncation_psi", "truncation_cutoff", "noise_mode")
    Hyperparameters = StyleGANHyperparameters
    presets: ClassVar[Presets] = {
        "debug": {
            "resolution": 16,
            "steps": 100,
            "batch_size": 16,
            "latent_dim": 32,
            "style_dim": 32,
            "capacity": 256,
            "max_channels": 16,
            "path_length_weight": 2.0,
        },
        "quick": {"steps": 6500, "batch_size": 32, "capacity": 512, "max_channels": 128, "r1_gamma": 0.5},
        "paper": {
            "resolution": 256,
            "steps": 780_000,
            "batch_size": 32,
            "latent_dim": 512,
            "style_dim": 512,
            "mapping_layers": 8,
            "capacity": 16384,
            "max_channels": 512,
            "generator_learning_rate": 2e-3,
            "discriminator_learning_rate": 2e-3,
            "path_length_weight": 2.0,
            "augment": "ada",
        },
    }

    generator: StyleGenerator
    path_length: Tensor

    @classmethod
    def num_styles(cls, hp: _Hyperparameters) -> int:
        return 2 * (hp.resolution.bit_length() - 1) - 2

    def __init__(self, hp: StyleGANHyperparameters, spec: ImageSpec) -> None:
        super().__init__(hp, spec)
        self.hp = hp
        condition_dim = {"none": 0, "class": spec.num_classes, "attributes": spec.num_attributes}[hp.conditions]
        self.generator = ConditionalStyleGenerator(hp, spec, condition_dim) if condition_dim else StyleGenerator(hp, spec)
        self.discriminator = Discriminator(hp, spec, condition_dim)
        self.r1_gamma = 0.0002 * spec.resolution**2 / hp.batch_size if hp.r1_gamma is None else hp.r1_gamma
        self.register_buffer("path_length", torch.zeros(()))  # the average so far
        # The paper of ADA looks every four batches whether to augment more or less.
        self.ada = AdaptiveAugment(target=hp.ada_target, interval=4 * hp.batch_size) if hp.augment == "ada" else None
        # What was asked of the generator, and what it drew, that the discriminator has not seen yet, in order: [N, K], [N, C, H, W].
        self.drawn: list[tuple[Tensor | None, Tensor]] = []

    def stages(self) -> Iterable[Stage]:
        lengths = self.hp.path_length_weight > 0
        g_opt = _adam(self.generator, self.hp.generator_learning_rate, self.hp.path_length_interval if lengths else None)
        d_opt = _adam(self.discriminator, self.hp.discriminator_learning_rate, self.hp.r1_interval)
        # The generator goes first: its drawings then serve the discriminator as well.
        phases = [
            Phase(name="generator", module=self.generator, optimizer=g_opt, losses=self.generator_losses),
            Phase(name="discriminator", module=self.discriminator, optimizer=d_opt, losses=self.discriminator_losses),
            Phase(name="r1", module=self.discriminator, optimizer=d_opt, losses=self.r1_losses, interval=self.hp.r1_interval),
        ]
        if lengths:
            interval = self.hp.path_length_interval
            penalty = Phase(name="path_length", module=self.generator, optimizer=g_opt, losses=self.path_length_losses, interval=interval)
            phases.insert(1, penalty)
        yield Stage(name="train", steps=self.hp.steps, phases=phases)

    def generator_losses(self, batch: Batch) -> Losses:
        condition = self.asked(batch)
        images: Tensor = Cut.apply(self.generator(self.latents(len(batch.images), batch.images.device), condition, noise_mode="random"))
        self.drawn.append((condition, images.detach()))
        return {"loss": softplus(-self.judge(self.augment(images), condition)).mean()}

    def discriminator_losses(self, batch: Batch) -> Losses:
        # The real images stand under the very conditions under which the generator drew: only the images tell them apart.
        condition, drawn = self.drawn.pop(0)
        # One after the other: groups of images that are compared must not be mixed, and two small batches are quicker on a CPU.
        real_logits, fake_logits = (self.judge(self.augment(images), condition) for images in (batch.images, drawn))
        losses = {"loss": softplus(-real_logits).mean() + softplus(fake_logits).mean()}
        for name, logits in {"real": real_logits.detach(), "fake": fake_logits.detach()}.items():
            losses[f"{name}_logit"] = logits.mean()
            losses[f"{name}_score"] = logits.sigmoid().mean()
            losses[f"{name}_sign"] = logits.sign().mean()  # 1: all are taken for real, -1: for generated; for real ones r_t of ADA
        if self.ada is not None:
            self.ada.observe(real_logits)
            losses["augment_p"] = self.ada.p.clone()
        return losses

    def r1_losses(self, batch: Batch) -> Losses:
        """Mescheder et al. 2018 (arXiv 1801.04406), eq. 9; computed lazily, section 3.1 of the paper. See DCGAN's on augmentation."""
        images = self.augment(batch.images).detach().requires_grad_()
        with torch.autocast(images.device.type, enabled=False):  # a squared gradient needs float32
            # forward(), because a compiled network can't be differentiated twice
            logits = self.discriminator.forward(images, self.asked(batch))
            (gradient,) = torch.autograd.grad(logits.sum(), images, create_graph=True)
            penalty = gradient.square().sum(dim=(1, 2, 3)).mean()
        # Biases that move no gradient get one of zero, like all others.
        return {"loss": penalty * (self.r1_gamma / 2 * self.hp.r1_interval) + 0 * logits.sum(), "penalty": penalty}

    def path_length_losses(self, batch: Batch) -> Losses:
        """Section 3.2 of the paper, eq. 4: how far an image moves with w, in a random direction of pixels, should be the same everywhere.

        On half of the batch, which costs half and steers as well (appendix B).
        """
        half, device = (len(batch.images) + 1) // 2, batch.images.device
        condition = self.asked(batch)
        with torch.autocast(device.type, enabled=False):
            w = self.generator.styles(self.latents(half, device), None if condition is None else condition[:half])
            images = self.generator.synthesis(w, noise_mode="random")
            directions = torch.randn_like(images) / self.spec.resolution
            (gradient,) = torch.autograd.grad((images * directions).sum(), w, create_graph=True)  # [N, L, style_dim]
            lengths = gradient.square().sum(dim=2).mean(dim=1).sqrt()
        self.path_length.lerp_(lengths.detach().mean(), 0.01)
        penalty = (lengths - self.path_length.clone()).square().mean()
        loss = penalty * (self.hp.path_length_weight * self.hp.path_length_interval) + 0 * images.sum()
        return {"loss": loss, "penalty": penalty, "length": lengths.mean()}

    def latents(self, n: int, device: torch.device) -> Tensor:
        """z for each layer [N, L, latent_dim]: of most images another from some layer on, so that layers learn not to rely on others."""
        layers = self.generator.num_styles
        first, second = torch.randn(2, n, 1, self.hp.latent_dim, device=device)
        crossover = torch.randint(1, layers, (n, 1, 1), device=device)
        mixed = torch.rand(n, 1, 1, device=device) < self.hp.style_mixing
        return torch.where(mixed & (torch.arange(layers, device=device)[:, None] >= crossover), second, first)

    def asked(self, batch: Batch) -> Tensor | None:
        """The batch's own conditions [N, K], some of them dropped."""
        if self.hp.conditions == "none":
            return None
        condition = conditions_of(batch.labels, batch.attributes, self.hp.conditions, self.spec)
        return condition * (torch.rand(len(condition), 1, device=condition.device) >= self.hp.label_dropout)

    def augment(self, images: Tensor) -> Tensor:
        if self.hp.augment == "ada":
            assert self.ada is not None
            augmented: Tensor = self.ada(images)
            return augmented
        return diff_augment(images, self.hp.augment)

    def judge(self, images: Tensor, condition: Tensor | None) -> Tensor:
        """Logits [N, 1], in float32 whatever the discriminator computes in, so that the losses are."""
        logits: Tensor = self.discriminator(images, condition)
        return logits.float()


def _adam(network: nn.Module, rate: float, interval: int | None) -> torch.optim.Adam:
    """Adam for a network with a penalty every so many steps: k + 1 small steps in the place of k (appendix B of the paper)."""
    share = 1.0 if interval is None else interval / (interval + 1)
    return torch.optim.Adam(network.parameters(), rate * share, (0.0, 0.99**share), fused=True)
