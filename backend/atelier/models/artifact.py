"""What a trained generator is on disk: a folder with weights (safetensors) and a manifest that describes them."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from atelier.models import base

WEIGHTS = "generator.safetensors"
NETWORKS = "networks.safetensors"
MANIFEST = "manifest.json"
SAMPLES = "samples.png"


class ImageSpecManifest(BaseModel):
    """ImageSpec, as JSON."""

    channels: int
    resolution: int
    num_classes: int = 0
    num_attributes: int = 0


class CaptionsManifest(BaseModel):
    """What was said of the pictures."""

    source: Literal["captions", "classes", "attributes"]
    """What the sentences come from."""
    templates: list[str] = []
    """Sentences that classes or attributes were put in."""
    count: int
    """Different captions of the pictures that were learned from."""
    augmentation: dict[str, float] = {}
    """What was changed of them by chance, and how much."""


class DatasetManifest(BaseModel):
    """What the version was trained on."""

    name: str
    options: dict[str, Any]
    fingerprint: str
    """SHA-256 over content and preparation."""
    num_images: int
    num_trained: int | None = None
    """Images of its part for training, of which the generator has learned."""
    class_names: list[str]
    attribute_names: list[str] = []
    captions: CaptionsManifest | None = None
    """For what draws from text."""


class BestManifest(BaseModel):
    """Which step's generator was published, because it was measured to be the best."""

    metric: str
    title: str
    """What was measured, and through which network."""
    value: float
    error: float | None
    """Standard error of the value."""
    step: int
    num_generated: int
    """Pictures that were drawn to measure it."""


class TrainingManifest(BaseModel):
    """How the version was trained."""

    job: int | None = None
    preset: str | None
    seed: int
    steps: int
    images_seen: int
    skipped_steps: int = 0
    """Steps whose gradients were not finite and changed nothing."""
    seconds: float
    device: str
    hardware: str | None = None
    """The device by its maker's name."""
    precision: str | None = None
    """The numbers it was computed in."""
    processes: int = 1
    """That shared the batches."""
    start_from: str | None = None
    """The version whose weights it began with."""
    continues: int | None = None
    """The job that it went on from."""
    metrics: dict[str, float]
    """The last values of all losses and measures."""
    best: BestManifest | None = None
    """Whose generator was published, where the run was measured on its way; without it, that of the last step."""


class Manifest(BaseModel):
    """All there is to know about a version: enough to rebuild its generator and to repeat its training."""

    model_config = ConfigDict(use_attribute_docstrings=True)

    format: int = 1
    """Version of this layout."""
    architecture: str
    hyperparameters: dict[str, Any]
    image: ImageSpecManifest
    dataset: DatasetManifest
    training: TrainingManifest
    packages: dict[str, str] = Field(default_factory=dict)
    """Versions of Atelier, Python and what else decides the numbers."""
    revision: str | None = None
    """The commit of Atelier's sources, where it ran from a checkout."""
    created_at: datetime
    starter: bool = False
    """Whether it comes with Atelier's sources, and gets its row when a store is opened."""


def image_spec_manifest(spec: base.ImageSpec) -> ImageSpecManifest:
    return ImageSpecManifest(**asdict(spec))


def save(
    folder: Path, generator: nn.Module, manifest: Manifest, model: nn.Module | None = None, *, dtype: torch.dtype | None = None
) -> None:
    """Write weights and manifest into an existing folder; with the model, all of its networks too, for those who train on.

    `dtype` is what kernels and matrices are stored in, such as torch.float16 for half the size. Vectors stay as they are: they
    are few, and a half holds neither the large nor the tiny ones among batch norm's variances.
    """
    _save(generator, folder / WEIGHTS, dtype)
    if model is not None:
        _save(model, folder / NETWORKS, dtype)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")


def _save(module: nn.Module, path: Path, dtype: torch.dtype | None) -> None:
    state = {name: value.detach().cpu() for name, value in module.state_dict().items()}
    if dtype is not None:
        state = {name: value.to(dtype) if value.is_floating_point() and value.ndim > 1 else value for name, value in state.items()}
    save_file({name: value.contiguous() for name, value in state.items()}, path)


