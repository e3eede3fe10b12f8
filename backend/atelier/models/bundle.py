"""Versions that people bring as files, which may be half, wrong or hostile: what is in them is checked in full before it becomes a folder.

Three things are taken: the zip that a download gives, weights as safetensors with the manifest beside them, and a state dict that torch
saved, with the architecture and its hyper-parameters told beside it. What a file is, its content says, never its name; nothing that an
archive calls its files becomes a path; and what torch saved is read with `weights_only=True`, which runs no code of the file's.
"""

import hashlib
import pickle
import zipfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import torch
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from atelier.models import base
from atelier.models.artifact import (
    MANIFEST,
    NETWORKS,
    SAMPLES,
    WEIGHTS,
    DatasetManifest,
    ImageSpecManifest,
    Manifest,
    TrainingManifest,
    blank,
    build,
)
from atelier.text.memory import CAPTIONS, SENTENCES, Memory

FILES = {MANIFEST: 4 << 20, SAMPLES: 64 << 20, CAPTIONS: 1 << 30, SENTENCES: 4 << 30, WEIGHTS: 16 << 30, NETWORKS: 64 << 30}
"""What a version's folder may hold, and the most bytes of each."""
MAX_RATIO = 200  # unpacked to packed
PIECE = 1 << 20
FEW = 4  # names that a message lists
PARTS = ("generator", "g_ema", "state_dict", "model")  # where files of others keep the weights, in the order of what is wanted

Kind = Literal["bundle", "safetensors", "torch"]


class Description(BaseModel):
    """What weights alone do not tell."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True)

    architecture: str
    """Name of an architecture."""
    hyperparameters: dict[str, Any] = Field(default_factory=dict)
    """Its hyper-parameters that differ from their defaults."""
    channels: Literal[1, 3] = 3
    """1 for grey pictures, 3 for colour."""
    class_names: list[str] = Field(default_factory=list, max_length=10_000)
    """What it was trained to tell apart, in the order of its condition."""
    attribute_names: list[str] = Field(default_factory=list, max_length=10_000)
    """Attributes that it was trained on, in the order of its condition."""
    dataset: str = Field("unknown", min_length=1, max_length=64)
    """What it was trained on, in a word."""


def kind_of(path: Path) -> Kind:
    """By the content.

    Raises:
        ValueError: it is none of what is taken.
    """
    with path.open("rb") as file:
        head = file.read(9)
    if head.startswith(b"PK\x03\x04"):
        with _archive(path) as archive:
            names = archive.namelist()
        return "torch" if any(name.rpartition("/")[2] == "data.pkl" for name in names) else "bundle"
    if len(head) == 9 and head[8:] == b"{" and int.from_bytes(head[:8], "little") < 100 << 20:
        return "safetensors"
    if head.startswith(b"\x80") or head[:1] in (b"(", b"}", b"]"):
        return "torch"
    raise ValueError("this is neither a zip of a version, nor safetensors, nor a state dict that torch saved")


def take_in(path: Path, folder: Path, *, manifest: bytes | None = None, description: Description | None = None) -> Manifest:
    """Turn what was brought into the files of a version, in an existing empty folder.

    Raises:
        ValueError: what is wrong with it, in words for whoever brought it.
    """
    kind = kind_of(path)
    if kind == "bundle":
        if manifest is not None or description is not None:
            raise ValueError("a version's zip has its own manifest; send nothing else with it")
        _unpack(path, folder)
        return _check(folder)
    if (manifest is None) == (description is None):
        raise ValueError("weights alone do not say what they are: send either the version's manifest or a description with them")
    told = _manifest(manifest) if manifest is not None else _described(path, description)
    expected = _generator(told)
    state = _weights(path, kind)
    _fits(expected, state, "the file")
    save_file({name: state[name].contiguous() for name in expected.state_dict()}, folder / WEIGHTS)
    (folder / MANIFEST).write_bytes(manifest if manifest is not None else (told.model_dump_json(indent=2) + "\n").encode())
    return told


# ------------------------------------------------------------------------------------------------------------------------ zips


@contextmanager
def _reading(complaint: str) -> Iterator[None]:
    """Turn whatever damage makes of a reader into a ValueError with the complaint."""
    try:
        yield
    except Exception as error:
        raise ValueError(complaint) from error


def _archive(path: Path) -> zipfile.ZipFile:
    with _reading("the zip file is damaged, or not complete"):
        return zipfile.ZipFile(path)


def _unpack(path: Path, folder: Path) -> None:
    with _archive(path) as archive:
        entries = [entry for entry in archive.infolist() if not entry.filename.endswith("/")]
        if len(entries) > len(FILES):
            raise ValueError(f"the zip holds {len(entries)} files; a version has {', '.join(FILES)} at most")
        found: dict[str, zipfile.ZipInfo] = {}
        for entry in entries:
            parts = entry.filename.split("/")
            name = parts[-1]
            if name not in FILES or len(parts) > 2 or parts[0] in ("", "..") or entry.flag_bits & 1:
                raise ValueError(f"the zip holds {entry.filename[:100]!r}, which no version has; it may hold {', '.join(FILES)}")
            if name in found:
                raise ValueError(f"the zip holds {name} twice")
            if entry.file_size > FILES[name] or entry.file_size > MAX_RATIO * max(entry.compress_size, 1024):
                raise ValueError(f"{name} is larger than any version's")
            if entry.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
                raise ValueError(f"{name} is packed in a way that is not read; pack it by deflate, or not at all")
            found[name] = entry
        for name in (MANIFEST, WEIGHTS):
            if name not in found:
                raise ValueError(f"the zip has no {name}, so it is no version of Atelier's")
        for name, entry in found.items():
            with (folder / name).open("xb") as file:
                file.writelines(_pieces(archive, entry))


def _pieces(archive: zipfile.ZipFile, entry: zipfile.ZipInfo) -> Iterator[bytes]:
    """Of a file's content, in all as many bytes as the zip says at most; the last one is held against the checksum."""
    name = entry.filename.rpartition("/")[2]
    with _reading(f"{name} is damaged inside the zip"), archive.open(entry) as packed:
        while piece := packed.read(PIECE):
            yield piece


