"""The contract every method of style transfer fulfils: hyper-parameters, what goes in, steps, what comes out, registration."""

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal, Self

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from torch import Tensor
from torch.nn.functional import interpolate

from atelier.styletransfer import colour
from atelier.styletransfer.networks import FeatureNetwork, Pooling
from atelier.styletransfer.objective import Objective, Region, Weights, moments_of
from atelier.styletransfer.pictures import LARGEST, fitted, resize, to_pixels
from atelier.styletransfer.statistics import Moments, StyleLoss, blend

# Under which heading a form shows what every method has; a method's own come first, without one.
LOOK: dict[str, JsonValue] = {"group": "look"}
LAYERS: dict[str, JsonValue] = {"group": "layers"}
HARDWARE: dict[str, JsonValue] = {"group": "hardware"}

PATIENCE = 50  # steps over which a loss has to fall


class Hyperparameters(BaseModel):
    """What the user may choose of a picture; a method adds its own fields.

    Every field carries a default, bounds and one sentence: they become the JSON Schema, the form, the command line's help and the
    documentation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    size: int = Field(384, ge=64, le=LARGEST)
    """Longer side of the picture in pixels."""
    content_weight: float = Field(1.0, ge=0, le=1000)
    """How much of the content stays; 1 is what the feature network was tuned for, 0 leaves nothing but texture."""
    style_weight: float = Field(1.0, ge=0, le=1000)
    """How much of the style comes in; 1 is what the feature network was tuned for."""
    tv_weight: float = Field(1.0, ge=0, le=1000)
    """How smooth neighbouring pixels are to be; 1 takes noise away and leaves strokes, much more washes them out."""
    style_scale: float = Field(1.0, ge=0.1, le=4, json_schema_extra=LOOK)
    """Longer side of the style's picture in those of the result: larger strokes above 1; no style is enlarged beyond its own pixels."""
    colours: Literal["style", "luminance", "transfer"] = Field("style", json_schema_extra=LOOK)
    """Whose colours: the style's; the content's, with luminance alone drawn anew; or the style's strokes in colours like the content's."""
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
    tile: int | None = Field(None, ge=128, le=LARGEST, json_schema_extra=HARDWARE)
    """Longer side in pixels above which a picture is computed in tiles of that size, in less memory and more time; none suits 2 GB."""

    @model_validator(mode="after")
    def _weights_belong_to_layers(self) -> Self:
        if self.style_layer_weights and len(self.style_layer_weights) != len(self.style_layers):
            raise ValueError(f"{len(self.style_layer_weights)} weights can't belong to {len(self.style_layers)} style layers")
        if any(not 0 <= weight <= 1000 for weight in self.style_layer_weights) or (
            self.style_layer_weights and not sum(self.style_layer_weights)
        ):
            raise ValueError("weights of style layers lie between 0 and 1000, and one is above 0")
        return self


_Hyperparameters = Hyperparameters  # the name by which StyleMethod, which has an attribute `Hyperparameters`, can say it


@dataclass(frozen=True, eq=False)
class Style:
    """A picture whose style is wanted. With a mask it is drawn there alone; styles without one are blended everywhere."""

    image: Tensor  # [1, 3, h, w] float32 in [-1, 1], of any size
    weight: float = 1.0
    mask: Tensor | None = None  # [1, 1, h, w] in [0, 1], of any size: it is stretched over the content


@dataclass(frozen=True)
class Tick:
    """Where a run stands after a step."""

    iteration: int  # steps done
    iterations: int  # … of at most so many
    progress: float  # share of the work, 1 at the end: elapsed * (1 - progress) / progress seconds remain
    size: tuple[int, int]  # height and width that are drawn at the moment
    losses: Mapping[str, float]  # "loss", and its parts "content", "style" and "tv"


