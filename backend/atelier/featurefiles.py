"""Weights of feature networks as others publish them: known by checksum, verified, and kept without what is not looked at."""

import hashlib
import os
import pickle
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http.client import HTTPException
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any
from urllib.request import urlopen

import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import load_file, save_file
from torch import Tensor

Shape = tuple[int, ...]


@dataclass(frozen=True)
class PublishedFile:
    """A file of tensors, {name: tensor}, as torch saves them."""

    file: str
    url: str
    sha256: str  # how it begins
    size: int  # bytes
    kept: str  # name of what is kept of it, a safetensors file
    layout: Mapping[str, Shape]  # tensors that are in it
    whole: bool = False  # keeps all there is in it, not only the tensors of the layout
    least: int = 0  # tensors, if all are kept


@dataclass(frozen=True)
class FeatureNetwork:
    title: str
    use: str
    files: tuple[PublishedFile, ...]


def _torchvision(*plan: tuple[int, int]) -> dict[str, Shape]:
    """Of a VGG's convolutions: (how many, channels) of each block; between two of them there is an activation, behind a block a pool."""
    layout: dict[str, Shape] = {}
    channels, index = 3, 0
    for count, width in plan:
        for _ in range(count):
            layout |= {f"features.{index}.weight": (width, channels, 3, 3), f"features.{index}.bias": (width,)}
            channels, index = width, index + 2
        index += 1
    return layout


def _sequential(kernels: Mapping[int, Shape]) -> dict[str, Shape]:
    weights = {f"{index}.weight": kernel for index, kernel in kernels.items()}
    return weights | {f"{index}.bias": kernel[:1] for index, kernel in kernels.items()}


# Of VGG-19 "normalised" (L. Gatys), whose activations are 1 in the mean, with its preprocessing as a first convolution, up to relu4_1.
_ENCODER = {0: (3, 3, 1, 1), 2: (64, 3, 3, 3), 5: (64, 64, 3, 3), 9: (128, 64, 3, 3), 12: (128, 128, 3, 3), 16: (256, 128, 3, 3)}
_ENCODER |= dict.fromkeys((19, 22, 25), (256, 256, 3, 3)) | {29: (512, 256, 3, 3)}
_DECODER = {1: (256, 512, 3, 3)} | dict.fromkeys((5, 8, 11), (256, 256, 3, 3)) | {14: (128, 256, 3, 3), 18: (128, 128, 3, 3)}
_DECODER |= {21: (64, 128, 3, 3), 25: (64, 64, 3, 3), 28: (3, 64, 3, 3)}

_TORCHVISION = "https://download.pytorch.org/models"
_ADAIN = "https://github.com/naoto0804/pytorch-AdaIN/releases/download/v0.0.0"
_FID = "https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights"