def _check(folder: Path) -> Manifest:
    manifest = _manifest((folder / MANIFEST).read_bytes())
    _fits(_generator(manifest), _weights(folder / WEIGHTS, "safetensors"), WEIGHTS)
    if (folder / NETWORKS).exists():
        _fits(build(manifest), _weights(folder / NETWORKS, "safetensors"), NETWORKS)
    if (folder / CAPTIONS).exists() or (folder / SENTENCES).exists():
        with _reading(f"{CAPTIONS} and {SENTENCES} do not fit each other, or can't be read"):
            Memory.load(folder)
    return manifest


# ------------------------------------------------------------------------------------------------------------------- manifests


def _manifest(content: bytes) -> Manifest:
    try:
        manifest = Manifest.model_validate_json(content)
    except ValidationError as error:
        raise ValueError(f"{MANIFEST} is no version's: {_complaints(error)}") from error
    if manifest.format != 1:
        raise ValueError(f"{MANIFEST} has format {manifest.format}, which a newer Atelier wrote; this one reads format 1")
    return manifest


def _described(path: Path, description: Description | None) -> Manifest:
    assert description is not None
    cls = _architecture(description.architecture)
    try:
        hp = cls.Hyperparameters.model_validate(description.hyperparameters)
    except ValidationError as error:
        raise ValueError(f"these are no hyper-parameters of {cls.title}: {_complaints(error)}") from error
    classes, attributes = description.class_names, description.attribute_names
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    spec = ImageSpecManifest(
        channels=description.channels, resolution=hp.resolution, num_classes=len(classes), num_attributes=len(attributes)
    )
    return Manifest(
        architecture=description.architecture,
        hyperparameters=hp.model_dump(mode="json"),
        image=spec,
        dataset=DatasetManifest(
            name=description.dataset, options={}, fingerprint=digest, num_images=0, class_names=classes, attribute_names=attributes
        ),
        training=TrainingManifest(preset=None, seed=0, steps=0, images_seen=0, seconds=0.0, device="unknown", metrics={}),
        created_at=datetime.now(UTC),
    )


def _complaints(error: ValidationError) -> str:
    told = error.errors(include_url=False, include_context=False, include_input=False)
    more = f"; and {len(told) - FEW} more" if len(told) > FEW else ""
    return "; ".join(f"{'.'.join(map(str, one['loc'])) or 'it'}: {one['msg']}" for one in told[:FEW]) + more