class StyleMethod(ABC):
    """A run of a method: the picture, and how it gets better step by step.

    The first paragraph of a subclass' docstring is its summary. A run is asked for ticks until it is done, or no more: what `pixels`
    returns is a picture at any time. `state_dict` between two ticks is all there is to a run beside what it was made of; one made of
    the same, with that loaded, goes on bit for bit.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[str]
    Hyperparameters: ClassVar[type[_Hyperparameters]]

    def __init__(self, hp: _Hyperparameters, network: FeatureNetwork, content: Tensor, styles: Sequence[Style]) -> None:
        """Content [1, 3, H, W] in [-1, 1], of any size. Everything is computed on the network's device, in its precision.

        Raises:
            ValueError: there is no style, no weight above zero, a mask without a place, or no layer of such a name.
        """
        if not styles:
            raise ValueError("there is no style")
        if any(style.weight < 0 for style in styles) or not sum(style.weight for style in styles):
            raise ValueError("weights of styles are not negative, and one is above 0")
        self._options, self.network = hp, network
        self.content_layers, self.style_layers = _chosen_layers(hp, network)
        self.height, self.width = fitted(content, hp.size)
        self.content = resize(content.to(network.device, network.dtype), self.height, self.width)
        self.tile = network.tile if hp.tile is None else hp.tile
        self.styles = [style for style in styles if style.weight]
        for style in self.styles:
            if style.mask is not None and not style.mask.any():
                raise ValueError("a mask is black all over: nothing would be drawn in its style")
        self.original = to_pixels(self.content)  # whose colours may be kept
        self.iteration = 0
        self.history: list[float] = []  # smoothed losses of the current size

    # --------------------------------------------------------------------------------------------------------- what a method says

    @property
    @abstractmethod
    def picture(self) -> Tensor:
        """The picture as it is, [1, 1 or 3, h, w] in [-1, 1]; a single channel is luminance. It is not to be written to."""

    @property
    @abstractmethod
    def iterations(self) -> int:
        """The most steps that there may be."""

    @property
    @abstractmethod
    def done(self) -> bool:
        """Whether there is nothing left to do."""

    @abstractmethod
    def advance(self) -> Tick:
        """One step."""

    @abstractmethod
    def state_dict(self) -> dict[str, Any]:
        """Tensors on the CPU and plain values, which `torch.load(weights_only=True)` reads."""

    @abstractmethod
    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Go on from there.

        Raises:
            ValueError: the state is that of another picture.
        """

    # ----------------------------------------------------------------------------------------------------------- what all share

    def ticks(self) -> Iterator[Tick]:
        while not self.done:
            yield self.advance()

    def pixels(self) -> NDArray[np.uint8]:
        """The picture [H, W, 3] as it is shown, in its final size whatever the current one is, and in the colours that were asked for."""
        picture = resize(self.picture, self.height, self.width)
        if self._options.colours != "luminance":
            return to_pixels(picture)
        light = (picture[0, 0].detach().cpu().double().numpy() + 1) * 127.5
        return colour.recoloured(self.original, light)

    def begin(self, height: int, width: int) -> Tensor:
        """The picture to begin with, [1, 1 or 3, height, width]."""
        content = self._content(height, width)
        if self._options.initial == "content":
            return content.clone()
        noise = torch.randn(1, 3, height, width, generator=torch.Generator().manual_seed(self._options.seed)).to(content)
        if self._options.initial == "noise":
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
        jitter: bool = True,
    ) -> Objective:
        """What a picture of this size is judged by.

        Styles without a mask are blended into one; each with a mask has a region of its own, which counts by its area, so that a place is
        drawn as strongly in a small region as in a large one.
        """
        hp, mean = self._options, sum(style.weight for style in self.styles) / len(self.styles)
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
        return Objective(
            self.network, self._content(height, width), regions, weights_of, content_unit=content_unit, jitter=jitter, tile=self.tile
        )

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
        return self._options.tolerance > 0 and len(self.history) > PATIENCE and before - now <= self._options.tolerance * abs(before)

    def check(self, state: Mapping[str, Any]) -> None:
        """That the state is of the same method, hyper-parameters and size."""
        if state.get("of") != self.of():
            raise ValueError("the state is that of another picture: of another method, other hyper-parameters or another network")

    def of(self) -> dict[str, Any]:
        """What tells a state's picture from others."""
        hp = self._options.model_dump(mode="json")
        return {"method": self.name, "network": self.network.name, "size": [self.height, self.width], "hyperparameters": hp}

    def _content(self, height: int, width: int) -> Tensor:
        content = resize(self.content, height, width)
        return colour.luminance(content) if self._options.colours == "luminance" else content

    def _style(self, style: Style, size: int) -> Tensor:
        """The style's picture [1, 3, h, w] for a result whose longer side is `size`."""
        image = style.image.to(self.content)
        longest = min(max(image.shape[2:]), round(size * self._options.style_scale))
        image = resize(image, *fitted(image, longest))
        if self._options.colours == "luminance":
            return colour.match_luminance(colour.luminance(image), self._content(self.height, self.width)).expand(-1, 3, -1, -1)
        return colour.transfer(image, self.content) if self._options.colours == "transfer" else image

    @classmethod
    def summary(cls) -> str:
        return inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0].replace("\n", " ")

    @classmethod
    def hyperparameters(cls, **chosen: Any) -> _Hyperparameters:
        """The defaults overridden by the chosen values, validated.

        Raises:
            ValueError: a value is out of bounds (pydantic's ValidationError).
        """
        return cls.Hyperparameters.model_validate(chosen)


def _chosen_layers(hp: Hyperparameters, network: FeatureNetwork) -> tuple[dict[str, float], dict[str, float]]:
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


methods: dict[str, type[StyleMethod]] = {}


def method(name: str) -> Callable[[type[StyleMethod]], type[StyleMethod]]:
    """Register a class under its public name."""

    def register(cls: type[StyleMethod]) -> type[StyleMethod]:
        if name in methods:
            raise ValueError(f"method {name!r} is already defined in {methods[name].__module__}")
        cls.name = name
        methods[name] = cls
        return cls

    return register
