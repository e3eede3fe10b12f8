"""The contract every architecture fulfils: hyper-parameters, image specification, stages, phases, registration."""

import inspect
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field
from torch import Tensor, nn

Conditioning = Literal["none", "class", "attributes", "text"]


class Hyperparameters(BaseModel):
    """What the user may choose for a training run; an architecture adds its own fields.

    Every field carries a default, bounds and one sentence: they become the JSON Schema, the form, the
    command line's help and the documentation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    resolution: Literal[16, 32, 64, 128, 256] = 32
    """Height and width of the images in pixels."""
    steps: int = Field(5000, ge=1, le=10_000_000)
    """Training steps; each sees one batch of real images."""
    batch_size: int = Field(64, ge=2, le=4096)
    """Images in a batch."""
    flip: bool = True
    """Mirror half of the real images left to right, where the data set allows it: digits are never mirrored."""
    ema_images: int = Field(10_000, ge=0, le=10_000_000)
    """Half-life, in images, of the averaged generator that is shown and published; 0 publishes the raw weights."""


_Hyperparameters = Hyperparameters  # the name by which GenerativeModel, which has an attribute `Hyperparameters`, can say it
Presets = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class ImageSpec:
    """What the networks must draw; it follows from the data set, never from the user."""

    channels: int  # 1 grey, 3 RGB
    resolution: int  # height and width in pixels
    num_classes: int = 0
    num_attributes: int = 0


@dataclass(frozen=True)
class Batch:
    """What a phase sees of the data set in one step."""

    images: Tensor  # [N, C, H, W] float32 in [-1, 1]
    labels: Tensor  # [N] int64 class indices; zeros where the data set has no classes


Losses = dict[str, Tensor]


@dataclass(frozen=True, kw_only=True)
class Phase:
    """One optimisation within a step. The loop trains `module` alone, minimising `losses(batch)["loss"]`.

    The other entries of `losses` are scalars to report.
    """

    name: str
    module: nn.Module
    optimizer: torch.optim.Optimizer
    losses: Callable[[Batch], Losses]
    interval: int = 1  # run every so many steps (lazy regularisation)
    repeats: int = 1  # batches a step


@dataclass(frozen=True, kw_only=True)
class Stage:
    """Phases that are trained together for a number of steps."""

    name: str
    steps: int
    phases: Sequence[Phase]


class Generator(nn.Module):
    """The module that draws: what EMA averages, serving loads and metrics sample. z [N, latent_dim] → [N, C, H, W] in [-1, 1]."""

    latent_dim: int


class GenerativeModel(nn.Module, ABC):
    """An architecture: its networks, hyper-parameters, losses and presets, in one file.

    The first paragraph of a subclass' docstring is its summary; `presets` maps a preset's name to the values
    that differ from the defaults.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[str]
    conditioning: ClassVar[Conditioning] = "none"
    Hyperparameters: ClassVar[type[_Hyperparameters]]
    presets: ClassVar[Presets]

    generator: Generator

    def __init__(self, hp: _Hyperparameters, spec: ImageSpec) -> None:
        super().__init__()
        self.spec = spec

    @abstractmethod
    def stages(self) -> Iterable[Stage]:
        """What is trained, in order. Called once, when the model stands on its device."""

    @classmethod
    def summary(cls) -> str:
        return inspect.cleandoc(cls.__doc__ or "").split("\n\n")[0].replace("\n", " ")

    @classmethod
    def hyperparameters(cls, preset: str | None = None, /, **chosen: Any) -> _Hyperparameters:
        """The preset's values overridden by the chosen ones, validated.

        Raises:
            ValueError: the preset is unknown, or a value is out of bounds (pydantic's ValidationError).
        """
        if preset is not None and preset not in cls.presets:
            raise ValueError(f"{cls.name} has no preset {preset!r}; it has {', '.join(cls.presets)}")
        return cls.Hyperparameters.model_validate({**(cls.presets[preset] if preset else {}), **chosen})


architectures: dict[str, type[GenerativeModel]] = {}


def architecture(name: str) -> Callable[[type[GenerativeModel]], type[GenerativeModel]]:
    """Register a class under its public name."""

    def register(cls: type[GenerativeModel]) -> type[GenerativeModel]:
        if name in architectures:
            raise ValueError(f"architecture {name!r} is already defined in {architectures[name].__module__}")
        cls.name = name
        architectures[name] = cls
        return cls

    return register


def latents(seeds: Sequence[int], latent_dim: int) -> Tensor:
    """Standard normal latents [N, latent_dim], each row from a CPU generator with a seed of its own.

    So an image depends on its seed alone: not on its neighbours in the batch, nor on the device.
    """
    return torch.stack([torch.randn(latent_dim, generator=torch.Generator().manual_seed(seed)) for seed in seeds])