def _architecture(name: str) -> type[base.GenerativeModel]:
    cls = base.architectures.get(name)
    if cls is None:
        raise ValueError(f"there is no architecture {name!r}; there are {', '.join(base.architectures)}")
    return cls


def _generator(manifest: Manifest) -> base.Generator:
    """What its weights must fit, as shapes alone."""
    _architecture(manifest.architecture)
    image = manifest.image
    if image.channels not in (1, 3) or not 1 <= image.resolution <= 4096 or min(image.num_classes, image.num_attributes) < 0:
        raise ValueError(f"{MANIFEST} describes pictures that nothing draws: {image.model_dump_json()}")
    named = {
        "classes": (image.num_classes, manifest.dataset.class_names),
        "attributes": (image.num_attributes, manifest.dataset.attribute_names),
    }
    for what, (count, names) in named.items():
        if count and len(names) != count:
            raise ValueError(f"there are {count} {what}, and {len(names)} names of them")
    try:
        return blank(manifest)
    except ValueError as error:
        raise ValueError(f"{manifest.architecture} can't be built from these hyper-parameters: {error}") from error


# --------------------------------------------------------------------------------------------------------------------- weights


def _weights(path: Path, kind: Kind) -> dict[str, Tensor]:
    if kind == "safetensors":
        try:
            return load_file(path)
        except (SafetensorError, OSError, ValueError) as error:
            raise ValueError(f"the safetensors file is damaged, or not complete: {error}") from error
    try:
        found = torch.load(path, map_location="cpu", weights_only=True)
    except pickle.UnpicklingError as error:
        raise ValueError("the file holds more than tensors; save the state dict alone: torch.save(generator.state_dict(), …)") from error
    except Exception as error:  # whatever damage makes of the reader
        raise ValueError(f"the file is no state dict that torch can read: {type(error).__name__}") from error
    return _tensors(found)


def _tensors(found: Any) -> dict[str, Tensor]:
    """The state dict, where it lies within something larger."""
    if isinstance(found, Mapping):
        if found and all(isinstance(name, str) and isinstance(value, Tensor) for name, value in found.items()):
            prefix = "module."  # of DistributedDataParallel
            wrapped = all(name.startswith(prefix) for name in found)
            return {name.removeprefix(prefix) if wrapped else name: value for name, value in found.items()}
        for part in PARTS:
            if isinstance(found.get(part), Mapping):
                return _tensors(found[part])
        inside = ", ".join(str(name)[:40] for name in list(found)[:FEW])
        raise ValueError(f"the file holds no state dict, but {inside or 'nothing'}")
    raise ValueError(f"the file holds no state dict, but a {type(found).__name__}")


def _fits(module: nn.Module, state: Mapping[str, Tensor], name: str) -> None:
    expected = {key: tuple(value.shape) for key, value in module.state_dict().items()}
    missing = [key for key in expected if key not in state]
    unexpected = [key for key in state if key not in expected]
    shaped = [
        f"{key} is {_shape(state[key].shape)} and should be {_shape(shape)}"
        for key, shape in expected.items()
        if key in state and tuple(state[key].shape) != shape
    ]
    wrong = [_some("missing are", missing), _some("unexpected are", unexpected), _some("of another shape are", shaped)]
    if any(wrong):
        raise ValueError(f"the weights in {name} do not fit the network: {'; '.join(filter(None, wrong))}")
    for key, value in state.items():
        if value.is_floating_point() and not bool(value.isfinite().all()):
            raise ValueError(f"{key} in {name} holds values that are no numbers")


def _some(words: str, names: list[str]) -> str:
    if not names:
        return ""
    return f"{words} {', '.join(names[:FEW])}" + (f" and {len(names) - FEW} more" if len(names) > FEW else "")


def _shape(shape: tuple[int, ...] | torch.Size) -> str:
    return " × ".join(map(str, shape)) or "one number"


def sampled(generator: base.Generator, count: int = 64) -> Tensor:
    """Images [N, C, H, W] in [-1, 1] of the seeds from 0 on, for a version that was brought without samples."""
    with torch.inference_mode():
        chosen: list[dict[int | str, float]] | None = [{} for _ in range(count)] if generator.condition_dim else None
        images: Tensor = generator(*generator.inputs(range(count), chosen))
    return images
