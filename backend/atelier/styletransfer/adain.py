"""Huang and Belongie 2017, "Arbitrary Style Transfer in Real-time with Adaptive Instance Normalization" (arXiv 1703.06868)."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any, ClassVar, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import interpolate

from atelier import featurefiles
from atelier.styletransfer import colour
from atelier.styletransfer.base import LAYERS, Hyperparameters, Style, StyleMethod, Tick, method
from atelier.styletransfer.networks import FeatureNetwork, Pooling, network
from atelier.styletransfer.objective import Tile, activations_of, tiles_of

LAYER, STRIDE = "relu4_1", 8
ENCODER = ((64, 64), (128, 128), (256, 256, 256, 256), (512,))  # channels of each convolution; a pool between blocks
DECODER = ((256,), (256, 256, 256, 128), (128, 64), (64, 3))  # … each pixel four times between blocks
EPSILON = 1e-5  # added to variances, as by whoever trained the decoder


class AutoEncoder(FeatureNetwork):
    """VGG-19 up to relu4_1, of activations that are 1 in the mean, and a decoder that was trained to draw what such features show.

    Both repeat what is next to the border, mirrored, in place of zeros; pools keep the odd pixel at the right and at the bottom.
    """

    name = "adain"
    title = "AdaIN's encoder and decoder"
    content_layers: ClassVar = {LAYER: 1.0}
    style_layers: ClassVar = {LAYER: 1.0}
    tile = 1024

    def __init__(self) -> None:
        super().__init__()
        encoder: list[nn.Module] = [nn.Conv2d(3, 3, 1)]  # to Caffe's colours
        decoder: list[nn.Module] = []
        channels, reach = 3, 0
        for index, widths in enumerate(ENCODER):
            encoder += [nn.MaxPool2d(2, ceil_mode=True)] if index else []
            for width in widths:
                encoder += [nn.ReflectionPad2d(1), nn.Conv2d(channels, width, 3), nn.ReLU(inplace=True)]
                channels, reach = width, reach + 2**index
        for index, widths in enumerate(DECODER):
            decoder += [nn.Upsample(scale_factor=2)] if index else []
            for width in widths:
                decoder += [nn.ReflectionPad2d(1), nn.Conv2d(channels, width, 3), nn.ReLU(inplace=True)]
                channels = width
        self.encoder, self.decoder = nn.Sequential(*encoder), nn.Sequential(*decoder[:-1])  # numbered as published
        # The decoder sees no further than the encoder: 8 pixels, 4 times 4, twice 2 and twice 1.
        self.strides, self.reaches = {LAYER: STRIDE}, {LAYER: reach}
        self.eval().requires_grad_(False)

    def forward(self, images: Tensor, layers: Collection[str]) -> dict[str, Tensor]:
        for layer in layers:
            if layer != LAYER:
                raise KeyError(f"{self.title} has no layer {layer!r}")
        return {LAYER: self.encoder((images + 1) / 2)} if layers else {}

    def decode(self, features: Tensor) -> Tensor:
        """Features [N, 512, h, w] → images [N, 3, 8 h, 8 w], about in [-1, 1]."""
        images: Tensor = self.decoder(features) * 2 - 1
        return images

    def grid(self, layer: str, size: int) -> int:
        return -(-size // STRIDE)


@network("adain")
def open_adain(folder: Path, device: torch.device, pooling: Pooling = "max") -> AutoEncoder:
    """The trained pair from `folder`; it has no pooling to choose.

    Raises:
        FileNotFoundError: it was not added.
        ValueError: a file is damaged.
    """
    encoder, decoder = featurefiles.load("adain", folder)
    net = AutoEncoder()
    net.encoder.load_state_dict(encoder)
    net.decoder.load_state_dict(decoder)
    return net.to(device)


# ------------------------------------------------------------------------------------------------------------------------ the method


class AdaINHyperparameters(Hyperparameters):
    """Hyper-parameters of AdaIN."""

    size: int = Field(512, ge=64, le=4096)
    """Longer side of the picture in pixels; strokes are as large at any size, and the decoder was trained at about this one."""
    alpha: float = Field(1.0, ge=0, le=1)
    """How much of the style comes in; at 0 the content comes out as the decoder draws it."""
    network: Literal["adain"] = Field("adain", json_schema_extra=LAYERS)
    """Feature network to look through: the one that the decoder was trained with."""


@method("adain")
class AdaIN(StyleMethod):
    """Moves the content's features to the style's mean and deviation, channel by channel, and has a trained network draw them: in seconds.

    Nothing is optimised, so there is no loss to follow, and a picture costs about as much as one step of the other methods by VGG-19; the
    paper, section 6.1, finds the style as near as after 50 to 100 of Gatys'. A step draws a tile; most pictures are one. Several styles
    are mixed as features, eq. 15; with masks, place by place, and where no mask is white the content stays.
    """

    title = "AdaIN"
    paper = "https://arxiv.org/abs/1703.06868"
    Hyperparameters: ClassVar = AdaINHyperparameters

    def __init__(self, hp: AdaINHyperparameters, network: FeatureNetwork, content: Tensor, styles: Sequence[Style]) -> None:
        super().__init__(hp, network, content, styles)
        assert isinstance(network, AutoEncoder)
        self.hp, self.decode = hp, network.decode
        self.tiles: list[Tile] = list(tiles_of(network, (LAYER,), self.height, self.width, self.tile))
        self.x = self._content(self.height, self.width).clone()  # drawn over tile by tile
        self.features: Tensor | None = None

    def transferred(self) -> Tensor:
        """What is to be drawn, [1, 512, h, w]."""
        content = self._encoded(self._content(self.height, self.width).expand(-1, 3, -1, -1))
        mean, deviation = moments(content)
        normal = (content - mean) / deviation
        mixed, total, covered = torch.zeros_like(content), torch.zeros_like(content[:, :1]), torch.zeros_like(content[:, :1])
        weights = sum(style.weight for style in self.styles)
        for style in self.styles:
            mean, deviation = moments(self._encoded(self._style(style, max(self.height, self.width))))
            mask = self._mask(style, content)
            share = mask * (style.weight / weights)
            mixed, total, covered = mixed + share * (normal * deviation + mean), total + share, torch.maximum(covered, mask)
        mixed = torch.where(total > 0, mixed / total, content)
        return torch.lerp(content, mixed, covered * self.hp.alpha)

    def _encoded(self, picture: Tensor) -> Tensor:
        return activations_of(self.network, picture, (LAYER,), self.tile)[LAYER]

    def _mask(self, style: Style, features: Tensor) -> Tensor:
        """Where the style is drawn, [1, 1, h, w] in [0, 1]."""
        if style.mask is None:
            return torch.ones_like(features[:, :1])
        return interpolate(style.mask.cpu().float(), features.shape[2:], mode="area").to(features)  # Apple's GPUs can't take such means

    @property
    def picture(self) -> Tensor:
        return self.x

    @property
    def iterations(self) -> int:
        return len(self.tiles)

    @property
    def done(self) -> bool:
        return self.iteration >= len(self.tiles)

    @torch.no_grad()
    def advance(self) -> Tick:
        if self.features is None:
            self.features = self.transferred()
        tile = self.tiles[self.iteration]
        (top, bottom), (left, right) = tile.seen
        drawn = self.decode(self.features[:, :, top // STRIDE : -(-bottom // STRIDE), left // STRIDE : -(-right // STRIDE)])
        (first, last), (begin, end) = tile.own
        drawn = drawn[:, :, first - top : last - top, begin - left : end - left].clamp(-1, 1)
        self.x[:, :, first:last, begin:end] = colour.luminance(drawn) if self.x.shape[1] == 1 else drawn
        self.iteration += 1
        return Tick(self.iteration, self.iterations, self.iteration / self.iterations, (self.height, self.width), {})

    def state_dict(self) -> dict[str, Any]:
        return {"of": self.of(), "x": self.x.cpu().clone(), "iteration": self.iteration}

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        self.check(state)
        self.x, self.iteration = state["x"].to(self.content, copy=True), state["iteration"]


def moments(features: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and deviation of each channel over all places, [1, C, 1, 1] each."""
    variance, mean = torch.var_mean(features, dim=(2, 3), keepdim=True)
    return mean, (variance + EPSILON).sqrt()
