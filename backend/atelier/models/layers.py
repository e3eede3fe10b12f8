"""Pieces that several architectures use identically."""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import conv_transpose2d, interpolate, pad
from torch.nn.utils import parametrizations, parametrize

Upsampling = Literal["transposed", "nearest"]


def double(how: Upsampling, channels: int, out_channels: int, *, bias: bool) -> list[nn.Module]:
    """Layers that take [N, channels, H, W] to [N, out_channels, 2H, 2W].

    A transposed convolution (Radford et al. 2016) costs less; pixels repeated and then convolved leave no checkerboard, because every
    output is a sum of as many taps (Odena et al. 2016, "Deconvolution and Checkerboard Artifacts").
    """
    if how == "transposed":
        return [nn.ConvTranspose2d(channels, out_channels, 4, 2, 1, bias=bias)]
    return [nn.Identity(), DoublingConv2d(channels, out_channels, 3, 1, 1, bias=bias)]  # versions have its weights in the second place


class DoublingConv2d(nn.Conv2d):
    """Pixels repeated to twice the size, then convolved, 3x3: [N, C, H, W] → [N, out_channels, 2H, 2W].

    While training, by one transposed convolution whose 4x4 kernel is a sum of four shifted ones, which says the same by 4 products an
    output in place of 9 (Karras et al. 2018, arXiv 1710.10196, their fused layers). The kernel costs as much as a picture or two, so that
    those who draw a few have nothing of it.
    """

    def forward(self, x: Tensor) -> Tensor:
        if not self.training:
            return super().forward(interpolate(x, scale_factor=2.0))
        wide = pad(self.weight, (1, 1))
        wide = pad(wide[..., 1:] + wide[..., :-1], (0, 0, 1, 1))
        kernel = wide[..., 1:, :] + wide[..., :-1, :]
        return conv_transpose2d(x, kernel.transpose(0, 1).flip(2, 3), self.bias, stride=2, padding=1)


class ConditionalBatchNorm2d(nn.Module):
    """Batch norm of x [N, C, H, W] whose scale and shift follow, linearly, from a condition [N, K].

    De Vries et al. 2017 (arXiv 1707.00683), Dumoulin et al. 2017 (arXiv 1610.07629). Nothing asked for, the zero condition, has a
    scale and a shift of its own, and begins, like all others, with exactly 1 and 0.
    """

    def __init__(self, channels: int, condition_dim: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.bias = nn.Parameter(torch.zeros(2 * channels))
        self.weight = nn.Parameter(torch.zeros(condition_dim, 2 * channels))

    def forward(self, x: Tensor, condition: Tensor) -> Tensor:
        scale, shift = torch.addmm(self.bias, condition, self.weight)[:, :, None, None].chunk(2, dim=1)
        normed: Tensor = self.norm(x)
        return torch.addcmul(shift, normed, 1 + scale)


class Placing(nn.Module):
    """Condition [N, K], standardised → image [N, C, 4, 4], at first of variance two, to be added to what comes from z after its norm.

    Norms act on all places alike, and can't say where a thing should be. Two layers, so that "left" and "top" can mean a corner: with a
    single one they mean a side and another side, and the thing is drawn twice. After z's norm, because before it, conditions' differences
    take the place of z's in the variance that it sets to one, and each condition soon has a single picture.
    """

    WIDTH = 256

    def __init__(self, condition_dim: int, channels: int) -> None:
        super().__init__()
        self.layers = nn.Sequential(
            nn.Linear(condition_dim, self.WIDTH), nn.ReLU(inplace=True), nn.Linear(self.WIDTH, channels * 16, bias=False)
        )

    def begin(self) -> None:
        """He et al. 2015 (arXiv 1502.01852): with DCGAN's weights it would be a fiftieth as loud as z, and hardly heard."""
        for layer in self.layers:
            if isinstance(layer, nn.Linear):
                nn.init.kaiming_normal_(layer.weight)

    def forward(self, condition: Tensor) -> Tensor:
        places: Tensor = self.layers(condition)
        return places.reshape(condition.shape[0], -1, 4, 4)


def dcgan_init(module: nn.Module) -> None:
    """Weights of convolutions from N(0, 0.02), of batch norm from N(1, 0.02); Radford et al. 2016, section 4."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
        if module.bias is not None:
            nn.init.zeros_(module.bias)
    elif isinstance(module, nn.BatchNorm2d) and module.affine:
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


def spectral_norm(layer: nn.Module) -> None:
    """Divide a layer's weight by its largest singular value whenever it is used, in place; Miyato et al. 2018 (arXiv 1802.05957).

    Of weights that are but shapes, because only the generator beside them is loaded, it is left out: its first power iterations would
    take half a second for each version.
    """
    if not next(layer.parameters()).is_meta:
        parametrizations.spectral_norm(layer)


@torch.no_grad()
def initialise(module: nn.Module, scheme: Literal["paper", "orthogonal", "kaiming"]) -> None:
    """Begin anew with the weights of all convolutions and linear maps; norms and embeddings keep theirs.

    "paper" leaves everything as the architecture has set it. "orthogonal" is Saxe et al. 2014 (arXiv 1312.6120), with a gain
    of 1 as in BigGAN; "kaiming" is He et al. 2015 (arXiv 1502.01852), eq. 15, for leaky ReLUs of slope 0.2. Biases become zero.
    """
    if scheme == "paper":
        return
    for layer in module.modules():
        if not isinstance(layer, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            continue
        normed = parametrize.is_parametrized(layer, "weight")
        weight = layer.parametrizations["weight"].original if normed else layer.weight  # type: ignore[union-attr, index]
        assert isinstance(weight, nn.Parameter)
        if scheme == "orthogonal":
            nn.init.orthogonal_(weight)
        else:
            nn.init.normal_(weight, 0.0, nn.init.calculate_gain("leaky_relu", 0.2) / math.sqrt(_fan_in(layer)))
        if layer.bias is not None:
            nn.init.zeros_(layer.bias)
        if normed:  # spectral norm follows its weights by one power iteration each time they are asked for: let it catch up
            for _ in range(15):
                _ = layer.weight


def _fan_in(layer: nn.Conv2d | nn.ConvTranspose2d | nn.Linear) -> float:
    """How many inputs an output is a sum of, away from the borders."""
    if isinstance(layer, nn.Linear):
        return layer.in_features
    fan = layer.in_channels // layer.groups * math.prod(layer.kernel_size)
    # A transposed convolution meets each output with every stride-th tap alone; torch's own count takes its channels the wrong way round.
    return fan / math.prod(layer.stride) if isinstance(layer, nn.ConvTranspose2d) else fan