def _read(path: Path, device: torch.device) -> dict[str, Tensor]:
    """Floating-point numbers as float32, whatever they were stored in.

    Copied out of the file, where they begin at any byte: products of matrices differ in their last bits with how their memory is aligned.
    """
    saved = load_file(path, device=str(device))
    return {name: value.to(torch.float32 if value.is_floating_point() else value.dtype, copy=True) for name, value in saved.items()}


def read_manifest(folder: Path) -> Manifest:
    return Manifest.model_validate_json((folder / MANIFEST).read_text())


class _Shapes(TorchFunctionMode):
    """Parameters of networks that are built meanwhile have shapes, and neither memory nor values: the generator's are loaded, and those
    of networks that only train (discriminator, encoder) are not wanted.

    In place of `torch.device("meta")` for all tensors: there, normal deviates and quotients make torch import its compiler, two seconds of
    CPU before the first picture.
    """

    MADE = frozenset({torch.empty, torch.randn})
    CHANGED = frozenset({nn.init.normal_, nn.init.uniform_, nn.init.kaiming_uniform_, Tensor.normal_, Tensor.div})

    def __torch_function__(
        self, func: Callable[..., Any], types: Iterable[type], args: Sequence[Any] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        given = dict(kwargs or {})
        if func in self.MADE:
            return torch.empty(*args, **{**given, "device": "meta"})
        if func in self.CHANGED:
            tensor = args[0] if args else given["tensor"]  # as torch hands on what nn.init is called with
            if tensor.is_meta:
                return tensor
        return func(*args, **given)


def load(folder: Path, device: torch.device) -> tuple[Manifest, base.Generator]:
    """Rebuild a generator, in evaluation mode on the device, in float32.

    Raises:
        ValueError: this Atelier has no architecture of that name, or none with these hyper-parameters.
    """
    manifest = read_manifest(folder)
    generator = blank(manifest)
    generator.load_state_dict(_read(folder / WEIGHTS, device), assign=True)
    return manifest, generator.eval().requires_grad_(False)


def blank(manifest: Manifest) -> base.Generator:
    """A version's generator as shapes, without memory and values.

    Raises:
        ValueError: as `load`.
    """
    with _Shapes():
        return build(manifest).generator


def load_model(folder: Path, device: torch.device) -> tuple[Manifest, base.GenerativeModel]:
    """Rebuild all networks, in evaluation mode on the device, in float32; the generator is the published, averaged one.

    Raises:
        ValueError: as `load`; also where the version was published without its other networks.
    """
    manifest = read_manifest(folder)
    if not (folder / NETWORKS).exists():
        raise ValueError(f"{folder.name} holds a generator alone: there is no {NETWORKS}, which has the networks that trained it")
    model = build(manifest)
    model.load_state_dict(_read(folder / NETWORKS, device))
    model.generator.load_state_dict(_read(folder / WEIGHTS, device))
    return manifest, model.to(device).eval().requires_grad_(False)


def build(manifest: Manifest) -> base.GenerativeModel:
    """All networks of a version, with what a training would begin with.

    Raises:
        ValueError: as `load`.
    """
    cls = base.architectures.get(manifest.architecture)
    if cls is None:
        raise ValueError(f"architecture {manifest.architecture!r} is not one of {', '.join(base.architectures)}")
    return cls(_hyperparameters(cls, manifest), base.ImageSpec(**manifest.image.model_dump()))


def _hyperparameters(cls: type[base.GenerativeModel], manifest: Manifest) -> base.Hyperparameters:
    try:
        known = {name: value for name, value in manifest.hyperparameters.items() if name not in cls.Hyperparameters.retired}
        return cls.Hyperparameters.model_validate(known)
    except ValidationError as error:
        wrong = ", ".join(str(complaint["loc"][0]) for complaint in error.errors())
        raise ValueError(f"it was trained by another version of Atelier, whose {cls.title} differs in {wrong}") from error