NETWORKS: dict[str, FeatureNetwork] = {
    "vgg19": FeatureNetwork(
        "VGG-19",
        "style transfer",
        (
            PublishedFile(
                file="vgg19-dcbb9e9d.pth",
                url=f"{_TORCHVISION}/vgg19-dcbb9e9d.pth",
                sha256="dcbb9e9d",  # torchvision's files are named after it
                size=574_673_361,
                kept="vgg19.safetensors",
                layout=_torchvision((2, 64), (2, 128), (4, 256), (4, 512), (1, 512)),  # up to relu5_1, a tenth
            ),
        ),
    ),
    "inception": FeatureNetwork(
        "Inception v3 (2015-12-05)",
        "FID, KID",
        (
            PublishedFile(
                file="pt_inception-2015-12-05-6726825d.pth",
                url=f"{_FID}/pt_inception-2015-12-05-6726825d.pth",
                sha256="6726825d",  # in its name, too
                size=95_628_359,
                kept="inception.safetensors",
                layout={"Conv2d_1a_3x3.conv.weight": (32, 3, 3, 3), "fc.weight": (1008, 2048), "fc.bias": (1008,)},
                whole=True,
                least=94 * 5 + 2,  # 94 convolutions, each with four tensors of its norm
            ),
        ),
    ),
    "vgg16": FeatureNetwork(
        "VGG-16",
        "LPIPS, PPL",
        (
            PublishedFile(
                file="vgg16-397923af.pth",
                url=f"{_TORCHVISION}/vgg16-397923af.pth",
                sha256="397923af",
                size=553_433_881,
                kept="vgg16.safetensors",
                layout=_torchvision((2, 64), (2, 128), (3, 256), (3, 512), (3, 512)),  # without its classifier
            ),
        ),
    ),
    "adain": FeatureNetwork(
        "AdaIN's encoder and decoder",
        "style transfer by adain",
        (
            # Its publisher states no checksums. These are what others found who pinned the files; nobody here has compared them.
            PublishedFile(
                file="vgg_normalised.pth",
                url=f"{_ADAIN}/vgg_normalised.pth",
                sha256="804ca2835ecf7539",
                size=80_102_481,
                kept="adain-encoder.safetensors",
                layout=_sequential(_ENCODER),
            ),
            PublishedFile(
                file="decoder.pth",
                url=f"{_ADAIN}/decoder.pth",
                sha256="379ca41d59f3a37e",
                size=14_100_000,  # rounded up
                kept="adain-decoder.safetensors",
                layout=_sequential(_DECODER),
            ),
        ),
    ),
}


def missing(name: str, folder: Path) -> str | None:
    """A sentence about what to do where weights of the network are not in `folder`; None where they are, or come in another way."""
    network = NETWORKS.get(name)
    absent = [] if network is None else [file.file for file in network.files if not (folder / file.kept).exists()]
    if network is None or not absent:
        return None
    return (
        f"The weights of {network.title} are not here: atelier features fetch {name} downloads them, "
        f"atelier features add FILE takes {' and '.join(absent)} as published."
    )


def load(name: str, folder: Path) -> list[dict[str, Tensor]]:
    """Tensors of each of the network's files, on the CPU.

    Raises:
        FileNotFoundError: they are not here; the message says how to get them.
        ValueError: a file is damaged.
    """
    complaint = missing(name, folder)
    if complaint is not None:
        raise FileNotFoundError(complaint)
    states = []
    for published in NETWORKS[name].files:
        try:
            state = load_file(folder / published.kept)
        except SafetensorError as error:
            raise ValueError(f"{published.kept} is damaged; add {published.file} again") from error
        _check(state, published, published.kept)
        states.append(state)
    return states


def digest_of(name: str, folder: Path) -> str:
    """SHA-256 of the network's first file as it was published, of which a part is kept here.

    Raises:
        ValueError: the file is damaged.
    """
    published = NETWORKS[name].files[0]
    try:
        with safe_open(folder / published.kept, framework="pt") as file:
            return str(file.metadata()["sha256"])
    except (SafetensorError, KeyError, TypeError) as error:  # no metadata is None
        raise ValueError(f"{published.kept} is damaged; add {published.file} again") from error


def add(path: Path, folder: Path) -> Path:
    """Find out which published file it is, by its checksum, and keep what is looked at in `folder`; returns where.

    Raises:
        ValueError: it is none of them, is truncated, or holds something other than these weights; nothing is kept.
    """
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise ValueError(f"{path.name} can't be read: {error.strerror}") from error
    every = [published for network in NETWORKS.values() for published in network.files]
    for published in every:
        if digest.startswith(published.sha256):
            return _keep(path, published, digest, folder)
    for published in every:
        if published.file == path.name:
            raise ValueError(_another(path, published, digest))
    raise ValueError(
        f"{path.name} is none of {', '.join(published.file for published in every)}, or damaged: its SHA-256 begins with {digest[:8]}"
    )


