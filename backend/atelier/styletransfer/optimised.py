"""What methods share that change a picture's pixels until a loss is small."""

import math
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import ClassVar, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor
from torch.nn.functional import interpolate

from atelier.styletransfer.base import HARDWARE, LAYERS, LOOK, Hyperparameters, Style, StyleMethod
from atelier.styletransfer.networks import FeatureNetwork, Pooling, open_network
from atelier.styletransfer.objective import Objective, Region, Weights, moments_of
from atelier.styletransfer.statistics import Moments, StyleLoss, blend

PATIENCE = 50  # steps over which a loss has to fall


class OptimisedHyperparameters(Hyperparameters):
    """What the user may choose of such a picture; a method adds its own fields."""

    content_weight: float = Field(1.0, ge=0, le=1000)
    """How much of the content stays; 1 is what the feature network was tuned for, 0 leaves nothing but texture."""
    style_weight: float = Field(1.0, ge=0, le=1000)
    """How much of the style comes in; 1 is what the feature network was tuned for."""
    tv_weight: float = Field(1.0, ge=0, le=1000)
    """How smooth neighbouring pixels are to be; 1 takes noise away and leaves strokes, much more washes them out."""
    initial: Literal["content", "noise", "style"] = Field("content", json_schema_extra=LOOK)
    """Picture to begin with: the content, grey noise, or noise in the style's mean colour and variations of it."""
    seed: int = Field(0, ge=0, le=2**31 - 1, json_schema_extra=LOOK)
    """Decides the noise; the same seed gives the same picture."""
    network: Literal["auto", "vgg19", "lite0"] = Field("auto", json_schema_extra=LAYERS)
    """Feature network to look through; auto takes VGG-19 where its weights are, and otherwise EfficientNet-Lite0, which always is."""
    content_layers: tuple[str, ...] = Field((), max_length=16, json_schema_extra=LAYERS)
    """Layers in which the content is kept, in equal parts; none names those that the network was tuned for."""
    style_layers: tuple[str, ...] = Field((), max_length=16, json_schema_extra=LAYERS)
    """Layers whose statistics are the style; none names those that the network was tuned for."""
    style_layer_weights: tuple[float, ...] = Field((), max_length=16, json_schema_extra=LAYERS)
    """Weight of each of the style's layers, in the same order; none weighs them as the network was tuned, or all alike."""
    pooling: Pooling = Field("max", json_schema_extra=LAYERS)
    """How the network goes from one size to the next: by the largest, the mean, or the root of the sum of squares; used by VGG-19 alone."""
    tolerance: float = Field(0.0, ge=0, lt=1, json_schema_extra=HARDWARE)
    """Share by which the loss has to fall in 50 steps, or a size is taken for finished; 0 never stops early."""

    @model_validator(mode="after")
    def _weights_belong_to_layers(self) -> Self:
        if self.style_layer_weights and len(self.style_layer_weights) != len(self.style_layers):
            raise ValueError(f"{len(self.style_layer_weights)} weights can't belong to {len(self.style_layers)} style layers")
        if any(not 0 <= weight <= 1000 for weight in self.style_layer_weights) or (
            self.style_layer_weights and not sum(self.style_layer_weights)
        ):
            raise ValueError("weights of style layers lie between 0 and 1000, and one is above 0")
        return self

    def open(self, folder: Path, device: torch.device) -> FeatureNetwork:
        return open_network(self.network, folder, device, self.pooling)


