"""The contract every architecture fulfils: hyper-parameters, image specification, stages, phases, registration."""

import inspect
import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, ClassVar, Literal, Self

import torch
from pydantic import BaseModel, ConfigDict, Field, JsonValue, model_validator
from torch import Tensor, nn

Conditioning = Literal["none", "class", "attributes", "text"]

# Under which heading a form shows what every architecture has; an architecture's own come first, without one.
BUDGET: dict[str, JsonValue] = {"group": "budget"}
DATA: dict[str, JsonValue] = {"group": "data"}
OPTIMISATION: dict[str, JsonValue] = {"group": "optimisation"}
HARDWARE: dict[str, JsonValue] = {"group": "hardware"}


class Hyperparameters(BaseModel):
    """What the user may choose for a training run; an architecture adds its own fields.

    Every field carries a default, bounds and one sentence: they become the JSON Schema, the form, the
    command line's help and the documentation.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)

    retired: ClassVar[frozenset[str]] = frozenset()
    """Those that older versions were trained by and that there are no more: they did nothing to the networks that are loaded."""

    resolution: Literal[16, 32, 64, 128, 256] = 32
    """Height and width of the images in pixels."""
    steps: int = Field(5000, ge=1, le=10_000_000, json_schema_extra=BUDGET)
    """Training steps; each sees one batch of real images."""
    epochs: float | None = Field(None, gt=0, le=1_000_000, json_schema_extra=BUDGET)
    """Passes over the data set; where given, they decide the number of steps."""
    minutes: float | None = Field(None, gt=0, le=1_000_000, json_schema_extra=BUDGET)
    """Minutes of training; where given, the run ends after them, however many steps that makes."""
    batch_size: int = Field(64, ge=2, le=4096)
    """Images in a batch."""
    split: Literal["train", "all"] = Field("train", json_schema_extra=DATA)
    """What to train on: the part for training, so that the rest can tell learning from remembering, or every picture."""
    flip: bool = Field(True, json_schema_extra=DATA)
    """Mirror half of the real images left to right, where the data set allows it: digits are never mirrored."""
    initialisation: Literal["paper", "orthogonal", "kaiming"] = Field("paper", json_schema_extra=OPTIMISATION)
    """Weights to begin with: those of the paper, orthogonal matrices, or Kaiming's normal ones; a version to start from replaces them."""
    schedule: Literal["constant", "linear", "cosine"] = Field("constant", json_schema_extra=OPTIMISATION)
    """How the learning rates go on: as they are, or down to nothing at the end of the run, in a line or along a cosine."""
    warmup_steps: int = Field(0, ge=0, le=1_000_000, json_schema_extra=OPTIMISATION)
    """Steps over which the learning rates rise from nothing."""
    gradient_clip: float = Field(0.0, ge=0, le=1_000_000, json_schema_extra=OPTIMISATION)
    """Longest gradient of a phase, as the norm over all of its weights; longer ones are shortened to it, 0 leaves them alone."""
    ema_images: int = Field(10_000, ge=0, le=10_000_000, json_schema_extra=OPTIMISATION)
    """Half-life, in images, of the averaged generator that is shown and published; 0 publishes the raw weights."""
    accumulate: int = Field(1, ge=1, le=1024, json_schema_extra=HARDWARE)
    """Parts that a batch is computed in, one after the other: less memory for the same batch."""
    precision: Literal["auto", "float32", "bfloat16"] = Field("auto", json_schema_extra=HARDWARE)
    """Numbers to compute with, while weights and losses stay float32; auto takes bfloat16 where the hardware multiplies matrices of it."""
    compile: bool = Field(False, json_schema_extra=HARDWARE)
    """Compile the networks by torch.compile: a minute at the start for quicker steps; needs a C++ compiler on a CPU."""

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if self.epochs is not None and self.minutes is not None:
            raise ValueError("give epochs or minutes, not both")
        return self

    @model_validator(mode="after")
    def _parts_of_two(self) -> Self:
        if self.batch_size % self.accumulate or self.batch_size < 2 * self.accumulate:
            raise ValueError(f"a batch of {self.batch_size} can't be cut into {self.accumulate} equal parts of two images or more")
        return self

    def for_images(self, count: int) -> Self:
        """The same for a data set of so many images: epochs as steps."""
        return self if self.epochs is None else self.model_copy(update={"steps": math.ceil(self.epochs * count / self.batch_size)})


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
    attributes: Tensor  # [N, A] float32; A is 0 where the data set has none
    captions: tuple[str, ...] = ()  # N, one of each image's, where the architecture draws from text
    step: int = 0  # of the stage, from 0

    def parts(self, count: int) -> "list[Batch]":
        """The batch in so many equal parts, in order."""
        size = len(self.images) // count
        slices = [slice(start, start + size) for start in range(0, len(self.images), size)]
        names = ("images", "labels", "attributes", "captions")
        return [replace(self, **{name: getattr(self, name)[some] for name in names}) for some in slices]


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
    held_out: Callable[[Batch], Losses] | None = None  # when the stage ends: means over pictures that nothing was learned from