def fetch(name: str, folder: Path, on_progress: Callable[[int, int], None] | None = None) -> list[Path]:
    """Download the network's files, verify them, and keep what is looked at in `folder`; returns where.

    `on_progress(bytes, bytes in all)` is called at most ten times a second; what it raises ends the work and leaves nothing unfinished.

    Raises:
        ValueError: there is no such network, or a file could not be had, or is not the published one.
    """
    if name not in NETWORKS:
        raise ValueError(f"{name!r} can't be fetched; {', '.join(NETWORKS)} can")
    files = NETWORKS[name].files
    total, done, told, kept = sum(file.size for file in files), 0, 0.0, []
    folder.mkdir(parents=True, exist_ok=True)
    for published in files:
        digest = hashlib.sha256()
        with NamedTemporaryFile(prefix=".download-", dir=folder) as file:
            for part in _download(published):
                file.write(part)
                digest.update(part)
                done += len(part)
                if on_progress is not None and time.monotonic() - told > 0.1:
                    on_progress(done, total)
                    told = time.monotonic()
            file.flush()
            if not digest.hexdigest().startswith(published.sha256):
                raise ValueError(_another(Path(file.name), published, digest.hexdigest()))
            kept.append(_keep(Path(file.name), published, digest.hexdigest(), folder))
    return kept


def _download(published: PublishedFile) -> Iterator[bytes]:
    done = 0
    try:
        with urlopen(published.url, timeout=60) as response:
            while part := response.read(1 << 20):
                done += len(part)
                if done > published.size:
                    raise ValueError(f"{published.url} is longer than {published.file}")
                yield part
    except (OSError, HTTPException) as error:  # URLError, TimeoutError and ConnectionError are OSErrors
        reason = getattr(error, "reason", error)
        raise ValueError(f"{published.url} could not be had: {reason}; fetch it by hand and add the file") from error


def _another(path: Path, published: PublishedFile, digest: str) -> str:
    size = path.stat().st_size
    short = f": {size:,} of {published.size:,} bytes, the download broke off" if 0 < size < published.size else ""
    wanted = published.sha256
    return f"{published.file} is damaged or another file{short}; its SHA-256 begins with {digest[: len(wanted)]}, not {wanted}"


def _keep(path: Path, published: PublishedFile, digest: str, folder: Path) -> Path:
    """Written whole or not at all."""
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)  # never a pickle that could run something
    except (pickle.UnpicklingError, RuntimeError, EOFError, ValueError, KeyError, AttributeError) as error:
        raise ValueError(f"{published.file} holds something other than weights, and was not opened") from error
    _check(saved, published, published.file)
    state = {name: saved[name].contiguous().clone() for name in (saved if published.whole else published.layout)}
    folder.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(prefix=".add-", dir=folder, delete=False) as file:
        temporary = Path(file.name)
    try:
        save_file(state, temporary, metadata={"source": published.file, "sha256": digest})
        with temporary.open("rb") as file:
            os.fsync(file.fileno())
        temporary.chmod(0o644)
        return temporary.replace(folder / published.kept)
    finally:
        temporary.unlink(missing_ok=True)


def _check(state: Any, published: PublishedFile, name: str) -> None:
    """That all tensors of the layout are there, and all that are kept are numbers."""
    if not isinstance(state, dict) or not all(isinstance(value, Tensor) for value in state.values()):
        raise ValueError(f"{name} holds something other than weights: it is not a list of tensors with their names")
    for key, shape in published.layout.items():
        if key not in state or state[key].shape != shape or not state[key].is_floating_point():
            raise ValueError(f"{name} holds other weights: {key} is missing or of another shape")
    if published.whole and len(state) < published.least:
        raise ValueError(f"{name} holds other weights: {len(state)} tensors of {published.least}")
    for key in state if published.whole else published.layout:
        if not state[key].isfinite().all():
            raise ValueError(f"{name} is damaged: {key} holds numbers that are none")
