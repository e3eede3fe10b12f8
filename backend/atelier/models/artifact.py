"""What a trained generator is on disk: a folder with weights (safetensors) and a manifest that describes them."""

from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors.torch import load_file, save_file
from torch import nn

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


def image_spec_manifest(spec: base.ImageSpec) -> ImageSpecManifest:
    return ImageSpecManifest(**asdict(spec))


def save(folder: Path, generator: nn.Module, manifest: Manifest, model: nn.Module | None = None) -> None:
    """Write weights and manifest into an existing folder; with the model, all of its networks too, for those who train on."""
    _save(generator, folder / WEIGHTS)
    if model is not None:
        _save(model, folder / NETWORKS)
    (folder / MANIFEST).write_text(manifest.model_dump_json(indent=2) + "\n")


def _save(module: nn.Module, path: Path) -> None:
    save_file({name: value.detach().cpu().contiguous() for name, value in module.state_dict().items()}, path)


def read_manifest(folder: Path) -> Manifest:
    return Manifest.model_validate_json((folder / MANIFEST).read_text())


def load(folder: Path, device: torch.device) -> tuple[Manifest, base.Generator]:
    """Rebuild a generator, in evaluation mode on the device.

    Raises:
        ValueError: this Atelier has no architecture of that name, or none with these hyper-parameters.
    """
    manifest = read_manifest(folder)
    cls = base.architectures.get(manifest.architecture)
    if cls is None:
        raise ValueError(f"architecture {manifest.architecture!r} is not one of {', '.join(base.architectures)}")
    with torch.device("meta"):  # networks that only train (discriminator, encoder) never take memory
        model = cls(_hyperparameters(cls, manifest), base.ImageSpec(**manifest.image.model_dump()))
    generator = model.generator
    generator.load_state_dict(load_file(folder / WEIGHTS, device=str(device)), assign=True)
    return manifest, generator.eval().requires_grad_(False)


def _hyperparameters(cls: type[base.GenerativeModel], manifest: Manifest) -> base.Hyperparameters:
    try:
        return cls.Hyperparameters.model_validate(manifest.hyperparameters)
    except ValidationError as error:
        wrong = ", ".join(str(complaint["loc"][0]) for complaint in error.errors())
        raise ValueError(f"it was trained by another version of Atelier, whose {cls.title} differs in {wrong}") from error