class OptimisedMethod(StyleMethod):
    """A run of such a method."""

    Hyperparameters: ClassVar[type[OptimisedHyperparameters]]

    def __init__(self, hp: OptimisedHyperparameters, network: FeatureNetwork, content: Tensor, styles: Sequence[Style]) -> None:
        """
        Raises:
            ValueError: as `StyleMethod` does, or there is no layer of such a name.
        """
        super().__init__(hp, network, content, styles)
        self._chosen = hp
        self.content_layers, self.style_layers = _chosen_layers(hp, network)
        self.history: list[float] = []  # smoothed losses of the current size

    def begin(self, height: int, width: int) -> Tensor:
        """The picture to begin with, [1, 1 or 3, height, width]."""
        content = self._content(height, width)
        if self._chosen.initial == "content":
            return content.clone()
        noise = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(self._chosen.seed)).to(content)
        if self._chosen.initial == "noise":
            noise = noise[:, :1].expand_as(content) if content.shape[1] == 1 else noise
            return (noise * 0.25).clamp(-1, 1)
        styles = [self._style(style, max(height, width)) for style in self.styles]
        colours = blend([Moments.of(style) for style in styles], [style.weight for style in self.styles])
        values, vectors = torch.linalg.eigh(colours.covariance.cpu().double())
        mixing = (vectors * values.clamp_min(0).sqrt()).to(content)  # [3, 3]
        picture = torch.einsum("ij,njhw->nihw", mixing, noise) + colours.mean[:, None, None]
        return picture[:, : content.shape[1]].clamp(-1, 1)

    def objective(
        self,
        height: int,
        width: int,
        style_loss: Callable[[Moments], StyleLoss],
        *,
        content_unit: Callable[[Tensor], Tensor] | None = None,
        tv_unit: float = 1.0,
    ) -> Objective:
        """What a picture of this size is judged by.

        Styles without a mask are blended into one; each with a mask has a region of its own, which counts by its area, so that a place is
        drawn as strongly in a small region as in a large one.
        """
        hp, mean = self._chosen, sum(style.weight for style in self.styles) / len(self.styles)
        groups = [[style for style in self.styles if style.mask is None], *([style] for style in self.styles if style.mask is not None)]
        regions = []
        for group in (group for group in groups if group):
            pictures = [self._style(style, max(height, width)) for style in group]
            moments = [moments_of(self.network, picture, tuple(self.style_layers), self.tile) for picture in pictures]
            weights = [style.weight for style in group]
            targets = {layer: style_loss(blend([found[layer] for found in moments], weights)) for layer in self.style_layers}
            mask, strength = group[0].mask, sum(weights) / len(weights) / mean
            if mask is not None:
                mask = interpolate(mask.cpu().to(self.network.dtype), (height, width), mode="area")
                strength *= float(mask.mean())
                mask = mask.to(self.content)
            regions.append(Region(targets, mask, strength))
        weights_of = Weights(hp.content_weight, hp.style_weight, hp.tv_weight * tv_unit, self.content_layers, self.style_layers)
        return Objective(self.network, self._content(height, width), regions, weights_of, content_unit=content_unit, tile=self.tile)

    def numbers(self, losses: Mapping[str, Tensor]) -> dict[str, float]:
        """In one transfer from the device.

        Raises:
            FloatingPointError: the loss is no number any more.
        """
        values = dict(zip(losses, torch.stack(list(losses.values())).tolist(), strict=True))
        if not math.isfinite(values["loss"]):
            raise FloatingPointError(
                f"the loss is {values['loss']} after {self.iteration} steps: weights or the learning rate are too large"
            )
        return values

    def settled(self, loss: float) -> bool:
        """Whether the loss, smoothed, has fallen by less than the tolerance in the last 50 steps. To be called once a step."""
        self.history.append(loss if not self.history else 0.9 * self.history[-1] + 0.1 * loss)
        self.history = self.history[-PATIENCE - 1 :]
        before, now = self.history[0], self.history[-1]
        return self._chosen.tolerance > 0 and len(self.history) > PATIENCE and before - now <= self._chosen.tolerance * abs(before)


def _chosen_layers(hp: OptimisedHyperparameters, network: FeatureNetwork) -> tuple[dict[str, float], dict[str, float]]:
    for layer in (*hp.content_layers, *hp.style_layers):
        if layer not in network.strides:
            raise ValueError(f"{network.title} has no layer {layer!r}; it has {', '.join(network.strides)}")
    content, style = dict(network.content_layers), dict(network.style_layers)
    if hp.content_layers:
        content = dict.fromkeys(hp.content_layers, sum(content.values()) / len(hp.content_layers))
    if hp.style_layers:
        weights = hp.style_layer_weights or tuple(style.get(layer, 1.0) for layer in hp.style_layers)
        style = dict(zip(hp.style_layers, weights, strict=True))
    return content, style