class Generator(nn.Module):
    """The module that draws: what EMA averages, serving loads and metrics sample. z [N, latent_dim] → [N, C, H, W] in [-1, 1].

    One that works in a style space (StyleGAN's w) has a `style_dim`, and two halves that `forward` puts together:
    `styles(z, …) → [N, layers, style_dim]` and `synthesis(styles, …) → images`.
    """

    latent_dim: int
    condition_dim: int = 0  # of what it can be asked for; 0 where that is nothing
    style_dim: int = 0

    def inputs(self, seeds: Sequence[int], chosen: Sequence[Mapping[Any, float]] | None = None) -> tuple[Tensor, ...]:
        """What `forward` takes for the images with these seeds, on the generator's device: z, and a condition where it needs one.

        `chosen` names entries of each image's condition, or the texts that it is to show; see `ConditionalGenerator.condition`.
        """
        assert chosen is None, "only a conditional generator can be asked for something"
        return (latents(seeds, self.latent_dim).to(next(self.parameters()).device),)

    def preview_inputs(self, count: int) -> tuple[Tensor, ...]:
        """What `forward` takes for so many images that show what it can draw, always the same."""
        return self.inputs(range(count))

    def codes(self, z: Tensor) -> Tensor:
        """What z becomes before anything is drawn from it, [N, K]: z itself, unless it is given the density of something else first."""
        return z

    def from_codes(self, codes: Tensor) -> Tensor:
        """Back to z."""
        return codes


class ConditionalGenerator(Generator):
    """Draws what a condition asks for: z [N, latent_dim], condition [N, condition_dim] → [N, C, H, W] in [-1, 1].

    A condition holds a weight for each class (one-hot for one of them, a mixture for several, zeros for no class) or a value
    for each attribute. The generator also carries what conditions the data have, so that whoever draws need not name all of one.
    """

    TYPICAL = 256

    typical: Tensor
    excludes: Tensor

    def __init__(self, condition_dim: int) -> None:
        super().__init__()
        self.condition_dim = condition_dim
        self.register_buffer("typical", torch.zeros(self.TYPICAL, condition_dim))  # conditions of the data, evenly picked
        self.register_buffer("excludes", torch.zeros(condition_dim, condition_dim))  # 1 where two never come together

    def inputs(self, seeds: Sequence[int], chosen: Sequence[Mapping[Any, float]] | None = None) -> tuple[Tensor, ...]:
        conditions = [self.condition(seed, entries) for seed, entries in zip(seeds, chosen or [{}] * len(seeds), strict=True)]
        return latents(seeds, self.latent_dim).to(self.typical.device), torch.stack(conditions)

    def learn_conditions(self, conditions: Tensor) -> None:
        """Remember what the data's conditions [N, condition_dim] are like.

        Two that are either on or off, and never on together though by chance they should have been ten times, exclude each other.
        """
        self.typical.copy_(conditions[torch.linspace(0, len(conditions) - 1, self.TYPICAL).long()])
        on_or_off = ((conditions == 0) | (conditions == 1)).all(dim=0).float()
        together = conditions.mT @ conditions  # [K, K]
        expected = torch.outer(conditions.sum(dim=0), conditions.sum(dim=0)) / len(conditions)
        self.excludes.copy_((together == 0) & (expected >= 10) & torch.outer(on_or_off, on_or_off).bool())

    def standardised(self, conditions: Tensor) -> Tensor:
        """Conditions [N, condition_dim] in standard deviations of the data's: all equally loud, one class of ten or a small shift."""
        return (conditions - self.typical.mean(dim=0)) / self.typical.std(dim=0, correction=0).clamp_min(0.1)

    def preview_inputs(self, count: int) -> tuple[Tensor, ...]:
        return super().inputs(range(count))[0], self.preview_conditions(count)  # all there is to ask for, not what the seeds pick

    def preview_conditions(self, count: int) -> Tensor:
        """Conditions [count, condition_dim] to show side by side: of the data, evenly picked; classes one after the other."""
        one_hot = (self.typical.sum(dim=1) == 1).all() and ((self.typical == 0) | (self.typical == 1)).all()
        if one_hot:
            return torch.eye(self.condition_dim, device=self.typical.device)[torch.arange(count) % self.condition_dim]
        return self.typical[torch.linspace(0, self.TYPICAL - 1, count).long()]

    def condition(self, seed: int, chosen: Mapping[int, float]) -> Tensor:
        """The condition [condition_dim] of the image with this seed: one that the data have, with the chosen entries put in.

        What was not chosen and excludes something that is now on goes off, so that a square that is to be red does not stay blue.
        """
        row = torch.randint(self.TYPICAL, (), generator=torch.Generator().manual_seed(seed))
        return self.put(self.typical[int(row)], chosen)

    def put(self, condition: Tensor, chosen: Mapping[int, float]) -> Tensor:
        """A condition [condition_dim] with the chosen entries put in, and without what they exclude."""
        condition = condition.clone()
        on = [index for index, value in chosen.items() if value > 0]
        condition[self.excludes[on].any(dim=0)] = 0
        for index, value in chosen.items():
            condition[index] = value
        return condition


