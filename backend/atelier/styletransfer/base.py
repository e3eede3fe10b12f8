"""The contract every method of style transfer fulfils: hyper-parameters, what goes in, steps, what comes out, registration."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, JsonValue
from torch import Tensor

from atelier.styletransfer import colour
from atelier.styletransfer.networks import FeatureNetwork, open_network
from atelier.styletransfer.pictures import LARGEST, fitted, resize, to_pixels

# Under which heading a form shows what every method has; a method's own come first, without one.
LOOK: dict[str, JsonValue] = {"group": "look"}
LAYERS: dict[str, JsonValue] = {"group": "layers"}
HARDWARE: dict[str, JsonValue] = {"group": "hardware"}


class Hyperparameters(BaseModel):
    """What the user may choose of a picture; a method adds its own fields.

    Every field carries a default, bounds and one sentence: they become the JSON Schema, the form, the command line's help and the
    documentation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    size: int = Field(384, ge=64, le=LARGEST)
    """Longer side of the picture in pixels."""
    style_scale: float = Field(1.0, ge=0.1, le=4, json_schema_extra=LOOK)
    """Longer side of the style's picture in those of the result: larger strokes above 1; no style is enlarged beyond its own pixels."""
    colours: Literal["style", "luminance", "transfer"] = Field("style", json_schema_extra=LOOK)
    """Whose colours: the style's; the content's, with luminance alone drawn anew; or the style's strokes in colours like the content's."""
    network: str = Field("auto", json_schema_extra=LAYERS)
    """Feature network to look through."""
    tile: int | None = Field(None, ge=128, le=LARGEST, json_schema_extra=HARDWARE)
    """Longer side in pixels above which a picture is computed in tiles of that size, in less memory and more time; none suits 2 GB."""

    def open(self, folder: Path, device: torch.device) -> FeatureNetwork:
        """The network to look through, from the folder of feature networks; raises what `open_network` does."""
        return open_network(self.network, folder, device)


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
    losses: Mapping[str, float]  # "loss", and its parts "content", "style" and "tv"; none where none is made smaller


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
            ValueError: there is no style, no weight above zero, or a mask without a place.
        """
        if not styles:
            raise ValueError("there is no style")
        if any(style.weight < 0 for style in styles) or not sum(style.weight for style in styles):
            raise ValueError("weights of styles are not negative, and one is above 0")
        self._options, self.network = hp, network
        self.height, self.width = fitted(content, hp.size)
        self.content = resize(content.to(network.device, network.dtype), self.height, self.width)
        self.tile = network.tile if hp.tile is None else hp.tile
        self.styles = [style for style in styles if style.weight]
        for style in self.styles:
            if style.mask is not None and not style.mask.any():
                raise ValueError("a mask is black all over: nothing would be drawn in its style")
        self.original = to_pixels(self.content)  # whose colours may be kept
        self.iteration = 0

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
