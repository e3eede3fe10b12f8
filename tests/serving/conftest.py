"""Generators with random weights whose images nevertheless have contrast."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from atelier.models import architectures, artifact
from atelier.models.base import ConditionalGenerator, Generator, Hyperparameters, ImageSpec
from atelier.models.layers import ConditionalBatchNorm2d
from atelier.models.prompted import PromptedGenerator
from atelier.registry.tables import now


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    return "asyncio"


def make_generator(architecture: str, preset: str, spec: ImageSpec, **chosen: Any) -> tuple[Hyperparameters, Generator]:
    """Like a trained one: it knows conditions, normalisation knows its inputs, the last layer uses the whole range."""
    cls = architectures[architecture]
    hp = cls.hyperparameters(preset, resolution=spec.resolution, **chosen)
    torch.manual_seed(0)
    generator = cls(hp, spec).generator
    if isinstance(generator, ConditionalGenerator):
        generator.learn_conditions(torch.eye(generator.condition_dim).repeat(100, 1))
    if isinstance(generator, PromptedGenerator):
        generator.learn_captions([["a red star", "a star"], ["a blue circle"], ["a large cross"]])
    with torch.no_grad():
        if isinstance(getattr(generator, "refined", None), torch.Tensor):
            generator.refined.fill_(True)
        for parameter in generator.parameters():
            if parameter.ndim == 0 and parameter == 0:  # the strength of StyleGAN's noise begins with 0
                parameter.normal_(std=0.3)
        for module in generator.modules():
            if isinstance(module, nn.BatchNorm2d):
                module.momentum = None  # the mean of all batches
            if isinstance(module, ConditionalBatchNorm2d):  # begins without doing anything for a condition
                module.weight.normal_(std=0.3)
        for start in range(0, 256, 64):
            generator(*generator.inputs(range(start, start + 64)))
        for parameter in list(generator.parameters())[-2:]:
            parameter.mul_(10)
    return hp, generator.eval().requires_grad_(False)


def save(folder: Path, architecture: str, hp: Hyperparameters, generator: Generator, spec: ImageSpec) -> Path:
    folder.mkdir(parents=True)
    manifest = artifact.Manifest(
        architecture=architecture,
        hyperparameters=hp.model_dump(mode="json"),
        image=artifact.image_spec_manifest(spec),
        dataset=artifact.DatasetManifest(name="shapes", options={}, fingerprint="0" * 64, num_images=10, class_names=[]),
        training=artifact.TrainingManifest(preset="debug", seed=0, steps=0, images_seen=0, seconds=0, device="cpu", metrics={}),
        created_at=now(),
    )
    artifact.save(folder, generator, manifest)
    return folder


@pytest.fixture
def artifacts(tmp_path: Path) -> Callable[[str], tuple[Path, Generator]]:
    """`artifacts("vae")`: a folder with a tiny version, and its generator."""

    def make(architecture: str) -> tuple[Path, Generator]:
        spec = ImageSpec(3, 16, 5, 4)
        hp, generator = make_generator(architecture, "debug", spec)
        return save(tmp_path / architecture / "v1", architecture, hp, generator, spec), generator

    return make


@pytest.fixture
def generators() -> Callable[..., Generator]:
    """`generators("vae", 3)`: a generator of the size that people train, for images of 32 pixels and 3 channels."""
    return lambda architecture, channels, **chosen: make_generator(architecture, "quick", ImageSpec(channels, 32, 5, 4), **chosen)[1]