class GenerativeModel(nn.Module, ABC):
    """An architecture: its networks, hyper-parameters, losses and presets, in one file.

    The first paragraph of a subclass' docstring is its summary; `presets` maps a preset's name to the values
    that differ from the defaults.
    """

    name: ClassVar[str]
    title: ClassVar[str]
    paper: ClassVar[str]
    paper_title: ClassVar[str] = ""  # who wrote it, when, and its title
    conditioning: ClassVar[Conditioning] = "none"  # as it comes; a hyper-parameter may choose another: see `conditioned_on`
    options: ClassVar[tuple[str, ...]] = ()  # what its generator's forward takes beside z and a condition, such as truncation_psi
    Hyperparameters: ClassVar[type[_Hyperparameters]]
    presets: ClassVar[Presets]

    generator: Generator

    def __init__(self, hp: _Hyperparameters, spec: ImageSpec) -> None:
        super().__init__()
        self.spec = spec

    @abstractmethod
    def stages(self) -> Iterable[Stage]:
        """What is trained, in order. Called once, when the model stands on its device."""

    def invert(self, images: Tensor) -> Tensor | None:
        """z [N, latent_dim] from which the generator draws about these images [N, C, H, W], where the architecture has learned to tell."""
        return None

    @classmethod
    def conditioned_on(cls, hp: _Hyperparameters) -> Conditioning:
        """What the data must carry, and images can be asked for by, with these hyper-parameters."""
        chosen: Conditioning = getattr(hp, "conditions", cls.conditioning)
        return chosen

    @classmethod
    def latent_dim(cls, hp: _Hyperparameters) -> int:
        """That of the generator with these hyper-parameters: one of them, or else what its generator says of itself."""
        if (dim := getattr(hp, "latent_dim", None)) is None:
            with torch.device("meta"):  # nothing is computed
                dim = cls(hp, ImageSpec(3, hp.resolution, num_classes=2, num_attributes=2)).generator.latent_dim
        return int(dim)

    @classmethod
    def num_styles(cls, hp: _Hyperparameters) -> int:
        """How many layers of that generator have a style of their own; 0 where it has no style space."""
        return 0

    @classmethod
    def needs_version(cls, hp: _Hyperparameters) -> str | None:
        """Why a run with these hyper-parameters must start from a version; None where it need not."""
        return None

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


def conditions_of(labels: Tensor, attributes: Tensor, conditioning: Conditioning, spec: ImageSpec) -> Tensor:
    """What a condition says of real pictures: float32 [N, num_classes], one-hot, or [N, num_attributes]."""
    return nn.functional.one_hot(labels, spec.num_classes).float() if conditioning == "class" else attributes


def latents(seeds: Sequence[int], latent_dim: int) -> Tensor:
    """Standard normal latents [N, latent_dim], each row from a CPU generator with a seed of its own.

    So an image depends on its seed alone: not on its neighbours in the batch, nor on the device.
    """
    return torch.stack([torch.randn(latent_dim, generator=torch.Generator().manual_seed(seed)) for seed in seeds])
